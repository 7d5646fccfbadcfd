// Elements and texts. What comes from outside gets into the page by textContent alone.
export const LANGUAGES = { en: "English", es: "Español" };
export const $ = (selector, root = document) => root.querySelector(selector);

const stored = localStorage.getItem("studio-language");
const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES);
let language = stored in LANGUAGES ? stored : preferred || "en";
let texts = {}; // of the language; the others' are left where they are

export const currentLanguage = () => language;

export async function setLanguage(tag) {
  texts = (await import(`./strings.${tag}.js`)).TEXTS;
  language = tag;
  localStorage.setItem("studio-language", tag);
  document.documentElement.lang = tag;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
    if (element.matches("button")) element.title = t(element.dataset.tLabel);
  }
  document.title = t("studio");
}

/** A text in the language; `{name}` is replaced. Texts are functions where a number decides. */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  const filled = typeof text === "function" ? text(values) : text;
  return filled.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The text if the language has one, or `other`, which is English. */
export const translated = (key, other) => texts[key] ?? other;

export const format = (number, options = {}) => new Intl.NumberFormat(language, options).format(number);

export function duration(seconds) {
  if (seconds < 60) return t("seconds", { n: format(Math.max(1, Math.round(seconds))) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("minutes", { n: format(minutes) });
  return t("hours", { h: format(Math.floor(minutes / 60)), m: format(minutes % 60) });
}

/** An element: attributes by name, `on…` listeners, `class`, `text`; then children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "htmlFor") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element of a drawing. */
export function drawn(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export function icon(name) {
  const svg = drawn("svg", { "aria-hidden": "true" });
  svg.append(drawn("use", { href: `#i-${name}` }));
  return svg;
}

/** A button of an icon alone, with its name for those who don't see it. */
export const tool = (name, label, onclick, more = {}) =>
  h("button", { class: "tool", "aria-label": label, title: label, onclick, ...more }, icon(name));

export const button = (label, onclick, { icon: name, ...more } = {}) =>
  h("button", { onclick, ...more }, name ? icon(name) : null, h("span", { text: label }));

/** One choice of several, as pills. */
export function pills(name, choices, chosen, onchoose) {
  return choices.map(([value, label]) =>
    h("label", { class: "pill" },
      h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchoose(value) }),
      h("span", { text: label })));
}

/** Says something below the picture until it is closed, or for a while; `actions` are [label, function]. */
export function note(text, { actions = [], error = false } = {}) {
  const box = h("div", { class: error ? "note-box error" : "note-box" }, h("p", { text }));
  const close = () => box.remove();
  for (const [label, action] of actions) box.append(button(label, () => { close(); action(); }, { class: "small" }));
  box.append(tool("close", t("close"), close));
  $("#notes").replaceChildren(box);
  if (!error && !actions.length) setTimeout(close, 6000);
  return box;
}

let said = "";
let saidAt = 0;
/** Tells a screen reader; what repeats itself at most each ten seconds. */
export function say(text, now = true) {
  if (text === said || (!now && Date.now() - saidAt < 10_000)) return;
  said = text;
  saidAt = Date.now();
  $("#progress").textContent = text;
}

/** A dialog with a title, closed by Escape, its button, or the function that is given to `fill`. */
export function ask(title, fill) {
  const dialog = $("#dialog");
  const close = () => dialog.close();
  dialog.replaceChildren(
    h("div", { class: "head" }, h("h2", { id: "dialog-title", text: title }), tool("close", t("close"), close)),
    ...[fill(close)].flat());
  dialog.showModal();
  return dialog;
}

export function debounce(wait, act) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), wait);
  };
}
