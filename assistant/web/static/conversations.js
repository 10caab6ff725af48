// The conversations: a panel that lists, searches and opens them, and above the chat what can be done with the open one.
// All text is set as text, never as HTML. Pages that are shown in a widget ("?widget" in the address) keep none.
(() => {
  "use strict";
  if (new URLSearchParams(location.search).has("widget")) return;

  const ROUTE = "api/conversations";
  const AT_ONCE = 50; // conversations fetched
  const SOON = 150; // milliseconds: several changes in a row are one
  const UNREACHABLE = "Saidso does not answer. Is it still running?";
  const FOLDED = "saidso-conversations-folded";
  const FORMATS = [["Markdown", "md"], ["HTML", "html"], ["PDF", "pdf"]];
  const byId = (id) => document.getElementById(id);
  const wide = matchMedia("(min-width: 54.01rem)");

  let listed = []; // as the server lists them, the newest first
  let open = ""; // the id of the open conversation, "" for a new one
  let drawn = ""; // what the page looked like when the list was fetched last
  let opened = 0; // numbers the openings, so that opening the same one again is a change as well
  let fetched = 0; // numbers the fetches, so that a late answer cannot undo a newer one
  let timer = 0;
  let goTo = /^#turn-\d+$/.test(location.hash) ? location.hash.slice(1) : "last"; // the turn to show once it is there

  function make(tag, properties, ...children) {
    const { dataset, ...rest } = properties;
    const made = Object.assign(document.createElement(tag), rest);
    Object.assign(made.dataset, dataset);
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  const button = (textContent, onclick, more = {}) => make("button", { type: "button", textContent, onclick, ...more });

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

  // ── the panel ──

  const search = make("input", { type: "search", id: "conversation-search", placeholder: "Search conversations", autocomplete: "off" });
  search.setAttribute("aria-label", "Search conversations");
  const list = make("div", { id: "conversation-list" });
  const none = make("p", { hidden: true });
  const more = button("Show more", () => look(listed.length), { hidden: true });
  const trouble = make("p", { className: "problem", role: "alert", hidden: true });
  const marked = make("a", { href: `${ROUTE}/feedback`, download: "", hidden: true });
  const panel = make("nav", { id: "conversations" },
    button("New conversation", () => openConversation(""), { className: "primary" }), search, trouble, none, list, more, marked);
  panel.setAttribute("aria-label", "Conversations");

  const toggle = make("button", { type: "button", id: "conversations-toggle", title: "Conversations", onclick: () => fold(isOpen()) });
  toggle.setAttribute("aria-label", "Conversations");
  toggle.setAttribute("aria-controls", "conversations");
  const shade = make("div", { id: "conversations-shade", onclick: () => fold(true) });

  const isOpen = () => document.body.classList.contains("conversations-open");

  function fold(folded, remember = true) {
    document.body.classList.toggle("conversations-open", !folded);
    toggle.ariaExpanded = String(!folded);
    const drawer = !folded && !wide.matches;
    for (const id of ["talk", "rail", "tabs"]) if (byId(id)) byId(id).inert = drawer;
    if (drawer) search.focus();
    else if (folded && panel.contains(document.activeElement)) toggle.focus();
    if (remember && wide.matches) keep(folded);
  }

  function keep(folded) {
    try {
      localStorage.setItem(FOLDED, folded ? "yes" : "no");
    } catch { /* storage is blocked: the panel is open at the next visit */ }
  }

  function wasFolded() {
    try {
      return localStorage.getItem(FOLDED) === "yes";
    } catch {
      return false;
    }
  }

  wide.addEventListener("change", () => fold(!wide.matches || wasFolded(), false));

  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !wide.matches) fold(true);
    const items = [...list.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined || (at < 0 && event.target !== search)) return;
    if (event.target === search && event.key !== "ArrowDown") return;
    event.preventDefault();
    items[Math.min(Math.max(to, 0), items.length - 1)]?.focus();
  });

  search.addEventListener("input", () => soon());

  // ── the list ──

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(look, SOON);
  }

  async function look(offset = 0) {
    const number = ++fetched;
    try {
      const found = await call(`${ROUTE}?${new URLSearchParams({ q: search.value, limit: AT_ONCE, offset })}`);
      if (number !== fetched) return;
      const known = new Set(offset ? listed.map(({ id }) => id) : []);
      listed = [...(offset ? listed : []), ...found.conversations.filter(({ id }) => !known.has(id))];
      more.hidden = !found.more;
      marked.hidden = !found.marked;
      marked.textContent = `Marked answers as questions (${found.marked})`;
      trouble.hidden = true;
      drawList();
    } catch (error) {
      if (number !== fetched) return;
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  }

  function drawList() {
    none.hidden = listed.length > 0;
    none.textContent = search.value.trim() ? "No conversation holds these words." : "What you ask is kept here.";
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : "";
    const days = Map.groupBy ? Map.groupBy(listed, dayOf) : grouped(listed, dayOf);
    list.replaceChildren(...[...days].flatMap(([day, some]) => [
      make("h2", { textContent: day }), make("ol", {}, some.map((one) => make("li", {}, item(one)))),
    ]));
    // One stop for the Tab key; from there the arrows go on.
    const stop = list.querySelector("[aria-current=true]") ?? list.querySelector("button");
    if (stop) stop.tabIndex = 0;
    if (focused) list.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  function item(conversation) {
    const made = button(conversation.title, () => openConversation(conversation.id), { tabIndex: -1, dir: "auto", dataset: { id: conversation.id } });
    made.ariaCurrent = String(conversation.id === open);
    return made;
  }

  function grouped(items, key) {
    const groups = new Map();
    for (const one of items) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
    return groups;
  }

  const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

  function dayOf({ changed }) {
    const midnight = new Date().setHours(0, 0, 0, 0);
    const then = new Date(changed);
    if (then >= midnight) return "Today";
    return then >= new Date(midnight).setDate(new Date(midnight).getDate() - 1) ? "Yesterday" : dayFormat.format(then);
  }

  // ── opening ──

  function openConversation(id) {
    const field = byId("wanted")?.querySelector("textarea, input");
    if (!field) return;
    goTo = "last";
    history.replaceState(null, "", location.pathname + location.search + location.hash.replace(/^#turn-.*/, ""));
    if (!id) address(""); // the chat may be empty already, and then nothing tells
    field.value = `${id} ${++opened}`;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    if (!wide.matches) fold(true);
    byId("tab-ask")?.click();
    byId("question")?.querySelector("textarea")?.focus();
  }

  function address(id) {
    const query = new URLSearchParams(location.search);
    if (id) query.set("conversation", id);
    else query.delete("conversation");
    const told = query.size ? `?${query}` : "";
    if (told !== location.search) history.replaceState(null, "", location.pathname + told + location.hash);
  }

  // ── what can be done with the open one ──

  const title = make("h2", { dir: "auto" });
  const deeds = make("div", { className: "deeds" });
  const refusal = make("p", { className: "problem", role: "alert", hidden: true });
  const head = make("header", { id: "talk-head", hidden: true }, title, deeds, refusal);

  async function drawHead(id) {
    if (!id) {
      head.hidden = true;
      return;
    }
    try {
      const conversation = await call(`${ROUTE}/${encodeURIComponent(id)}?turns=false`);
      if (id !== open) return;
      title.textContent = conversation.title;
      deeds.replaceChildren(...deedsOf(conversation));
      refusal.hidden = true;
    } catch (error) {
      refuse(error);
    }
    head.hidden = false;
  }

  function refuse(error) {
    refusal.textContent = error.message;
    refusal.hidden = false;
  }

  function deedsOf(conversation) {
    const rename = button("Rename", () => edit(conversation));
    const link = button("Copy link", null, { className: "copy-link", value: `?conversation=${conversation.id}` });
    const remove = button("Delete", () => confirmDelete(conversation, remove));
    const files = FORMATS.map(([name, format]) => make("a", {
      href: `${ROUTE}/${conversation.id}/export?format=${format}`, download: "", textContent: name,
    }));
    const exports = make("details", {}, make("summary", { textContent: "Export" }), make("div", {}, files));
    exports.addEventListener("keydown", (event) => {
      if (event.key === "Escape") exports.open = false;
    });
    exports.addEventListener("focusout", (event) => {
      if (!exports.contains(event.relatedTarget)) exports.open = false;
    });
    return conversation.is_own ? [rename, link, exports, remove] : [link, exports];
  }

  function edit(conversation) {
    const field = make("input", { value: conversation.title, maxLength: 200, required: true });
    field.setAttribute("aria-label", "Title");
    const done = () => {
      form.replaceWith(title);
      deeds.hidden = false;
    };
    const form = make("form", {}, field, make("button", { type: "submit", className: "primary", textContent: "Save" }), button("Cancel", done));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await act(async () => {
        const body = JSON.stringify({ title: field.value });
        await call(`${ROUTE}/${conversation.id}`, { method: "PATCH", headers: { "Content-Type": "application/json" }, body });
        done();
        await drawHead(conversation.id);
        await look();
      });
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") done();
    });
    title.replaceWith(form);
    deeds.hidden = true;
    field.select();
  }

  function confirmDelete(conversation, remove) {
    const really = button("Delete for good", () => act(async () => {
      await call(`${ROUTE}/${conversation.id}`, { method: "DELETE" });
      openConversation("");
      await look();
    }), { className: "primary" });
    const stay = button("Keep", () => {
      asking.replaceWith(remove);
      remove.focus();
    });
    const asking = make("span", { className: "deeds" }, really, stay);
    remove.replaceWith(asking);
    stay.focus();
  }

  async function act(deed) {
    try {
      refusal.hidden = true;
      await deed();
    } catch (error) {
      refuse(error);
    }
  }

  // ── following the page ──

  // Gradio builds the page later, and again when it likes; all of this must hold at every moment.
  function follow() {
    place();
    const id = byId("conversation")?.querySelector("[data-testid=markdown] p")?.textContent.trim() ?? "";
    if (id !== open) {
      open = id;
      address(id);
      drawHead(id);
      drawList();
    }
    const asked = document.querySelectorAll("#chat .asked");
    show(asked);
    const now = `${id} ${asked.length} ${Boolean(byId("stop"))}`;
    if (now !== drawn) {
      drawn = now;
      soon();
    }
  }

  function place() {
    const desk = byId("desk"), talk = byId("talk"), masthead = document.querySelector(".masthead");
    if (!desk || !talk || !masthead) return;
    if (desk.firstElementChild !== panel) desk.prepend(panel, shade);
    if (talk.firstElementChild !== head) talk.prepend(head);
    if (masthead.firstElementChild !== toggle) masthead.prepend(toggle);
  }

  // Once a conversation has been opened: the turn that the address names, or the newest.
  function show(asked) {
    if (!goTo || !open || !asked.length) return;
    const turn = goTo === "last" ? asked[asked.length - 1] : byId(goTo);
    if (byId("stop") || !turn) return;
    goTo = "";
    turn.closest(".user-row")?.scrollIntoView({ block: "start" });
  }

  new MutationObserver(follow).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
  fold(!wide.matches || wasFolded(), false);
  follow();
})();
