// The assistant on any page: a button that asks for nothing, until it opens a frame of the server that this came from.
(() => {
  "use strict";
  const script = document.currentScript ?? document.querySelector("script[data-key][src*='widget.js']");
  const { key, label, title = "Ask the articles", greeting, color = "", position, lang, theme, open: opened, question } =
    script.dataset;
  if (window.saidso?.ask) return;
  if (!key) return console.error('Saidso needs a publish key: data-key="pk_…"');
  const server = new URL(".", script.src);
  const root = document.documentElement;
  const side = position === "left" ? "left" : "right";
  const isColor = /^#([0-9a-f]{3}){1,2}$/i.test(color);
  if (color && !isColor) console.warn(`Saidso: data-color="${color}" is no colour such as #00aa55`);
  const accent = isColor ? color : "#8f1d1d";
  // Black or white on it, whichever stands out more: at least 4.5 to 1, whatever the colour.
  const [red, green, blue] = accent.replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3").match(/\w\w/g)
    .map((part) => (parseInt(part, 16) / 255) ** 2.2);
  const ink = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";

  const sheet = new CSSStyleSheet();
  // `!important` in a shadow goes before whatever the page says of its own elements, however loud.
  sheet.replaceSync(`
    :host { all: initial !important; direction: ltr !important; position: fixed !important; z-index: 2147483647 !important; }
    * { box-sizing: border-box; font: 16px/1.4 system-ui, sans-serif; overflow-wrap: anywhere; }
    [hidden], p:empty { display: none !important; }
    button, header { border: 1px solid ${ink}; background: ${accent}; color: ${ink}; }
    button { padding: 5px 12px; border-radius: 4px; cursor: pointer; }
    button:focus-visible { outline: 3px solid CanvasText; box-shadow: 0 0 0 6px Canvas; }
    .open, section { position: fixed; bottom: 20px; ${side}: 20px; box-shadow: 0 4px 24px #0006; }
    .open { max-width: calc(100vw - 40px); padding: 12px 20px; border-radius: 24px; }
    section { display: flex; flex-direction: column; width: 420px; height: min(680px, 100dvh - 40px);
      background: Canvas; color: CanvasText; }
    header { display: flex; justify-content: space-between; align-items: center; padding: 6px 6px 6px 16px; }
    p { margin: 16px; }
    iframe { flex: 1; border: 0; }
    @media (max-width: 480px) { section { inset: 0; width: auto; height: auto; } }
    @media print { :host { display: none !important; } }
  `);

  const make = (tag, properties, ...inside) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...inside);
    return made;
  };
  const opener = make("button", { className: "open", ariaHasPopup: "dialog" }, label || title);
  const closer = make("button", {}, "Close");
  const trouble = make("p", { role: "alert" });
  const frame = make("iframe", { title, allow: "clipboard-write", referrerPolicy: "origin" });
  // At both ends of the panel, so that Tab goes round within it; Escape leaves.
  const [before, after] = [enter, () => closer.focus()].map((onfocus) => make("span", { tabIndex: 0, onfocus }));
  const head = make("header", {}, make("span", { dir: "auto" }, title), closer);
  const panel = make("section", { role: "dialog", ariaLabel: title, hidden: true }, before, head, trouble, frame, after);
  const host = make("saidso-widget");
  const shadow = host.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(opener, panel);

  let ready = false;
  let cameFrom;
  const waiting = [];
  function tell(saidso, more) {
    waiting.push({ saidso, ...more });
    if (ready) waiting.splice(0).forEach((message) => frame.contentWindow.postMessage(message, server.origin));
  }

  const media = matchMedia("(prefers-color-scheme: dark)");
  function settle() {
    const said = theme ?? getComputedStyle(root).colorScheme;
    const [scheme, other] = said.match(/\b(light|dark)\b/g) ?? [];
    panel.style.colorScheme = scheme && !other ? scheme : media.matches ? "dark" : "light";
    tell("hello", { title, greeting, accent, ink, theme: panel.style.colorScheme, lang, question: question === "" });
  }

  function enter() {
    frame.focus();
    tell("focus");
  }

  function open(focus) {
    if (!panel.hidden) return;
    cameFrom = document.activeElement;
    panel.ariaModal = matchMedia("(max-width: 480px)").matches;
    panel.hidden = !(opener.hidden = true);
    if (!frame.src) frame.src = new URL(`widget/frame?key=${encodeURIComponent(key)}`, server);
    if (focus) enter();
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = !(opener.hidden = false);
    (cameFrom?.isConnected && cameFrom !== document.body && cameFrom !== host ? cameFrom : opener).focus();
  }

  function ask(question) {
    open(true);
    tell("ask", { question: `${question}` });
  }

  addEventListener("message", ({ source, origin, data }) => {
    if (origin !== server.origin || source !== frame.contentWindow) return;
    if (data.saidso === "close") close();
    if (data.saidso === "answer") document.dispatchEvent(new CustomEvent("saidso:answer", { bubbles: true, detail: data.detail }));
    if (data.saidso !== "ready") return;
    ready = true;
    trouble.textContent = "";
    settle();
  });
  frame.onload = () => setTimeout(() => {
    if (!ready && frame.src) trouble.textContent = `The assistant does not open here. If this is your page: is ${location.origin} an origin of its key?`;
  }, 1500);
  opener.onclick = () => open(true);
  closer.onclick = close;
  panel.onkeydown = ({ key }) => {
    if (key === "Escape") close();
  };
  media.onchange = settle;
  new MutationObserver(settle).observe(root, { attributes: true });
  root.append(host); // beside the body, which some pages exchange
  settle();
  window.saidso = Object.freeze({ open: () => open(true), close, ask });
  if (opened !== undefined) open();
})();
