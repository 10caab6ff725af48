// What the page needs of a script: opening a citation, closing the source, copying an answer or a link, keeping an answer, explaining the confidence. Shows no text of its own.
(() => {
  "use strict";
  let clicks = 0;
  let opener = null; // the citation that the source was opened from, to go back to

  const byId = (id) => document.getElementById(id);
  const isOpen = () => document.body.classList.contains("source-open");

  function openSource(link) {
    const field = byId("cited")?.querySelector("textarea, input");
    if (!field) return;
    opener = link;
    document.body.classList.add("source-open");
    dress(byId("source-pane"));
    byId("source-pane").focus({ preventScroll: true });
    // The number makes opening the same citation twice a change as well.
    field.value = `${link.getAttribute("href")} ${++clicks}`;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    revealQuote();
  }

  function dress(pane) {
    pane.setAttribute("role", "region");
    pane.setAttribute("aria-label", "Source");
    pane.tabIndex = -1;
  }

  // An address that names an article opens it; once it is closed, the address names it no more.
  function closeSource() {
    document.body.classList.remove("source-open");
    const query = new URLSearchParams(location.search);
    if (query.has("article")) {
      for (const name of ["article", "start", "end", "words"]) query.delete(name);
      history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
    }
    if (opener?.isConnected) opener.focus();
  }

  function revealQuote() {
    const pane = byId("source-pane");
    const quote = pane?.querySelector("mark");
    if (!quote || !isOpen()) return;
    const above = quote.getBoundingClientRect().top - pane.getBoundingClientRect().top;
    pane.scrollTop += above - pane.clientHeight / 3;
  }

  function explain() {
    const pane = byId("confidence");
    const head = pane?.querySelector("button");
    if (!head) return;
    if (!head.classList.contains("open")) head.click();
    head.focus();
    pane.scrollIntoView({ block: "start" });
  }

  async function copy(link) {
    const answer = link.closest(".answer").cloneNode(true);
    answer.querySelectorAll(".foot, .who, .only a, .sign").forEach((extra) => extra.remove());
    answer.querySelectorAll(".quote").forEach((quote) => (quote.textContent = `“${quote.textContent}”`));
    answer.querySelectorAll(".place").forEach((place) => (place.textContent = ` ${place.textContent}`));
    answer.querySelectorAll("h2, p, li").forEach((line) => line.append("\n"));
    const text = answer.textContent.replace(/\u00a0\[/g, " [").trim();
    await told(link, write(text));
  }

  const copyLink = (button) => told(button, write(new URL(button.value, location.href).href));

  // Say for a moment, in the place of what was pressed, whether it was done.
  async function told(pressed, done) {
    pressed.dataset.name ??= pressed.textContent;
    pressed.textContent = (await done) ? "Copied" : "Not copied";
    setTimeout(() => (pressed.textContent = pressed.dataset.name), 1500);
  }

  // The link holds what asks for the receipt of just this answer.
  async function keep(link) {
    const wanted = decodeURIComponent(link.getAttribute("href").slice("#receipt-".length));
    let said = "Saved";
    try {
      const answer = await fetch("api/receipt", { method: "POST", body: wanted, headers: { "Content-Type": "application/json" } });
      if (answer.ok) save(await answer.blob(), answer.headers.get("Content-Disposition")?.match(/filename="([^"]+)"/)?.[1]);
      else said = (await answer.json()).detail;
    } catch {
      said = "Not saved: Saidso does not answer.";
    }
    link.textContent = said;
    if (said === "Saved") setTimeout(() => (link.textContent = "Receipt"), 1500);
  }

  function save(file, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name ?? "receipt.html";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  async function write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("a.cite, a.copy, a.why, a.receipt, a.log-out, .copy-link, #close-source");
    if (!target) return;
    event.preventDefault();
    if (target.matches(".cite")) openSource(target);
    else if (target.matches(".copy")) copy(target);
    else if (target.matches(".receipt")) keep(target);
    else if (target.matches(".copy-link")) copyLink(target);
    else if (target.matches(".why")) explain();
    else if (target.matches(".log-out")) location.assign(target.href); // gradio would open another tab
    else closeSource();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen()) {
      event.preventDefault(); // closed by it, and nothing else done
      closeSource();
    }
    if (event.key === " " && event.target.matches?.("a.copy, a.why, a.receipt, a.clear")) {
      event.preventDefault();
      event.target.click();
    }
  });

  // A page whose session is over goes to the log-in, whatever it was about to do.
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked);
    if (answer.status === 401) location.assign("/login");
    return answer;
  };

  // The newest question stays at the top while its answer grows below it.
  function follow() {
    const rows = document.querySelectorAll("#chat .user-row");
    const row = rows[rows.length - 1];
    const view = row?.closest("[role=log]");
    if (view && byId("stop")) view.scrollTop += row.getBoundingClientRect().top - view.getBoundingClientRect().top;
  }

  // Gradio names every message after its source text, which is HTML here.
  function nameMessages() {
    for (const message of document.querySelectorAll("#chat [data-testid][aria-label*='<']")) {
      message.setAttribute("aria-label", message.dataset.testid === "user" ? "Question" : "Answer");
    }
  }

  // Gradio builds the page later, and again when it likes; all of this must hold at every moment.
  new MutationObserver((changes) => {
    if (isOpen() && byId("source-pane")?.role === null) dress(byId("source-pane"));
    const within = (selector) => changes.some((change) => change.target.closest?.(selector));
    if (within("#source")) revealQuote();
    if (within("#chat")) {
      nameMessages();
      follow();
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
  if (new URLSearchParams(location.search).has("article")) document.body.classList.add("source-open");
})();
