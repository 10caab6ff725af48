// Who said what, below an answer: sorting its table, choosing a speaker, opening a row. Shows no HTML of its own.
// The chat strips the attributes that assistive technology needs, so that they are set here, whenever it draws an answer.
(() => {
  "use strict";
  const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;
  const flipped = { ascending: "descending", descending: "ascending" };

  // What a cell is sorted by: a date by its day, all else by its words. A date that is not known comes last, either way.
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.querySelector("time")?.dateTime ?? (cell.matches(":last-child") ? "" : cell.textContent.replace(/^[“"]/, ""));
  };

  function sort(head) {
    const column = head.cellIndex;
    const order = flipped[head.ariaSort] ?? "ascending";
    const rows = [...head.closest("table").tBodies[0].rows];
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((one, other) => {
      const [a, b] = [key(one, column), key(other, column)];
      return a === "" || b === "" ? (a === "") - (b === "") : sign * compare(a, b);
    });
    head.closest("table").tBodies[0].append(...rows);
    for (const other of head.parentElement.cells) other.ariaSort = other === head ? order : "none";
    say(head.closest(".who"), `Sorted by ${head.textContent.toLowerCase()}, ${order}.`);
  }

  function choose(chip) {
    const who = chip.closest(".who");
    for (const other of who.querySelectorAll(".chip")) other.ariaPressed = String(other === chip);
    const isShown = (claim) => chip.value === "0" || claim.classList.contains(`by-${chip.value}`);
    for (const claim of who.querySelectorAll(".said")) claim.hidden = !isShown(claim);
    // A day, or the undated, of which nothing is left goes as well.
    for (const list of who.querySelectorAll(".timeline ul, .undated")) {
      const isEmpty = !list.querySelector(".said:not([hidden])");
      (list.closest(".timeline > li") ?? list).hidden = isEmpty;
      if (list.matches(".undated")) list.previousElementSibling.hidden = isEmpty;
    }
    const rows = [...who.querySelectorAll("tbody tr")];
    const shown = rows.filter((row) => !row.hidden).length;
    say(who, shown === rows.length ? "" : `${shown} of ${rows.length} claims.`);
  }

  const say = (who, text) => (who.querySelector(".showing").textContent = text);

  function name(who) {
    // Within the log of the conversation, sorting and choosing would be read out as news: only the status line is.
    who.ariaLive = "off";
    for (const named of who.querySelectorAll(".chips, table")) {
      named.ariaLabel = named.title;
      named.removeAttribute("title");
    }
    for (const head of who.querySelectorAll("th")) head.ariaSort = "none";
    for (const chip of who.querySelectorAll(".chip")) chip.ariaPressed = String(chip.value === "0");
  }

  document.addEventListener("click", (event) => {
    const within = (selector) => event.target.closest?.(selector);
    if (within(".who .sort")) sort(within("th"));
    else if (within(".who .chip")) choose(within(".chip"));
    else if (within(".who tbody tr") && !within("a") && getSelection().isCollapsed) {
      within("tr").querySelector("a.cite").click();
    }
  });

  new MutationObserver(() => {
    for (const who of document.querySelectorAll("#chat .who:not([aria-live])")) name(who);
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
