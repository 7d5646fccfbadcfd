// The wall that the picture hangs on: zoom and pan, before and after, several side by side.
import { bitmap, picturePath } from "./api.js";
import { $, format, h, t, tool } from "./dom.js";
import { change, on, state } from "./store.js";

const wall = $("#wall");
const view = { zoom: 1, x: 0.5, y: 0.5, split: false, share: 0.5 };
let panes = [];
let shown = null; // {bitmap, content, title, facts, request, result, exact}

export const onWall = () => shown;

/** Whether photo and picture are compared: there is a picture, and no mask over it. */
const splits = () => view.split && !state.masking && Boolean(shown?.request);

class Pane {
  constructor(caption = "") {
    this.before = h("canvas", { class: "before", "aria-hidden": "true" });
    this.after = h("canvas", { class: "after" });
    this.sheet = h("div", { class: "sheet" }, this.before, this.after, h("i", { class: "seam" }));
    this.caption = h("p", { class: "caption", text: caption, hidden: !caption });
    this.element = h("div", { class: "pane" }, this.sheet, this.caption);
    this.width = this.height = 0;
    this.content = "";
  }

  draw(picture, content, name) {
    this.width = this.after.width = picture.width;
    this.height = this.after.height = picture.height;
    this.after.getContext("2d").drawImage(picture, 0, 0);
    this.after.setAttribute("role", "img");
    this.after.setAttribute("aria-label", name);
    if (content !== this.content) {
      this.content = content;
      this.before.width = 0;
      if (content) {
        bitmap(picturePath(content, Math.min(8192, Math.max(1024, picture.width, picture.height)))).then((photo) => {
          if (content !== this.content) return;
          this.before.width = photo.width;
          this.before.height = photo.height;
          this.before.getContext("2d").drawImage(photo, 0, 0);
        }, () => {});
      }
    }
  }

  /** CSS pixels a pixel of a picture that fits; small ones grow to some times their size at most. */
  fit() {
    const box = this.element.getBoundingClientRect();
    return Math.min(box.width / this.width, box.height / this.height, Math.max(3, 1200 / Math.max(this.width, this.height)));
  }

  place() {
    if (!this.width) return;
    const box = this.element.getBoundingClientRect();
    const scale = this.fit() * view.zoom;
    const [width, height] = [this.width * scale, this.height * scale];
    const left = width <= box.width ? (box.width - width) / 2 : box.width / 2 - view.x * width;
    const top = height <= box.height ? (box.height - height) / 2 : box.height / 2 - view.y * height;
    const { style } = this.sheet;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `translate(${left}px, ${top}px)`;
    this.caption.style.transform = `translate(${Math.max(0, left)}px, calc(${Math.min(box.height, top + height)}px - 100%))`;
    this.sheet.classList.toggle("pixels", scale * devicePixelRatio >= 2 && view.zoom > 1);
    const comparing = splits() && this.before.width > 0;
    this.after.style.clipPath = comparing ? `inset(0 0 0 ${100 * view.share}%)` : "";
    this.sheet.style.setProperty("--share", view.share);
    this.sheet.classList.toggle("split", comparing);
  }
}

/** How often a pane's sides hold those of a picture that fits. */
function rooms() {
  const [pane] = panes;
  if (!pane?.width) return { x: 1, y: 1 };
  const box = pane.element.getBoundingClientRect();
  const scale = pane.fit();
  return { x: box.width / (pane.width * scale), y: box.height / (pane.height * scale) };
}

export function place() {
  const room = rooms();
  for (const axis of ["x", "y"]) {
    const half = Math.min(0.5, (0.5 * room[axis]) / view.zoom);
    view[axis] = Math.min(1 - half, Math.max(half, view[axis]));
  }
  panes.forEach((pane) => pane.place());
  wall.classList.toggle("zoomed", view.zoom > 1);
  $("#split").hidden = !splits();
  $("#split-range").value = 100 * view.share;
  $("#split-range").setAttribute("aria-valuetext", t("splitAt", { n: format(Math.round(100 * view.share)) }));
  drawTools();
}

function hang(wanted) {
  panes = wanted;
  wall.replaceChildren(...panes.map((pane) => pane.element));
  wall.dataset.panes = panes.length;
}

/** Hangs one picture; of the same photo at another size it stays where it was. */
export function show(item) {
  const other = shown?.content !== item.content;
  shown = item;
  if (panes.length !== 1 || state.beside.length) {
    state.beside = [];
    hang([new Pane()]);
  }
  if (other) Object.assign(view, { zoom: 1, x: 0.5, y: 0.5 });
  panes[0].draw(item.bitmap, item.content, item.alt);
  wall.style.setProperty("--aspect", item.bitmap.width / item.bitmap.height);
  label(item);
  place();
  change({}, "wall");
}

