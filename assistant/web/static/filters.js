// The filters beside the question: days to choose from a calendar, speakers to choose from a list, and clearing them all.
(() => {
  "use strict";
  const PAUSE = 200; // milliseconds after a key until speakers are looked up
  const offered = Object.assign(document.createElement("datalist"), { id: "speakers" });
  const byId = (id) => document.getElementById(id);
  let typing = 0;
  let asked = 0; // numbers the look-ups, so that a late answer cannot undo a newer one

  async function offer(words) {
    const number = ++asked;
    const answer = await fetch(`api/speakers?${new URLSearchParams({ q: words })}`).catch(() => null);
    if (number !== asked || !answer?.ok) return; // without a list any name can still be typed
    const { speakers } = await answer.json();
    offered.replaceChildren(...speakers.map(({ name }) => Object.assign(document.createElement("option"), { value: name })));
  }

  function prepare() {
    for (const id of ["since", "until", "as-of"]) {
      const field = byId(id)?.querySelector("input[type=text]");
      if (field) field.type = "date";
    }
    const speaker = byId("speaker")?.querySelector("input");
    if (!speaker || speaker.getAttribute("list")) return;
    document.body.append(offered);
    speaker.setAttribute("list", offered.id);
    speaker.setAttribute("autocomplete", "off");
    speaker.addEventListener("focus", () => offer(speaker.value));
    speaker.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => offer(speaker.value), PAUSE);
    });
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("a.clear")) return;
    event.preventDefault();
    byId("clear-filters")?.click();
    byId("question")?.querySelector("textarea, input")?.focus();
  });

  // Gradio builds the page later, and again when it likes.
  new MutationObserver(prepare).observe(document.documentElement, { childList: true, subtree: true });
  prepare();
})();
