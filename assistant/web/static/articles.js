// The Articles tab: what is indexed, by outlet and date; an article with who says what in it; adding and removing.
// All text is set as text, never as HTML. Offsets count characters as Python does, not as JavaScript does.
// Pages that are shown in a widget ("?widget" in the address) have no such tab: nothing of this file runs there.
(() => {
  "use strict";
  if (new URLSearchParams(location.search).has("widget")) return;

  const ROUTE = "api/articles", CLAIMS = "api/claims";
  const PAGE = 50, MOST_CLAIMS = 500;
  const PAUSE = 200; // milliseconds after a key until it is searched
  const MOST_OUTLETS = 12, MOST_MONTHS = 36; // bars
  const LARGEST = 48 * 2 ** 20, MOST_FILES = 200; // of one request: the server takes 50 MB
  const ROW = 30, COLUMN = 34, TALL = 96; // pixels
  const FORMATS = "Text, Markdown, HTML, PDF, Word, e-mail, JSON or JSONL. Files are read by Saidso, on the machine it runs on, and go nowhere else.";
  const UNREACHABLE = "Saidso does not answer. Is it still running?";
  const count = new Intl.NumberFormat("en").format;
  const counted = (number, thing) => `${count(number)} ${thing}${number === 1 ? "" : "s"}`;

  const wanted = { q: "", source: "", period: "" }; // period: a year, or a month as 2017-03
  let listed = []; // the articles that are shown
  let total = 0;
  let opened = ""; // the id of the article that is shown instead of the list
  let asked = 0; // numbers the requests, so that a late answer cannot undo a newer one
  let typing = 0; // the timer

  function make(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  function draw(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const button = (textContent, onclick, className = "") => make("button", { type: "button", textContent, onclick, className });

  // ── days ──

  const monthName = (month, length) => new Intl.DateTimeFormat("en-GB", { month: length, timeZone: "UTC" }).format(new Date(`${month}-01`));
  const periodName = (period) => (period.length === 4 ? period : `${monthName(period, "long")} ${period.slice(0, 4)}`);

  function day(published) {
    const date = new Date(published.slice(0, 10));
    const written = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
    return Number.isNaN(date.getTime()) ? published : written.format(date);
  }

  function bounds(period) {
    if (!period) return {};
    const [year, month] = period.split("-").map(Number);
    if (!month) return { from: `${period}-01-01`, to: `${period}-12-31` };
    return { from: `${period}-01`, to: new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10) };
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

  function listing({ q, source, period }, offset, limit) {
    const query = new URLSearchParams({ q, offset, limit, ...bounds(period) });
    if (source) query.append("source", source);
    return call(`${ROUTE}?${query}`);
  }

  // ── searching and filtering ──

  const search = make("input", { type: "search", id: "articles-search", autocomplete: "off", placeholder: "Words in title or text" });
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => choose({ q: search.value.trim() }), PAUSE);
  });

  const outlets = make("section", { className: "chart" }), dates = make("section", { className: "chart" });
  const active = make("p", { id: "articles-active" });
  const status = make("p", { id: "articles-status", role: "status" });
  const trouble = make("p", { className: "problem", role: "alert", hidden: true });
  const list = make("ul", { id: "articles-list" });
  const more = button("", () => look(listed.length), "more");
  const empty = make("div", { className: "welcome", hidden: true });

  function choose(change) {
    Object.assign(wanted, change);
    return look(0);
  }

  // Each chart counts what the other filters keep, so that one can go from bar to bar.
  async function look(offset) {
    const number = ++asked;
    try {
      const [page, bySource, byMonth] = await Promise.all([
        listing(wanted, offset, PAGE),
        offset || !wanted.source ? null : listing({ ...wanted, source: "" }, 0, 0),
        offset || !wanted.period ? null : listing({ ...wanted, period: "" }, 0, 0),
      ]);
      if (number !== asked) return;
      trouble.hidden = true;
      listed = offset ? [...listed, ...page.articles] : page.articles;
      total = page.total;
      drawList(offset);
      if (!offset) {
        drawOutlets((bySource ?? page).sources);
        drawDates((byMonth ?? page).months, (byMonth ?? page).undated);
      }
    } catch (error) {
      if (number === asked) complain(error.message);
    }
  }

  function complain(message) {
    trouble.textContent = message;
    trouble.hidden = false;
  }

  function drawList(from) {
    const chosen = [wanted.source, wanted.period && periodName(wanted.period), wanted.q && `“${wanted.q}”`].filter(Boolean);
    const has = chosen.length > 0;
    active.replaceChildren(...(has ? [`Only: ${chosen.join(", ")} `, button("Clear", clear)] : []));
    status.textContent = total ? counted(total, "article") : has ? "No article fits." : "";
    const items = listed.slice(from).map(row);
    from ? list.append(...items) : list.replaceChildren(...items);
    if (from) items[0]?.querySelector("button").focus();
    more.hidden = listed.length >= total;
    more.textContent = `Show ${count(Math.min(PAGE, total - listed.length))} more of ${count(total)}`;
    empty.hidden = has || total > 0;
  }

  function clear() {
    search.value = "";
    choose({ q: "", source: "", period: "" });
    search.focus();
  }

  const about = (article) => [article.source, day(article.published) || "no date"].filter(Boolean).join(" · ");

  function row(article) {
    const open = button("", () => show(article.id));
    open.append(make("b", { textContent: article.title || article.id }), make("span", { textContent: `${about(article)} · ${counted(article.passages, "passage")}` }));
    return make("li", {}, open);
  }

  // ── charts ──

  function drawOutlets(sources) {
    const bars = sources.map(({ source, articles }) => ({ key: source, name: source || "No outlet named", articles }));
    bars.sort((one, other) => other.articles - one.articles);
    const shown = bars.filter((bar, at) => at < MOST_OUTLETS || bar.key === wanted.source);
    chart(outlets, "By outlet", "Outlet", bars, () => rows(shown.filter((bar) => bar.key), bars.length - shown.length));
  }

  function rows(bars, left) {
    const most = Math.max(...bars.map((bar) => bar.articles), 1);
    const svg = draw("svg", { width: "100%", height: bars.length * ROW, role: "group", "aria-label": "Articles by outlet" });
    bars.forEach((bar, at) => {
      const y = at * ROW;
      svg.append(pickable(bar, "source",
        draw("rect", { class: "hit", x: 0, y: y + 1, width: "100%", height: ROW - 2 }),
        draw("rect", { class: "bar", x: 0, y: y + 2, width: `${(100 * bar.articles) / most}%`, height: ROW - 4, rx: 2 }),
        label(short(bar.name, 34), 8, y + ROW / 2), label(count(bar.articles), "98%", y + ROW / 2, "end")));
    });
    return [svg, left > 0 ? make("p", { textContent: `and ${counted(left, "smaller outlet")}, in the table` }) : null];
  }

  function drawDates(months, undated) {
    const year = months.length > 0 && wanted.period.slice(0, 4);
    const isLong = monthsBetween(months[0]?.month, months.at(-1)?.month) > MOST_MONTHS;
    const named = (key, name) => ({ key, name, articles: months.filter(({ month }) => month.startsWith(key)).reduce((sum, { articles }) => sum + articles, 0) });
    const years = () => yearsBetween(months[0].month, months.at(-1).month).map((key) => named(key, key));
    const some = isLong && year ? monthsOf(year) : isLong ? null : monthsFrom(months);
    const bars = some ? some.map((key) => named(key, periodName(key))) : years();
    chart(dates, "By date", "Month", bars.filter((bar) => bar.articles), () => [
      months.length ? columns(bars) : null,
      isLong && year ? button("All years", () => choose({ period: "" })) : null,
      undated ? make("p", { textContent: `${counted(undated, "article")} without a date` }) : null,
    ]);
  }

  const monthsBetween = (first, last) => (first ? (last.slice(0, 4) - first.slice(0, 4)) * 12 + (last.slice(5) - first.slice(5)) + 1 : 0);
  const monthsOf = (year) => Array.from({ length: 12 }, (_, at) => `${year}-${String(at + 1).padStart(2, "0")}`);
  const yearsBetween = (first, last) => Array.from({ length: last.slice(0, 4) - first.slice(0, 4) + 1 }, (_, at) => String(+first.slice(0, 4) + at));

  function monthsFrom(months) {
    if (!months.length) return [];
    const [first, last] = [months[0].month, months.at(-1).month];
    return yearsBetween(first, last).flatMap(monthsOf).filter((month) => month >= first && month <= last);
  }

  function columns(bars) {
    const most = Math.max(...bars.map((bar) => bar.articles), 1), foot = 38;
    const svg = draw("svg", { width: bars.length * COLUMN, height: TALL + foot, role: "group", "aria-label": "Articles by date" });
    bars.forEach((bar, at) => {
      const x = at * COLUMN, high = bar.articles ? Math.max(3, ((TALL - 18) * bar.articles) / most) : 0;
      const isYear = bar.key.length === 4, starts = !isYear && (at === 0 || bar.key.endsWith("-01"));
      const parts = [
        draw("rect", { class: "hit", x: x + 1, y: 0, width: COLUMN - 2, height: TALL + foot }),
        draw("rect", { class: "bar", x: x + 4, y: TALL - high, width: COLUMN - 8, height: high, rx: 2 }),
        label(bar.articles ? count(bar.articles) : "", x + COLUMN / 2, TALL - high - 9, "middle"),
        label(isYear ? bar.key : monthName(bar.key, "short"), x + COLUMN / 2, TALL + 11, "middle"),
        ...(starts ? [label(bar.key.slice(0, 4), x + COLUMN / 2, TALL + 28, "middle")] : []),
      ];
      svg.append(bar.articles ? pickable(bar, "period", ...parts) : draw("g", { "aria-hidden": "true" }, ...parts));
    });
    return make("div", { className: "scrolled" }, svg);
  }

  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  function label(text, x, y, anchor = "start") {
    const made = draw("text", { x, y, "text-anchor": anchor, "dominant-baseline": "central" });
    made.textContent = text;
    return made;
  }

  // A bar is a button that filters by what it stands for, or no longer does.
  function pickable(bar, filter, ...parts) {
    const isOn = wanted[filter] === bar.key;
    const named = `${bar.name}: ${counted(bar.articles, "article")}`;
    const group = draw("g", { role: "button", tabindex: 0, "aria-pressed": isOn, "aria-label": named, "data-key": bar.key }, ...parts);
    group.append(draw("title", {}, named));
    const pick = () => choose({ [filter]: isOn ? "" : bar.key });
    group.addEventListener("click", pick);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pick();
    });
    return group;
  }

  function chart(place, heading, column, bars, drawn) {
    const focused = place.contains(document.activeElement) && document.activeElement.dataset.key;
    const isTableOpen = place.querySelector("details")?.open ?? false;
    place.hidden = bars.length === 0;
    place.replaceChildren(make("h2", { textContent: heading }), ...drawn().filter(Boolean), asTable(heading, column, bars, isTableOpen));
    if (focused) [...place.querySelectorAll("[data-key]")].find((bar) => bar.dataset.key === focused)?.focus();
  }

  function asTable(heading, column, bars, open) {
    const head = [column, "Articles"].map((textContent) => make("th", { scope: "col", textContent }));
    const lines = bars.map((bar) => make("tr", {}, make("th", { scope: "row", textContent: bar.name }), make("td", { textContent: count(bar.articles) })));
    const table = make("table", {}, make("caption", { className: "unseen", textContent: `Articles ${heading.toLowerCase()}` }), make("thead", {}, make("tr", {}, head)), make("tbody", {}, lines));
    return make("details", { open }, make("summary", { textContent: "As a table" }), table);
  }

  // ── one article ──

  const view = make("article", { id: "article" });

  async function show(id) {
    opened = id;
    remember();
    const number = ++asked;
    try {
      const [article, { claims }] = await Promise.all([
        call(`${ROUTE}/${encodeURIComponent(id)}`),
        call(`${CLAIMS}?${new URLSearchParams({ article_id: id, limit: MOST_CLAIMS })}`),
      ]);
      if (number !== asked) return;
      trouble.hidden = true;
      drawArticle(article, claims);
      section.classList.add("reading");
      view.querySelector("h2").focus({ preventScroll: true });
      pane.scrollTop = 0;
    } catch (error) {
      if (number === asked) complain(error.message);
    }
  }

  function close() {
    const was = opened;
    opened = "";
    remember();
    section.classList.remove("reading");
    view.replaceChildren();
    const at = listed.findIndex((article) => article.id === was);
    (list.children[at]?.querySelector("button") ?? search).focus();
    if (!listed.length) look(0);
  }

  function drawArticle(article, claims) {
    const remove = button("Remove…", () => confirm(article, remove), "remove");
    const byline = make("p", { className: "byline" }, [about(article), article.authors.join(", ")].filter(Boolean).join(" · "));
    if (/^https?:\/\//i.test(article.url)) {
      byline.append(" · ", make("a", { href: article.url, target: "_blank", rel: "noopener noreferrer", textContent: "Original article" }));
    }
    const text = make("div", { className: "text" }, marked(article.text, claims));
    view.replaceChildren(
      make("header", {}, make("h2", { textContent: article.title || article.id, tabIndex: -1 }), byline,
        make("p", { className: "deeds" }, button("All articles", close), remove)),
      make("div", { className: "both" }, text, whoSaidWhat(claims, text)));
  }

  const pieces = (part) => (part === null ? [] : Array.isArray(part) ? part : [part]);
  const speakerOf = (claim) => claim.name ?? claim.speaker?.text.replace(/\s+/g, " ") ?? "Nobody named";

  // The text in pieces, each with the claims that it belongs to and the part it has in them.
  function marked(text, claims) {
    const signs = /[\ud800-\udfff]/.test(text) ? Array.from(text) : text;
    const cut = (start, end) => (typeof signs === "string" ? signs.slice(start, end) : signs.slice(start, end).join(""));
    const spans = claims.flatMap((claim, number) => ["speaker", "cue", "content"].flatMap((part) => pieces(claim[part]).map(({ start, end }) => ({ start, end, part, number }))));
    const edges = [...new Set([0, signs.length, ...spans.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
    return edges.slice(0, -1).map((start, at) => {
      const end = edges[at + 1], within = spans.filter((span) => span.start <= start && end <= span.end);
      const parts = new Set(within.map(({ part }) => part));
      if (!parts.size) return cut(start, end);
      const element = make(parts.has("content") ? "mark" : "span", { className: [...parts].join(" "), textContent: cut(start, end) });
      element.dataset.claims = ` ${[...new Set(within.map(({ number }) => number))].join(" ")} `;
      return element;
    });
  }

  function whoSaidWhat(claims, text) {
    if (!claims.length) return make("aside", {}, make("h3", { textContent: "Who said what" }), make("p", { textContent: "Nobody is quoted in this article." }));
    const speakers = new Map();
    for (const claim of claims) speakers.set(speakerOf(claim), (speakers.get(speakerOf(claim)) ?? 0) + 1);
    const items = claims.map((claim, number) => {
      const words = pieces(claim.content).map((piece) => piece.text).join(" … ").replace(/\s+/g, " ");
      const open = button("", () => point(text, items, number));
      open.append(make("b", { textContent: speakerOf(claim) }), ` ${claim.stance} `, make("span", { className: claim.direct ? "direct" : "", textContent: short(words, 140) }));
      return make("li", {}, open);
    });
    const chips = [["All", claims.length], ...speakers].map(([name, number], at) => {
      const chip = button("", () => {
        for (const other of chips) other.ariaPressed = String(other === chip);
        claims.forEach((claim, which) => {
          items[which].hidden = at > 0 && speakerOf(claim) !== name;
        });
        for (const piece of text.querySelectorAll("[data-claims]")) {
          piece.classList.toggle("other", at > 0 && !piece.dataset.claims.trim().split(" ").some((which) => speakerOf(claims[which]) === name));
        }
      }, "chip");
      chip.append(make("span", { className: "name", textContent: name }), " ", make("span", { className: "count", textContent: count(number) }));
      chip.ariaPressed = String(at === 0);
      return chip;
    });
    const group = make("div", { className: "chips", role: "group", ariaLabel: "Show the claims of" }, speakers.size > 1 ? chips : []);
    return make("aside", {}, make("h3", { textContent: "Who said what" }), group, make("ol", { className: "told" }, items));
  }

  function point(text, items, number) {
    items.forEach((item, at) => (item.firstChild.ariaCurrent = String(at === number)));
    for (const piece of text.querySelectorAll("[data-claims]")) piece.classList.toggle("chosen", piece.dataset.claims.includes(` ${number} `));
    text.querySelector(".chosen")?.scrollIntoView({ block: "center" });
  }

  function confirm(article, remove) {
    const keep = button("Keep", () => { question.replaceWith(remove); remove.focus(); });
    const really = button("Remove for good", async () => {
      really.disabled = true;
      try {
        await call(`${ROUTE}/${encodeURIComponent(article.id)}`, { method: "DELETE" });
        close();
        await look(0);
        status.textContent = `Removed: ${article.title || article.id}. ${status.textContent}`;
        search.focus();
        refreshPage();
      } catch (error) {
        really.disabled = false;
        complain(error.message);
      }
    }, "primary");
    const question = make("span", { className: "deeds" }, really, keep);
    remove.replaceWith(question);
    keep.focus();
  }

  // ── adding ──

  const chooser = make("input", { type: "file", id: "articles-files", multiple: true });
  const bar = make("progress", { ariaLabel: "Reading the files", hidden: true });
  const reading = make("p", { className: "stage", role: "status" });
  const outcomes = make("ul", { className: "outcomes" });
  const adding = make("section", { id: "articles-add" },
    make("h2", { textContent: "Add articles" }),
    make("label", {}, make("span", { textContent: "Choose files, or drop them here" }), chooser),
    make("p", { textContent: FORMATS }), bar, reading, make("div", { role: "status" }, outcomes));

  chooser.addEventListener("change", () => add([...chooser.files]));

  function batches(files) {
    const parts = [[]];
    let size = 0;
    for (const file of files) {
      if (parts.at(-1).length && (size + file.size > LARGEST || parts.at(-1).length >= MOST_FILES)) {
        parts.push([]);
        size = 0;
      }
      parts.at(-1).push(file);
      size += file.size;
    }
    return parts;
  }

  async function add(files) {
    if (chooser.disabled || !files.length) return;
    chooser.disabled = true;
    outcomes.replaceChildren();
    const tooLarge = files.filter((file) => file.size > LARGEST);
    tooLarge.forEach((file) => tell("bad", file.name, ` is too large; a file may have ${LARGEST / 2 ** 20} MB. Give it in parts, or use saidso ingest.`));
    const sum = { added: 0, replaced: 0, unchanged: 0, rejected: tooLarge.length };
    bar.hidden = false;
    for (const part of batches(files.filter((file) => file.size <= LARGEST))) {
      try {
        if (part.length) await send(part, sum);
      } catch (error) {
        tell("bad", part.length === 1 ? part[0].name : counted(part.length, "file"), `: ${error.message}`);
      }
    }
    bar.hidden = true;
    reading.textContent = "";
    const said = [[sum.added, "added"], [sum.replaced, "replaced"], [sum.unchanged, "already there"]].filter(([number]) => number);
    if (said.length) outcomes.prepend(make("li", { className: "good", textContent: `${said.map(([number, what]) => `${counted(number, "article")} ${what}`).join(", ")}.` }));
    chooser.disabled = false;
    chooser.value = "";
    await look(0);
    refreshPage();
  }

  function tell(className, name, rest) {
    outcomes.append(make("li", { className }, make("b", { textContent: name }), rest));
  }

  // Send files, and take what the server tells while it reads them, as server-sent events.
  async function send(files, sum) {
    const form = new FormData();
    for (const file of files) form.append("files", file);
    reading.textContent = `Sending ${files.length === 1 ? files[0].name : counted(files.length, "file")}…`;
    bar.removeAttribute("value");
    let answer;
    try {
      answer = await fetch(ROUTE, { method: "POST", body: form, headers: { Accept: "text/event-stream" } });
    } catch {
      throw new Error(UNREACHABLE);
    }
    if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.detail ?? `Saidso answered ${answer.status}.`);
    let isDone = false;
    for await (const [event, data] of events(answer.body)) {
      if (event === "error") throw new Error(data.detail);
      if (event === "progress") {
        bar.max = data.total || 1;
        bar.value = data.done;
        reading.textContent = `Reading ${data.name}…`;
      } else if (event === "done") {
        isDone = true;
        sum.added += data.added.length;
        sum.replaced += data.replaced.length;
        sum.unchanged += data.unchanged;
        for (const { origin, reason } of data.rejected) tell("bad", origin, reason.startsWith(origin) ? reason.slice(origin.length) : `: ${reason}`);
      }
    }
    if (!isDone) throw new Error("The connection broke off; add the same files again, what was read is passed over.");
  }

  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      text += value ?? "";
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":")).map((line) => line.split(/: ?(.*)/s)));
        if (fields.event) yield [fields.event, JSON.parse(fields.data)];
      }
      if (done) return;
    }
  }

  // The chat page shows counts, outlets and examples of its own.
  const refreshPage = () => document.getElementById("refresh")?.click();

  const holdsFiles = (event) => isOpen() && event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    adding.classList.add("over");
  });
  for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => adding.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });

  // ── putting it in its place ──

  empty.append(
    make("p", { className: "lead", textContent: "No articles yet." }),
    make("p", { textContent: "Choose files beside this, or drop them anywhere on this page. One file may hold one article or, as JSON lines, many." }),
    make("p", {}, "A folder is read in on the terminal: ", make("code", { textContent: "saidso ingest FOLDER" }), "."));
  const pane = make("div", { id: "articles-pane" }, trouble, make("div", { id: "articles-all" }, dates, active, status, list, more, empty), view);
  const rail = make("div", { id: "articles-rail" }, make("label", { id: "articles-find" }, make("span", { textContent: "Find articles" }), search), outlets, adding);
  const section = make("section", { id: "articles", role: "tabpanel" }, rail, pane);
  section.setAttribute("aria-labelledby", "tab-articles");

  const isOpen = () => document.body.dataset.tab === "articles";

  function remember() {
    const hash = `#articles${opened ? `=${encodeURIComponent(opened)}` : ""}`;
    if (isOpen() && location.hash !== hash) history.replaceState(null, "", location.pathname + location.search + hash);
  }

  function arrive() {
    if (!isOpen()) return;
    remember();
    look(0).then(() => opened && !view.childElementCount && show(opened));
  }

  document.addEventListener("saidso:tab", arrive);

  // Gradio builds the page later, and again when it likes; the tab must be there at every moment.
  function place() {
    const desk = document.getElementById("desk");
    if (desk && section.parentElement !== desk.parentElement) desk.after(section);
  }

  new MutationObserver(place).observe(document.documentElement, { childList: true, subtree: true });
  place();
  const [tab, id] = location.hash.slice(1).split("=");
  try {
    opened = tab === "articles" ? decodeURIComponent(id ?? "") : "";
  } catch {
    opened = ""; // a broken address
  }
  arrive();
})();