/** Hangs several, {bitmap, content, title, alt} each. */
export function showBeside(items) {
  hang(items.map((item) => {
    const pane = new Pane(item.title);
    pane.draw(item.bitmap, item.content, item.alt);
    return pane;
  }));
  place();
}

export function label({ title, after, facts }) {
  $("#label").replaceChildren(
    h("p", { class: "title" }, h("span", { text: title }), after ? " " : null, after && h("em", { text: after })),
    h("p", { class: "facts", text: facts }));
}

/** The sheet of the one picture, which a mask is painted on. */
export const sheet = () => panes[0]?.sheet;

function zoomTo(zoom, at = { x: 0.5, y: 0.5 }) {
  const next = Math.min(64, Math.max(1, zoom));
  // What lies under the pointer stays there: `at` is a place of the pane, from 0 to 1.
  const room = rooms();
  for (const axis of ["x", "y"]) view[axis] += (at[axis] - 0.5) * room[axis] * (1 / view.zoom - 1 / next);
  view.zoom = next;
  place();
}

const pixelZoom = () => (panes[0]?.width ? Math.max(1, 1 / (panes[0].fit() * devicePixelRatio)) : 1);
const toPixels = (at) => zoomTo(view.zoom > 1 ? 1 : Math.max(pixelZoom(), 2), at);

export function compare(wanted = !view.split) {
  view.split = wanted;
  place();
}

let tools = [];
/** More buttons beside those of the view: functions that give a button, or null. */
export function addTools(...more) {
  tools.push(...more);
}

function drawTools() {
  const zoomed = view.zoom > 1;
  const focused = document.activeElement?.dataset?.tool;
  const buttons = [
    shown?.request && !state.masking && tool("compare", t("compare"), () => compare(), { "aria-pressed": String(view.split), "data-tool": "compare" }),
    tool("zoom", zoomed ? t("fit") : t("pixels"), () => toPixels(), { "aria-pressed": String(zoomed), "data-tool": "zoom" }),
    ...tools.map((make) => make()),
  ].filter(Boolean);
  $("#tools").replaceChildren(...buttons);
  if (focused) $(`#tools [data-tool="${focused}"]`)?.focus();
}

const placeIn = (event) => {
  const box = panes[0].element.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
};

function drag() {
  const pointers = new Map();
  wall.addEventListener("pointerdown", (event) => {
    if (state.masking || !panes.length) return;
    pointers.set(event.pointerId, event);
    wall.setPointerCapture(event.pointerId);
    slide(event);
  });
  wall.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    if (other) {
      const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      zoomTo(view.zoom * distance(event) / distance(before), placeIn(other));
    } else if (view.zoom > 1) {
      const box = panes[0].sheet.getBoundingClientRect();
      view.x -= (event.clientX - before.clientX) / box.width;
      view.y -= (event.clientY - before.clientY) / box.height;
      place();
    } else slide(event);
    pointers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    wall.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  function slide(event) {
    if (!splits() || view.zoom > 1) return;
    const pane = panes.find(({ element }) => element.contains(event.target)) ?? panes[0];
    const box = pane.sheet.getBoundingClientRect();
    view.share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    place();
  }
}

export function startStage() {
  drag();
  wall.addEventListener("wheel", (event) => {
    if (!panes.length || (!event.ctrlKey && matchMedia("(max-width: 899px)").matches)) return;
    event.preventDefault();
    zoomTo(view.zoom * Math.exp(-event.deltaY / 400), placeIn(event));
  }, { passive: false });
  wall.addEventListener("dblclick", (event) => { if (!state.masking) toPixels(placeIn(event)); });
  wall.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== wall) return;
    const step = 0.1 / view.zoom;
    const acts = {
      "+": () => zoomTo(view.zoom * 1.5), "=": () => zoomTo(view.zoom * 1.5), "-": () => zoomTo(view.zoom / 1.5),
      0: () => zoomTo(1), 1: () => zoomTo(pixelZoom()), c: () => compare(),
      ArrowLeft: () => { view.x -= step; place(); }, ArrowRight: () => { view.x += step; place(); },
      ArrowUp: () => { view.y -= step; place(); }, ArrowDown: () => { view.y += step; place(); },
    };
    if (acts[event.key]) {
      event.preventDefault();
      acts[event.key]();
    }
  });
  $("#split-range").addEventListener("input", (event) => {
    view.share = event.target.value / 100;
    place();
  });
  new ResizeObserver(place).observe(wall);
  on("language jobs", drawTools);
  on("masking", place);
}
