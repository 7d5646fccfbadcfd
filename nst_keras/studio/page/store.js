// What the page knows, and what survives a reload: choices in this tab's storage, names of pictures in the browser's,
// the pictures themselves on the server.
import { t, translated } from "./dom.js";

export const REST = "black"; // the colour of what isn't painted on a mask

const KEPT = ["way", "content", "styles", "weights", "blending", "fast", "preset", "optimize", "regions", "shown", "masking"];

export const state = {
  about: null,
  way: "fast",
  content: "",
  own: [], // pictures that were brought: {name: id, title, as: "photo" | "painting"}
  files: {}, // names of the files of pictures that were brought, also elsewhere, by id
  styles: [],
  weights: {}, // of blended styles, by name
  blending: false,
  fast: {}, // settings that differ from the defaults
  preset: "default",
  optimize: {}, // settings that differ from the preset
  regions: null, // {mask: id, paintings: {colour: style}}, see mask.js
  masking: false,
  shown: "", // id of the job on the wall; "" is what is painted at once
  jobs: [],
  beside: [], // jobs that are looked at side by side
};

const bus = new EventTarget();
export const on = (names, act) => names.split(" ").forEach((name) => bus.addEventListener(name, () => act()));

/** Changes the state, keeps it, and tells who listens to `names`. */
export function change(values, ...names) {
  Object.assign(state, values);
  try {
    sessionStorage.setItem("studio", JSON.stringify(Object.fromEntries(KEPT.map((key) => [key, state[key]]))));
    // At no other time: what another tab has just brought may not be known here yet.
    if ("own" in values) localStorage.setItem("studio-pictures", JSON.stringify(state.own));
  } catch { /* storage may be off */ }
  for (const name of names) bus.dispatchEvent(new Event(name));
}

// What other tabs bring is on the shelf here, too.
addEventListener("storage", ({ key, newValue }) => {
  if (key !== "studio-pictures" || !newValue) return;
  state.own = JSON.parse(newValue);
  if (state.about) bus.dispatchEvent(new Event("choices"));
});

export function restore() {
  try {
    Object.assign(state, JSON.parse(sessionStorage.getItem("studio") ?? "{}"));
    state.own = JSON.parse(localStorage.getItem("studio-pictures") ?? "[]");
  } catch { /* begun anew */ }
}

/** A sample or style with its title and credit in the language of the page. */
function named(item) {
  const [, word, n] = /^(?:sample:)?(.*?)(\d*)$/.exec(item.name);
  const [title, credit] = ["title", "credit"].map((kind) => translated(`${kind}_${word}`, item[kind]));
  return { ...item, title: title.replace("{n}", n), credit };
}

/** All pictures and styles: brought ones first, then what comes with the package, then what is fetched. */
function listed() {
  const [{ content, style }, styles] = [state.about.samples, state.about.styles.map(named)];
  return [
    ...state.own.map((item) => ({ ...item, credit: "", stylizer: "magenta", painting: true })),
    ...content.map(named),
    ...styles.filter((item) => !item.stylizer),
    ...style.map((item) => ({ ...named(item), stylizer: "magenta", painting: true })),
    ...styles.filter((item) => item.stylizer),
  ];
}

export const titleOf = (file) => file.replace(/\.\w{3,4}$/, "").replaceAll("_", " ");

/** What is known of a picture or style: {name, title, credit, stylizer, painting}. */
export const known = (name) => listed().find((item) => item.name === name)
  ?? { name, title: state.files[name] ? titleOf(state.files[name]) : t("unnamed"), credit: "" };

export const photos = () => [...state.own.filter((item) => item.as === "photo"), ...state.about.samples.content.map(named)];

/** Paintings that the chosen way can paint after. */
export const paintings = () => listed()
  .filter((item) => item.as !== "photo" && "stylizer" in item && (state.way === "fast" || item.painting));

/** Whether a style can be blended with those that are chosen: one network has to know them all. */
export const blends = (item) => state.way === "optimize" || !state.styles.length
  || known(state.styles[0]).stylizer === item.stylizer;

export const settingsOf = (way) => (way === "fast" ? state.fast : state.optimize);

/** A field's value without changes: the default, or the preset's. */
export function unchanged(way, field) {
  const preset = state.about.presets.find((item) => item.name === state.preset);
  return (way === "optimize" ? preset?.settings[field.name] : undefined) ?? field.default;
}

/** The request that paints what is chosen. */
export function currentRequest() {
  const way = state.way;
  const request = { way, content: state.content, styles: state.styles, style_weights: [], content_mask: "", style_masks: [] };
  if (state.styles.length > 1) request.style_weights = state.styles.map((name) => state.weights[name] ?? 1);
  if (state.regions?.mask) {
    const parts = Object.entries(state.regions.paintings).filter(([, style]) => style);
    if (parts.length) {
      request.content_mask = state.regions.mask;
      request.styles = parts.map(([, style]) => style);
      request.style_masks = parts.map(([color]) => color);
      request.style_weights = [];
    }
  }
  if (way === "optimize") request.preset = state.preset;
  request.settings = { ...settingsOf(way) };
  return request;
}

/** Takes over a request's choices; `all` of its pictures, or those that this browser knows. */
export function adopt(request, all = true) {
  const isListed = (name) => listed().some((item) => item.name === name);
  const has = (name) => all || isListed(name);
  const values = { way: request.way, [request.way]: { ...request.settings }, regions: null, shown: "" };
  const brought = [[request.content, "photo"], ...request.styles.map((name) => [name, "painting"])];
  const own = brought.filter(([name]) => !isListed(name)).map(([name, as]) => ({ name, title: known(name).title, as }));
  if (all && own.length) values.own = [...own, ...state.own];
  if (request.preset) values.preset = request.preset;
  if (has(request.content)) values.content = request.content;
  if (request.styles.length && request.styles.every(has)) {
    values.styles = [...new Set(request.styles)];
    values.blending = request.styles.length > 1;
    values.weights = Object.fromEntries(request.styles.map((name, n) => [name, request.style_weights?.[n] ?? 1]));
    if (request.content_mask && request.style_masks?.length) {
      const paintings = Object.fromEntries(request.style_masks.map((color, n) => [color, request.styles[n]]));
      values.regions = { mask: request.content_mask, paintings: { [REST]: "", ...paintings } };
    }
  }
  change(values, "choices", "settings", "way", "request", "shown");
}

export const jobOf = (id) => state.jobs.find((job) => job.id === id);
export const ACTIVE = ["waiting", "starting", "running"];
