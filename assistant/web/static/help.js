// Help: what can be asked, by examples made from the present articles, which keys there are, and where things are.
// Pages that are shown in a widget ("?widget" in the address) have no room for it: nothing of this file runs there.
(() => {
  "use strict";
  if (new URLSearchParams(location.search).has("widget")) return;

  const byId = (id) => document.getElementById(id);
  let clicks = 0;

  function make(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.flat());
    return made;
  }

  const opener = make("button", { type: "button", id: "open-help", textContent: "Help", ariaHasPopup: "dialog", onclick: () => open() });
  const asked = make("div", { id: "help-examples" });
  const close = make("button", { type: "button", textContent: "Close", onclick: () => dialog.close() });

  const listed = (pairs) => make("dl", {}, pairs.flatMap(([term, meaning]) => [make("dt", {}, term), make("dd", { textContent: meaning })]));
  const keys = (...names) => names.flatMap((name, at) => [...(at ? [" + "] : []), make("kbd", { textContent: name })]);
  const dialog = make("dialog", { id: "help" },
    make("header", {}, make("h2", { id: "help-title", textContent: "Help" }), close),
    make("h3", { textContent: "What can I ask?" }),
    make("p", { textContent: "Anything the articles may tell. Who said it matters: a question about somebody’s words is answered with just these. Try one, made from the articles that are indexed now:" }),
    asked,
    make("h3", { textContent: "Keys" }),
    listed([
      [keys("Enter"), "asks"],
      [keys("Shift", "Enter"), "begins a new line in the question"],
      [keys("Esc"), "closes the source, or goes to the question"],
      [[...keys("←"), " ", ...keys("→")], "go from tab to tab, once one of them is focused"],
      [keys("Ctrl", "/"), "opens this help"],
    ]),
    make("h3", { textContent: "Where things are" }),
    listed([
      ["[1]", "in an answer opens the article at the quote."],
      ["High, fair, low confidence", "opens what the confidence means, and when Saidso refuses to answer."],
      ["Receipt", "saves the answer with its evidence in a file; saidso verify FILE checks it later."],
      ["Filters", "keep outlets, days, one speaker’s words, or what was known as of a day."],
      ["Articles", "shows what is indexed, adds and removes articles, and shows who says what in each."],
      ["Evaluate", "scores Saidso on questions whose answers you know."],
    ]));
  dialog.setAttribute("aria-labelledby", "help-title");
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }); // beside the box

  async function open() {
    if (dialog.open) return;
    dialog.showModal();
    asked.replaceChildren(make("p", { className: "stage", role: "status", textContent: "Trying some…" }));
    const examples = await fetch("api/examples").then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    asked.replaceChildren(...drawn(examples?.examples));
  }

  function drawn(examples) {
    if (!examples) return [make("p", { textContent: "There are no examples while Saidso loads." })];
    if (!examples.length) return [make("p", { textContent: "No articles are indexed yet; add some under Articles." })];
    const kinds = [...new Set(examples.map(({ kind }) => kind))];
    return kinds.map((kind) => make("section", {}, make("h4", { textContent: kind }),
      examples.filter((one) => one.kind === kind).map(({ question }) => make("button", { type: "button", textContent: question, onclick: () => ask(question) }))));
  }

  function ask(question) {
    dialog.close();
    byId("tab-ask")?.click();
    const field = byId("suggested")?.querySelector("textarea, input");
    if (!field) return;
    field.value = `${question} ${++clicks}`; // the number makes asking the same twice a change as well
    field.dispatchEvent(new Event("input", { bubbles: true }));
    byId("question")?.querySelector("textarea, input")?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      open();
    }
    const isFree = !dialog.open && !document.body.classList.contains("source-open") && !event.defaultPrevented;
    if (event.key === "Escape" && isFree && document.body.dataset.tab === "ask" && !event.target.closest?.("input, textarea, [role=listbox]")) {
      byId("question")?.querySelector("textarea, input")?.focus();
    }
  });

  function place() {
    const masthead = document.querySelector(".masthead");
    if (!masthead) return;
    if (opener.parentElement !== masthead) masthead.append(opener);
    if (!dialog.isConnected) document.body.append(dialog);
  }

  new MutationObserver(place).observe(document.documentElement, { childList: true, subtree: true });
  place();
})();
