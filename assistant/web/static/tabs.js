// The tabs: which of the page's parts is shown. What a tab shows looks at the body's data-tab, and listens for the event
// "saidso:tab" on the document.
// The address says what is shown ("#articles=ID"), so that a page loaded anew shows it again.
// Pages that are shown in a widget ("?widget" in the address) have no tabs: nothing of this file runs there.
(() => {
  "use strict";
  if (new URLSearchParams(location.search).has("widget")) return;

  const names = { ask: "Ask", articles: "Articles", evaluate: "Evaluate" };
  const panels = { ask: "desk", articles: "articles", evaluate: "evaluate" };
  const tabs = Object.entries(names).map(([name, textContent]) => {
    const tab = Object.assign(document.createElement("button"), { type: "button", id: `tab-${name}`, textContent });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panels[name]);
    tab.onclick = () => open(name);
    return tab;
  });
  const list = Object.assign(document.createElement("div"), { id: "tabs", role: "tablist", ariaLabel: "What to do" });
  list.append(...tabs);

  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.length, End: tabs.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = Math.min(Math.max(tabs.indexOf(document.activeElement) + step, 0), tabs.length - 1);
    tabs[at].focus();
    tabs[at].click();
  });

  function open(name) {
    document.body.dataset.tab = name;
    for (const tab of tabs) {
      const isThis = tab.id === `tab-${name}`;
      tab.ariaSelected = String(isThis);
      tab.tabIndex = isThis ? 0 : -1;
    }
    const shown = location.hash.slice(1).split("=")[0];
    if (shown !== name && (name !== "ask" || shown in names)) { // else it may name a turn of a conversation
      history.replaceState(null, "", location.pathname + location.search + (name === "ask" ? "" : `#${name}`));
    }
    document.dispatchEvent(new CustomEvent("saidso:tab", { detail: name }));
  }

  // Gradio builds the page later, and again when it likes; the tabs and what they show must be there at every moment.
  function place() {
    const desk = document.getElementById("desk"), masthead = document.querySelector(".masthead");
    if (!desk || !masthead) return;
    if (!list.isConnected) masthead.append(list);
    if (desk.role !== "tabpanel") {
      desk.role = "tabpanel";
      desk.setAttribute("aria-labelledby", "tab-ask");
    }
  }

  new MutationObserver(place).observe(document.documentElement, { childList: true, subtree: true });
  place();
  const wanted = location.hash.slice(1).split("=")[0];
  open(wanted in names ? wanted : "ask");
})();
