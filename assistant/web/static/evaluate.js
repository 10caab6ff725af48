// The Evaluate tab: starts evaluations, watches them, shows their reports. All text is set as text, never as HTML.
// Pages that are shown in a widget ("?widget" in the address) have no such tab: nothing of this file runs there.
(() => {
  "use strict";
  if (new URLSearchParams(location.search).has("widget")) return;

  const ROUTE = "api/evaluations";
  const LOOK_AGAIN = 1000; // milliseconds
  const UNREACHABLE = "Saidso does not answer. Is it still running?";
  const LARGEST = 50 * 2 ** 20; // bytes that the server takes
  const FORMATS = ".jsonl,.json,.csv,.tsv,.gz";
  const count = new Intl.NumberFormat("en").format;
  const moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const isActive = (job) => job.state === "queued" || job.state === "running";

  let jobs = []; // as the server lists them, the newest first
  let chosen = ""; // the id of the one that is shown
  let shown = ""; // its id and state as they were last drawn
  let looking = 0; // the timer
  let asked = 0; // numbers the looks, so that a late answer cannot undo a newer one

  function make(tag, properties, ...children) {
    const { dataset, ...rest } = properties;
    const made = Object.assign(document.createElement(tag), rest);
    Object.assign(made.dataset, dataset);
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  const isOpen = () => document.body.dataset.tab === "evaluate";

  function arrive() {
    if (!isOpen()) return;
    remember();
    look();
  }

  document.addEventListener("saidso:tab", arrive);

  // The address says what is shown, so that a page loaded anew shows it again.
  function remember() {
    const hash = `#evaluate${chosen ? `=${chosen}` : ""}`;
    if (isOpen() && location.hash !== hash) history.replaceState(null, "", location.pathname + location.search + hash);
  }

  // ── the form ──

  const file = make("input", { type: "file", name: "file", id: "questions-file", accept: FORMATS, required: true });
  const baseline = make("select", { name: "baseline" }, make("option", { value: "", textContent: "no earlier run" }));
  const start = make("button", { type: "submit", className: "primary", textContent: "Run the evaluation" });
  const refusal = make("p", { className: "problem", role: "alert", hidden: true });
  const form = make("form", { id: "evaluation-form" },
    make("h2", { textContent: "Score a question file" }),
    make("p", { textContent: "Every question is asked of the articles indexed here, and each answer held against the file’s. Saidso JSONL, SQuAD JSON or CSV." }),
    labelled("Question file", file),
    make("div", { className: "pair" },
      labelled("Questions to ask", make("input", { type: "number", name: "limit", min: 1, step: 1, placeholder: "all" })),
      labelled("Seed", make("input", { type: "number", name: "seed", min: 0, step: 1, value: 0 }))),
    labelled("Compare with", baseline),
    make("details", {}, make("summary", { textContent: "Gates" }),
      labelled("Conditions that must hold, one a line", make("textarea", {
        name: "gates", rows: 3, placeholder: "mrr@10>=0.74\nf1>=baseline-0.01", spellcheck: false,
      }))),
    start, refusal);

  function labelled(text, field) {
    return make("label", {}, make("span", { textContent: text }), field);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    refusal.hidden = true;
    start.disabled = true;
    try {
      const job = await call(ROUTE, { method: "POST", body: await filledIn() });
      await look();
      show(job.id);
    } catch (error) {
      refusal.textContent = error.message;
      refusal.hidden = false;
    } finally {
      start.disabled = false;
    }
  });

  async function filledIn() {
    const sent = new FormData(form), questions = sent.get("file");
    if (questions.size > LARGEST) throw new Error(`${questions.name} is too large; a question file may have ${LARGEST / 2 ** 20} MB.`);
    try {
      sent.set("file", new Blob([await questions.arrayBuffer()]), questions.name);
    } catch {
      throw new Error(`${questions.name} has changed since it was chosen; choose it again.`); // browsers read no such file
    }
    for (const gate of sent.get("gates").split("\n").filter((line) => line.trim())) sent.append("gate", gate);
    sent.delete("gates");
    return sent;
  }

  function offerBaselines() {
    const done = jobs.filter((job) => job.state === "done");
    const wanted = [["", "no earlier run"], ...done.map((job) => [job.id, `${job.file}, ${when(job)}`])];
    const offered = [...baseline.options].map((option) => option.value);
    if (wanted.map(([id]) => id).join() === offered.join()) return;
    const kept = baseline.value;
    baseline.replaceChildren(...wanted.map(([value, textContent]) => make("option", { value, textContent })));
    baseline.value = done.some((job) => job.id === kept) ? kept : "";
  }

  // ── the list of runs ──

  const runs = make("ol", { id: "runs" });
  const runsHeading = make("h2", { textContent: "Runs", tabIndex: -1 });
  const noRuns = make("p", { textContent: "None yet." });

  function drawRuns() {
    noRuns.hidden = jobs.length > 0;
    const drawn = new Map([...runs.children].map((item) => [item.dataset.id, item]));
    const items = jobs.map((job) => {
      const item = drawn.get(job.id) ?? make("li", { dataset: { id: job.id } },
        make("button", { type: "button", onclick: () => show(job.id) }, make("b", {}), make("span", {})));
      const [button] = item.children;
      button.ariaCurrent = String(job.id === chosen);
      setText(button.children[0], job.file);
      setText(button.children[1], `${when(job)} · ${outcome(job)}`);
      return item;
    });
    if (items.length !== runs.children.length || items.some((item, at) => item !== runs.children[at])) runs.replaceChildren(...items);
  }

  // Setting the same text again would make screen readers say it again.
  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  const when = (job) => moment.format(new Date(job.created));

  function outcome(job) {
    if (job.state === "queued") return "waiting";
    if (job.state === "running") return `${count(job.done)} of ${count(job.total)}`;
    if (job.state !== "done") return job.state;
    const right = job.right === null ? "" : `, ${Math.round(job.right * 100)}% right`;
    return `${count(job.total)} question${job.total === 1 ? "" : "s"}${right}`;
  }

  // ── the run that is shown ──

  const view = make("div", { id: "evaluation" });
  const told = make("p", { className: "unseen", role: "status" });
  const bar = make("progress", { ariaLabel: "Questions asked" });
  const progress = make("p", { className: "stage" });

  function choose(id) {
    chosen = id;
    remember();
    draw();
  }

  // On a phone the run stands below the list: go there.
  function show(id) {
    choose(id);
    if (view.getBoundingClientRect().top > innerHeight / 2) view.scrollIntoView();
  }

  function draw() {
    drawRuns();
    offerBaselines();
    const job = jobs.find((one) => one.id === chosen);
    const key = job ? `${job.id} ${job.state}` : "";
    if (key !== shown || !view.childElementCount) {
      shown = key;
      view.replaceChildren(...(job ? [head(job), ...body(job)] : [welcome()]));
      if (job) setText(told, `The evaluation of ${job.file}: ${outcome(job)}.`);
    }
    if (job && isActive(job)) drawProgress(job);
  }

  function welcome() {
    return make("div", { className: "welcome" },
      make("p", { className: "lead", textContent: "How good are the answers?" }),
      make("p", { textContent: "Give a file of questions whose answers you know, and see how many are found, answered rightly, quoted from the right place, or rightly left unanswered, each with its 95% interval. Two runs can be compared question by question." }),
      make("p", {}, "No questions yet? ", make("code", { textContent: "saidso eval draft articles/ --out drafts.jsonl" }), " proposes some to edit."));
  }

  function head(job) {
    const facts = [when(job), isActive(job) ? "" : outcome(job), `seed ${job.options.seed}`].filter(Boolean);
    return make("header", {},
      make("div", {}, make("h2", { textContent: job.file }), make("p", { textContent: facts.join(" · ") })),
      make("div", { className: "deeds" }, deeds(job)));
  }

  function deeds(job) {
    if (isActive(job)) return [make("button", { type: "button", textContent: "Cancel", onclick: (event) => act(event.target, "Cancelling…", () => call(`${ROUTE}/${job.id}/cancel`, { method: "POST" })) })];
    const remove = make("button", { type: "button", textContent: "Delete", onclick: () => confirmDelete(job, remove) });
    if (job.state !== "done") return [remove];
    const at = `${ROUTE}/${job.id}`;
    return [
      make("a", { href: `${at}/report`, target: "_blank", rel: "noopener", textContent: "Open in a new tab" }),
      make("a", { href: `${at}/report?download=1`, download: "", textContent: "Download the report" }),
      make("a", { href: `${at}/run`, download: "", textContent: "Run file (JSON)" }),
      remove,
    ];
  }

  function confirmDelete(job, button) {
    const really = make("button", { type: "button", className: "primary", textContent: "Delete for good" });
    const keep = make("button", { type: "button", textContent: "Keep", onclick: () => { question.replaceWith(button); button.focus(); } });
    const question = make("span", { className: "deeds" }, really, keep);
    really.onclick = () => act(really, "Deleting…", async () => {
      await call(`${ROUTE}/${job.id}`, { method: "DELETE" });
      choose("");
      runsHeading.focus();
    });
    button.replaceWith(question);
    keep.focus();
  }

  async function act(button, meanwhile, deed) {
    button.disabled = true;
    button.textContent = meanwhile;
    try {
      await deed();
    } catch (error) {
      view.append(make("p", { className: "problem", role: "alert", textContent: error.message }));
    }
    await look();
  }

  function body(job) {
    if (isActive(job)) return [bar, progress];
    if (job.state === "failed") return [make("p", { className: "problem", textContent: job.why })];
    if (job.state === "cancelled") return [make("p", { className: "notice", textContent: `Cancelled after ${count(job.done)} of ${count(job.total)} questions. Nothing was scored.` })];
    const gates = make("ul", { className: "gates", hidden: true });
    drawGates(job, gates);
    const frame = make("iframe", { src: `${ROUTE}/${job.id}/report`, title: `Report of ${job.file}` });
    frame.setAttribute("sandbox", "allow-scripts allow-popups allow-popups-to-escape-sandbox");
    return [gates, frame];
  }

  async function drawGates(job, list) {
    if (!job.options.gates.length) return;
    const { gates } = await call(`${ROUTE}/${job.id}`);
    list.append(...gates.map((gate) => make("li", { className: gate.passed ? "good" : "bad", textContent: `${gate.passed ? "✓" : "✗"} ${gate.sentence}` })));
    list.hidden = false;
  }

  function drawProgress(job) {
    if (job.state === "queued") {
      bar.removeAttribute("value");
      setText(progress, "Waiting for its turn…");
      return;
    }
    bar.max = job.total;
    bar.value = job.done;
    const left = job.seconds_left === null ? "" : `, about ${duration(job.seconds_left)} left`;
    setText(progress, job.done === job.total ? "All asked. Working out the intervals…" : `${count(job.done)} of ${count(job.total)} questions${left}`);
  }

  function duration(seconds) {
    const whole = Math.round(seconds), minutes = Math.floor(whole / 60);
    return minutes ? `${count(minutes)} min ${String(whole % 60).padStart(2, "0")} s` : `${whole} s`;
  }

  // ── the server ──

  async function call(path, options) {
    let answer;
    try {
      answer = await fetch(path, options);
    } catch {
      throw new Error(UNREACHABLE);
    }
    const said = answer.status === 204 ? null : await answer.json().catch(() => null);
    if (!answer.ok) throw new Error(said?.detail ?? `Saidso answered ${answer.status}.`);
    return said;
  }

  const trouble = make("p", { className: "problem", role: "alert", hidden: true });

  // Look at the server's list; again soon while something happens there and somebody watches.
  async function look() {
    clearTimeout(looking);
    const number = ++asked;
    try {
      const { evaluations } = await call(ROUTE);
      if (number !== asked) return;
      trouble.hidden = true;
      jobs = evaluations;
      if (!chosen) chosen = jobs.find((job) => job.state === "running")?.id ?? "";
      draw();
    } catch (error) {
      if (number !== asked) return;
      setText(trouble, error.message);
      trouble.hidden = false;
    }
    const watched = isOpen() && document.visibilityState === "visible";
    if (watched && (!trouble.hidden || jobs.some(isActive))) looking = setTimeout(look, LOOK_AGAIN);
  }

  document.addEventListener("visibilitychange", () => { if (isOpen()) look(); });

  // ── putting it in its place ──

  const section = make("section", { id: "evaluate", role: "tabpanel" },
    make("div", { id: "evaluation-rail" }, form, runsHeading, noRuns, runs),
    make("div", { id: "evaluation-pane" }, trouble, view, told));
  section.setAttribute("aria-labelledby", "tab-evaluate");

  // Gradio builds the page later, and again when it likes; the tab must be there at every moment.
  function place() {
    const desk = document.getElementById("desk");
    if (desk && section.parentElement !== desk.parentElement) desk.after(section);
  }

  new MutationObserver(place).observe(document.documentElement, { childList: true, subtree: true });
  place();
  const [tab, id] = location.hash.slice(1).split("=");
  chosen = tab === "evaluate" && /^[0-9a-f]{12}$/.test(id ?? "") ? id : "";
  arrive();
})();
