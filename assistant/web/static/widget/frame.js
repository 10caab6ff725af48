// The assistant inside its frame. What it shows goes in as text; its policy lets no text become HTML.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const [log, field, askButton, stopButton] = ["log", "question", "ask", "stop"].map(byId);
  const key = new URLSearchParams(location.search).get("key") ?? "";
  const STAGES = {
    loading: "The assistant is starting; your question is next…",
    understanding: "Reading the question…",
    searching: "Searching the articles…",
    reading: "Reading what was found…",
    writing: "Putting the quotes together…",
  };
  const UNREACHED = "The assistant cannot be reached; check the connection, then ask again.";

  // ── the page around ──

  let host = originOf(location.ancestorOrigins?.[0] ?? document.referrer); // else the first greeting tells
  let tellsQuestion = false;

  function originOf(address) {
    return URL.canParse(address) ? new URL(address).origin : null;
  }

  const tell = (saidso, more) => parent !== window && parent.postMessage({ saidso, ...more }, host ?? "*");

  addEventListener("message", ({ source, origin, data }) => {
    if (source !== parent || origin !== (host ?? origin) || typeof data?.saidso !== "string") return;
    if (data.saidso === "hello") {
      host = origin;
      settle(data);
      begin();
    } else if (data.saidso === "focus") enter();
    else if (data.saidso === "ask" && typeof data.question === "string") put(data.question);
  });

  function settle({ title, greeting, accent, ink, theme, lang, question }) {
    const root = document.documentElement;
    const isText = (value) => typeof value === "string" && value !== "";
    if (isText(title)) byId("title").textContent = document.title = title;
    if (isText(greeting)) greet(greeting);
    if (isText(lang) && /^[a-z]{2,8}(-[a-z\d]{1,8})*$/i.test(lang)) root.lang = lang;
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (/^#([\da-f]{3}){1,2}$/i.test(accent) && /^#(000|fff)$/.test(ink)) {
      root.style.setProperty("--accent", accent);
      root.style.setProperty("--on-accent", ink);
    }
    tellsQuestion = question === true;
  }

  function greet(text) {
    byId("greeting").textContent = text;
    byId("greeting").hidden = false;
  }

  const enter = () => (isOpen() ? byId("back") : field.offsetParent ? field : log).focus();

  // ── the server ──

  class Refusal extends Error {
    constructor(sentence, status) {
      super(sentence);
      this.status = status;
    }
  }

  let token = "";
  const kept = `saidso:${key}`;

  // As long as the tab is open, so that a page that is loaded again is no new visitor. Some browsers keep nothing here.
  function remembered(value) {
    try {
      if (value) sessionStorage.setItem(kept, value);
      return sessionStorage.getItem(kept) ?? "";
    } catch {
      return value ?? "";
    }
  }

  async function call(path, options) {
    const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(options?.body && { "Content-Type": "application/json" }) };
    const response = await fetch(path, { ...options, headers }).catch((error) => {
      throw error.name === "AbortError" ? error : new Refusal(UNREACHED);
    });
    if (response.ok) return response;
    const { detail } = await response.json().catch(() => ({}));
    throw new Refusal(typeof detail === "string" ? detail : "The assistant could not take this.", response.status);
  }

  const post = (path, body, signal) => call(path, { method: "POST", body: JSON.stringify(body), signal });

  let renewing = null;
  const renew = () => (renewing ??= exchange().finally(() => (renewing = null))); // one at a time, however many wait for it

  async function exchange() {
    const answer = await post("session", { key, origin: host, token: token || remembered() });
    const session = await answer.json();
    token = session.token;
    remembered(token);
    byId("scope").textContent = session.scope;
  }

  // Does what needs a session, with a new one where it has run out meanwhile.
  async function inSession(act) {
    if (!token) await renew();
    try {
      return await act();
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      await renew();
      return act();
    }
  }

  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const [...whole] = (text + read.value).split("\n\n");
      text = whole.pop();
      for (const event of whole) {
        const lines = event.split("\n").map((line) => line.match(/^(\w*): ?(.*)/s)?.slice(1) ?? []);
        const { event: name, data } = Object.fromEntries(lines);
        if (data) yield [name, JSON.parse(data)]; // else a comment, which keeps the connection open
      }
    }
  }

  // ── asking ──

  let asking = null; // what a stop breaks off
  const turns = []; // what the answers so far give for a question that follows up on them
  const queue = [];

  function put(question) {
    queue.push(question.trim());
    if (!asking) next();
  }

  async function next() {
    for (let question = queue.shift(); question !== undefined; question = queue.shift()) if (question) await ask(question);
  }

  async function ask(question) {
    asking = new AbortController();
    busy(true);
    const slot = make("div");
    const turn = make("section", { className: "turn" }, make("h2", { className: "asked", dir: "auto" }, question), slot);
    log.append(turn);
    turn.scrollIntoView({ block: "start" });
    try {
      const answer = await inSession(() => answered(question, slot, asking.signal));
      turns.push(answer.turn);
      slot.replaceChildren(...understood(question, answer.turn), shown(question, answer));
      tell("answer", { detail: { ...told(answer), ...(tellsQuestion && { question }) } });
    } catch (problem) {
      if (problem.name === "AbortError") slot.replaceChildren(make("p", { className: "notice" }, "Stopped."));
      else slot.replaceChildren(refused(problem));
      field.value ||= question; // nothing is lost
    }
    turn.scrollIntoView({ block: "start" });
    asking = null;
    busy(false);
  }

  async function answered(question, slot, signal) {
    for await (const [name, data] of events(await post("ask", { question, history: turns.slice(-8) }, signal))) {
      if (name === "answer") return data;
      if (name === "error") throw new Refusal(data.detail);
      const stage = STAGES[data.stage] ?? STAGES.reading;
      if (slot.textContent !== stage) slot.replaceChildren(make("p", { className: "stage" }, stage));
    }
    throw new Refusal(UNREACHED);
  }

  const refused = (problem) =>
    make("p", { className: "problem", role: "alert" }, problem instanceof Refusal ? problem.message : UNREACHED);

  const told = ({ abstained, confidence, statements }) => ({ abstained, confidence, citations: statements.length });

  function busy(is) {
    const hadFocus = [askButton, stopButton].includes(document.activeElement);
    askButton.hidden = is;
    stopButton.hidden = !is;
    if (hadFocus) (is ? stopButton : field).focus();
  }

  // ── what is shown ──

  function make(tag, properties, ...inside) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...inside);
    return made;
  }

  function shown(question, answer) {
    const cited = answer.abstained ? answer.closest : answer.statements;
    const list = make("ul", { className: "statements" }, ...cited.map(statement));
    if (answer.abstained) {
      const lead = make("p", { className: "lead" }, answer.text);
      const closest = cited.length ? [make("p", { className: "closest" }, "What comes closest, though it is no answer:"), list] : [];
      return make("div", { className: "answer abstained" }, lead, ...closest);
    }
    const short = answer.short_answer ? [make("p", { className: "short", dir: "auto" }, `“${answer.short_answer}”`)] : [];
    const copy = make("button", { type: "button", className: "copy" }, "Copy");
    copy.onclick = async () => {
      copy.textContent = (await write(written(question, answer))) ? "Copied" : "Not copied";
    };
    const foot = make("div", { className: "foot" }, answer.sure, copy);
    return make("div", { className: "answer" }, ...differing(answer), ...short, list, foot);
  }

  const understood = (question, turn) =>
    turn.question === question ? [] : [make("p", { className: "notice", dir: "auto" }, `Understood as: ${turn.question}`)];

  function statement(said) {
    const lead = said.lead ? [make("b", { className: "speaker", dir: "auto" }, `${said.lead}:`)] : [];
    const place = make("span", { className: "place", dir: "auto" }, said.place);
    return make("li", {}, ...lead, make("q", { className: "quote", dir: "auto" }, said.quote), cite(said), place);
  }

  function cite(said) {
    const button = make("button", { type: "button", className: "cite", ariaLabel: `Source ${said.marker}: ${said.place}` }, `[${said.marker}]`);
    button.onclick = () => openSource(said, button);
    return button;
  }

  function differing({ disagreement, accounts, statements }) {
    if (!disagreement) return [];
    const positions = accounts.map(({ position, speakers, citations }) => {
      const cites = statements.filter(({ marker }) => citations.includes(marker)).map(cite);
      return make("li", {}, make("span", { className: "position" }, position), " ", make("b", {}, speakers.join(", ")), ...cites);
    });
    const heading = make("h3", {}, "How the accounts differ");
    return [make("div", { className: "differing" }, heading, make("ul", {}, ...positions), make("p", {}, disagreement))];
  }

  function written(question, { disagreement, statements }) {
    const lines = statements.map(({ lead, quote, marker }) => `${lead}: “${quote}” [${marker}]`);
    const sources = statements.map(({ marker, place, url }) => `[${marker}] ${place}${url ? `, ${url}` : ""}`);
    return [question, "", ...(disagreement ? [disagreement, ""] : []), ...lines, "", ...sources].join("\n");
  }

  // A page that is not served securely has no clipboard but the old one.
  async function write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const back = document.activeElement;
      const area = make("textarea", { className: "unseen", value: text, ariaHidden: "true" });
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      back?.focus();
      return done;
    }
  }

  // ── the source of a citation ──

  let opener = null;
  const isOpen = () => !byId("source").hidden;

  async function openSource(said, button) {
    opener = button;
    byId("talk").inert = true;
    byId("source").hidden = false;
    byId("source-title").textContent = said.place;
    for (const id of ["byline", "passage", "original"]) byId(id).replaceChildren();
    byId("back").focus();
    try {
      const response = await inSession(() => call(`passage?cited=${encodeURIComponent(said.opens)}`));
      const passage = await response.json();
      if (opener !== button) return;
      byId("source-title").textContent = passage.title;
      byId("byline").textContent = passage.byline;
      const mark = make("mark", {}, passage.quote);
      byId("passage").append(passage.before, mark, passage.after);
      if (/^https?:/i.test(passage.url ?? "")) {
        const original = { href: passage.url, target: "_blank", rel: "noopener noreferrer" };
        byId("original").append(make("a", original, "Original article"));
      }
      mark.scrollIntoView({ block: "center" });
    } catch (problem) {
      byId("passage").append(refused(problem));
    }
  }

  function closeSource() {
    byId("source").hidden = true;
    byId("talk").inert = false;
    opener?.focus();
    opener = null;
  }

  // ── beginning ──

  let began = false;

  async function begin() {
    if (began || byId("refusal")) return;
    began = true;
    if (!byId("greeting").textContent) greet("Ask the articles. Every statement comes with who said it, in their exact words.");
    byId("composer").hidden = false;
    await inSession(() => {}).catch((problem) => log.append(refused(problem)));
  }

  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (asking || !field.value.trim()) return field.focus();
    put(field.value);
    field.value = "";
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("composer").requestSubmit();
  });
  stopButton.addEventListener("click", () => asking?.abort());
  byId("back").addEventListener("click", closeSource);
  addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    if (isOpen()) closeSource();
    else tell("close");
  });

  const hindrance =
    parent === window ? "This page works only inside the page that it was made for."
    : origin === "null" ? "The assistant is shut in a sandbox here; if this is your page, allow-same-origin lets it work."
    : null;
  if (!hindrance) {
    tell("ready");
    if (host) begin();
  } else if (!byId("refusal")) log.append(refused(new Refusal(hindrance)));
})();
