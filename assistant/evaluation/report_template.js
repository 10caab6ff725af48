"use strict";
// Everything shown is set as text, never as HTML: articles, questions and answers are not to be trusted.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const VERDICTS = {
    right: ["✓", "Right"], wrong: ["✗", "Wrong"], rightly: ["✓", "Abstained rightly"],
    wrongly: ["✗", "Abstained wrongly"], unscored: ["·", "Not scored"],
  };
  const BATCH = 40;
  const byId = (id) => document.getElementById(id);
  const list = byId("list"), more = byId("more"), status = byId("status"), search = byId("search");
  const chosen = {verdict: "", fields: {}, order: "file", only: null};
  const count = new Intl.NumberFormat("en").format;
  const percent = (value) => `${Math.round(value * 100)}%`;
  let shown = [], drawn = 0;

  function make(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.flat().filter((child) => child !== null));
    return made;
  }

  // ── which questions, in which order ──

  const words = data.questions.map((question) => [
    question.id, question.question, question.text, question.short, question.speaker, ...question.gold ?? [],
    ...Object.values(question.fields),
  ].join("\n").toLowerCase());

  const ORDERS = {
    file: ["As in the file", null],
    unsure: ["Least confident first", (question) => question.confidence ?? 2],
    sure: ["Most confident first", (question) => -(question.confidence ?? -1)],
    slow: ["Slowest first", (question) => -(question.ms ?? 0)],
    worse: ["Most worsened first", (question) => question.change ?? 0],
    better: ["Most improved first", (question) => -(question.change ?? 0)],
  };

  function fits(at, wanted) {
    const question = data.questions[at];
    return (chosen.only === null || question.id === chosen.only)
      && (!chosen.verdict || question.verdict === chosen.verdict)
      && Object.entries(chosen.fields).every(([field, value]) => !value || String(question.fields[field] ?? "") === value)
      && wanted.every((word) => words[at].includes(word));
  }

  function choose() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const key = ORDERS[chosen.order][1];
    shown = data.questions.map((_, at) => at).filter((at) => fits(at, wanted));
    if (key) shown.sort((a, b) => key(data.questions[a]) - key(data.questions[b]) || a - b);
    drawn = 0;
    list.replaceChildren();
    draw();
    const all = data.questions.length;
    status.textContent = shown.length === all ? `${count(all)} question${all === 1 ? "" : "s"}`
      : `${count(shown.length)} of ${count(all)} questions`;
    if (shown.length < all) status.append(" ", make("button", {type: "button", id: "all", textContent: "Show all", onclick: forget}));
  }

  function draw() {
    const next = shown.slice(drawn, drawn + BATCH);
    drawn += next.length;
    list.append(...next.map((at) => item(data.questions[at])));
  }

  function forget() {
    Object.assign(chosen, {verdict: "", fields: {}, only: null});
    search.value = "";
    for (const select of byId("selects").querySelectorAll("select")) select.value = "";
    if (location.hash.startsWith("#question=")) history.replaceState(null, "", "#questions");
    pressed();
    choose();
    search.focus();
  }

  // ── one question ──

  function item(question) {
    const [sign, name] = VERDICTS[question.verdict];
    const sure = question.confidence === null ? null : make("small", {textContent: `${percent(question.confidence)} confident`});
    const made = make("details", {className: `item ${question.verdict}`},
      make("summary", {},
        make("span", {className: "verdict"}, make("i", {textContent: sign, ariaHidden: "true"}), name, sure),
        make("span", {}, make("span", {className: "asked", textContent: question.question}), brief(question))));
    made.addEventListener("toggle", () => {
      if (made.open && made.childElementCount === 1) made.append(body(question));
    });
    return made;
  }

  function brief(question) {
    const said = question.abstained ? "no answer" : question.short || question.text.split("\n")[0];
    const gold = question.gold === null ? null : question.gold.join(" / ") || "not in the articles";
    return make("span", {className: "brief"},
      make("span", {}, "Said: ", make("q", {textContent: said})),
      gold === null ? null : make("span", {}, "Gold: ", make("q", {textContent: gold})));
  }

  function body(question) {
    const evidence = passagesOf(question);
    return make("div", {className: "body"},
      make("h3", {textContent: "Answer"}), make("p", {className: "answer", textContent: compact(question.text)}),
      gold(question),
      evidence.length ? make("h3", {textContent: question.abstained ? "What came closest" : "Cited"}) : null, evidence,
      retrieved(question), scores(question),
      make("p", {className: "note"}, [
        `Question ${question.id}`, question.ms === null ? "" : `${count(Math.round(question.ms))} ms`,
        ...Object.entries(question.fields).map(([field, value]) => `${field}: ${value}`),
      ].filter(Boolean).join(" · ")));
  }

  function gold(question) {
    if (question.gold === null) return null;
    const accepted = question.gold.length ? question.gold : ["The articles do not hold the answer: abstaining is right."];
    const speaker = question.speaker ? ` said by ${question.speaker}` : "";
    return [make("h3", {textContent: `Gold${speaker}`}),
      make("ul", {className: "accepted"}, accepted.map((text) => make("li", {textContent: text})))];
  }

  function passagesOf(question) {
    const cited = question.abstained ? question.closest : question.cites;
    const groups = new Map(cited.map((cite) => [cite[1], cited.filter((other) => other[1] === cite[1])]));
    return [...groups].map(([passage, cites]) =>
      figure(passage, question, question.abstained ? [] : cites, cites.map((cite) => `[${cite[0]}]`).join(" ")));
  }

  function figure(index, question, cites, label) {
    const [articleId, start, end, text] = data.passages[index];
    const article = data.articles[articleId] ?? {};
    const place = [article.source, article.published, `characters ${count(start)}–${count(end)}`].filter(Boolean).join(", ");
    const title = article.url
      ? make("a", {href: article.url, target: "_blank", rel: "noopener noreferrer", textContent: article.title || articleId})
      : make("b", {textContent: article.title || articleId});
    const golden = question.spans.filter((span) => span[0] === articleId && span[1] < end && span[2] > start);
    return make("figure", {className: "passage"},
      make("figcaption", {}, make("span", {className: "marker", textContent: label}), " ", title, " ", place,
        golden.length ? make("span", {className: "tag", textContent: " · holds the gold answer"}) : null),
      make("blockquote", {}, marked(text, start, cites.map((cite) => [cite[2], cite[3]]), golden.map((span) => [span[1], span[2]]))));
  }

  // News pages leave gaps of many blank lines; one is enough to read by.
  const compact = (text) => text.replace(/\n\s*\n\s*/g, "\n\n");

  // Offsets count code points, as Python does; a JavaScript string counts UTF-16 units.
  function marked(text, start, cited, golden) {
    const letters = Array.from(text), inside = (at, spans) => spans.some((span) => span[0] <= at && at < span[1]);
    const clip = (at) => Math.min(Math.max(at - start, 0), letters.length);
    const cuts = [...new Set([0, letters.length, ...[...cited, ...golden].flat().map(clip)])].sort((a, b) => a - b);
    return cuts.slice(0, -1).map((from, at) => {
      const piece = compact(letters.slice(from, cuts[at + 1]).join(""));
      const isCited = inside(from + start, cited), isGold = inside(from + start, golden);
      return isCited || isGold ? make(isCited ? "mark" : "span", {className: isGold ? "gold" : "", textContent: piece}) : piece;
    });
  }

  function retrieved(question) {
    if (!question.hits.length) return null;
    const made = make("details", {}, make("summary", {textContent: `${count(question.hits.length)} passages found by search`}));
    made.addEventListener("toggle", () => {
      if (made.open && made.childElementCount === 1) {
        made.append(make("div", {className: "retrieved"}, question.hits.map((hit, at) => figure(hit, question, question.cites, `${at + 1}.`))));
      }
    });
    return made;
  }

  function scores(question) {
    const names = Object.keys(question.scores);
    if (!names.length) return null;
    const shown = (value) => value === null ? "–" : Number(value.toFixed(3)).toString();
    return make("details", {}, make("summary", {textContent: "Scores of this question"}),
      make("dl", {className: "measured"}, names.map((name) => {
        const before = question.before[name];
        const from = before === undefined ? "" : `${shown(before)} → `;
        return make("div", {}, make("dt", {textContent: name}), make("dd", {textContent: from + shown(question.scores[name])}));
      })));
  }

  // ── controls ──

  function pressed() {
    for (const button of byId("verdicts").children) button.ariaPressed = String(button.value === chosen.verdict);
  }

  function pick(verdict) {
    chosen.verdict = verdict;
    pressed();
    choose();
  }

  function verdictButtons() {
    const counts = {"": data.questions.length};
    for (const {verdict} of data.questions) counts[verdict] = (counts[verdict] ?? 0) + 1;
    const kinds = ["", ...Object.keys(VERDICTS)].filter((kind) => kind !== "unscored" || counts[kind]);
    byId("verdicts").append(...kinds.map((kind) => make("button", {
      type: "button", value: kind, disabled: !counts[kind], onclick: () => pick(kind),
      textContent: `${kind ? VERDICTS[kind][1] : "All"} ${count(counts[kind] ?? 0)}`,
    })));
    pressed();
  }

  function fieldSelects() {
    const values = Object.create(null);
    for (const {fields} of data.questions) {
      for (const [field, value] of Object.entries(fields)) (values[field] ??= new Set()).add(String(value));
    }
    for (const [field, found] of Object.entries(values)) {
      const isKind = found.size > 1 && found.size <= 60 && [...found].every((value) => value.length <= 60);
      if (!isKind) continue; // a text of its own for every question is nothing to choose by
      const options = [...found].sort().map((value) => make("option", {value, textContent: value}));
      const select = make("select", {onchange: () => { chosen.fields[field] = select.value; choose(); }}, make("option", {value: "", textContent: "All"}), options);
      byId("selects").append(make("label", {}, field, select));
    }
  }

  function orderSelect() {
    const compared = data.questions.some((question) => question.change !== null);
    const kept = Object.entries(ORDERS).filter(([key]) => compared || !["worse", "better"].includes(key));
    byId("order").append(...kept.map(([value, [textContent]]) => make("option", {value, textContent})));
    byId("order").onchange = (event) => { chosen.order = event.target.value; choose(); };
  }

  // Links elsewhere in the page lead to one question, or to all of one verdict.
  function follow() {
    const asked = new URLSearchParams(location.hash.slice(1)), only = asked.get("question"), verdict = asked.get("verdict");
    if (only === null && verdict === null) return;
    Object.assign(chosen, {fields: {}, only});
    search.value = "";
    for (const select of byId("selects").querySelectorAll("select")) select.value = "";
    pick(Object.hasOwn(VERDICTS, verdict ?? "") ? verdict : "");
    if (only !== null && list.firstElementChild) list.firstElementChild.open = true;
    byId("questions").scrollIntoView();
  }

  verdictButtons();
  fieldSelects();
  orderSelect();
  byId("controls").hidden = false;
  byId("controls").onsubmit = (event) => event.preventDefault();
  search.oninput = () => { chosen.only = null; choose(); };
  addEventListener("hashchange", follow);
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting) || drawn >= shown.length) return;
    draw();
    observer.unobserve(more); // looking anew tells whether the end is still in sight
    observer.observe(more);
  }, {rootMargin: "800px"});
  observer.observe(more);
  choose();
  follow();
})();
