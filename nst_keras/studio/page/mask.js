// Masks: regions painted over the photo with mouse, finger, pen or arrow keys, each with its own painting.
import { bitmap, picturePath, put } from "./api.js";
import { $, button, debounce, h, pills, t, tool } from "./dom.js";
import { fail } from "./main.js";
import { addTools, onWall, sheet, show } from "./stage.js";
import { blends, change, known, on, paintings, REST, state } from "./store.js";

// The colours that name regions in a mask, see nst_keras/pictures/masks.py.
const COLORS = {
  black: "#000000", white: "#ffffff", red: "#ff0000", green: "#00ff00",
  blue: "#0000ff", yellow: "#ffff00", cyan: "#00ffff", magenta: "#ff00ff",
};
const LONG = 1024; // longest side of a mask
const STEP = 0.25; // of the brush's size, for the arrow keys

const canvas = h("canvas", { id: "mask", tabindex: 0, role: "application" });
const pen = { color: "white", size: 90, soft: 0, drawing: false, x: 0, y: 0 };
let strokes = []; // {color, size, points}
let base = null; // a mask that was here before, below the strokes
let of = ""; // the photo that the strokes are for
let ours = ""; // the mask that was made of them last
let uploads = 0;

async function open() {
  const photo = await bitmap(picturePath(state.content, 1024));
  const there = state.regions?.mask || "";
  if (of !== state.content || ours !== there) {
    of = state.content;
    ours = there;
    strokes = [];
    base = there ? await bitmap(picturePath(there)).catch(() => null) : null;
  }
  const scale = Math.min(1, LONG / Math.max(photo.width, photo.height));
  canvas.width = Math.round(photo.width * scale);
  canvas.height = Math.round(photo.height * scale);
  Object.assign(pen, { x: canvas.width / 2, y: canvas.height / 2, size: Math.round(canvas.width / 9) });
  if (!onWall() || onWall().content !== state.content) show({ bitmap: photo, content: state.content, ...known(state.content), alt: known(state.content).title, facts: "" });
  attach();
  draw();
  drawBar();
  canvas.focus({ preventScroll: true });
}

function attach() {
  const parent = sheet();
  if (!state.masking) {
    canvas.remove();
    $("#brush")?.remove();
  }
  if (state.masking && parent && canvas.parentElement !== parent) parent.append(canvas);
  $("#wall").classList.toggle("masking", state.masking);
}

function line(context, { color, size, points }) {
  context.strokeStyle = context.fillStyle = COLORS[color];
  context.lineWidth = size;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...points[0]);
  for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(...point);
  context.stroke();
}

function draw(context = canvas.getContext("2d")) {
  context.fillStyle = COLORS[REST];
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (base) context.drawImage(base, 0, 0, canvas.width, canvas.height);
  strokes.forEach((stroke) => line(context, stroke));
  canvas.style.setProperty("--soft", softens() ? `${(pen.soft * canvas.clientWidth) / canvas.width}px` : "0px");
  canvas.setAttribute("aria-label", t("maskCanvas", { color: t(`color_${pen.color}`) }));
  cursor();
}

/** The brush's ring, of the canvas's size on the page. */
function cursor() {
  const scale = canvas.clientWidth / canvas.width;
  let ring = $("#brush");
  if (!ring) ring = h("i", { id: "brush" });
  if (state.masking && ring.parentElement !== canvas.parentElement) canvas.after(ring);
  for (const side of ["width", "height"]) ring.style[side] = `${pen.size * scale}px`;
  ring.style.transform = `translate(${pen.x * scale}px, ${pen.y * scale}px) translate(-50%, -50%)`;
}

/** Soft edges are grays, which only a mask in black and white can have. */
const softens = () => Object.keys(state.regions?.paintings ?? {}).every((color) => color === REST || color === "white");

const upload = debounce(500, async () => {
  const mine = ++uploads;
  if (of !== state.content || (!strokes.length && !base)) return;
  const flat = new OffscreenCanvas(canvas.width, canvas.height);
  const context = flat.getContext("2d", { alpha: false });
  if (softens() && pen.soft) context.filter = `blur(${pen.soft}px)`;
  context.drawImage(canvas, 0, 0);
  try {
    // A name of its own, by which recipes know it from other masks.
    const name = `mask_${crypto.randomUUID().slice(0, 8)}.png`;
    const { id } = await put(await flat.convertToBlob({ type: "image/png" }), name);
    if (mine !== uploads || of !== state.content || !state.regions) return; // what it was for has gone
    ours = id;
    change({ regions: { ...state.regions, mask: id }, shown: "" }, "request", "shown");
  } catch (error) {
    fail(error);
  }
});

function begin() {
  strokes.push({ color: pen.color, size: pen.size, points: [[pen.x, pen.y]] });
  pen.drawing = true;
  line(canvas.getContext("2d"), strokes.at(-1));
  cursor();
}

function extend() {
  if (pen.drawing) {
    const stroke = strokes.at(-1);
    stroke.points.push([pen.x, pen.y]);
    line(canvas.getContext("2d"), { ...stroke, points: stroke.points.slice(-2) });
  }
  cursor();
}

function end() {
  if (!pen.drawing) return;
  pen.drawing = false;
  drawBar();
  upload();
}

function undo() {
  strokes.pop();
  draw();
  drawBar();
  if (strokes.length || base) upload();
  else forget();
}

function forget() {
  uploads += 1;
  ours = "";
  change({ regions: { ...state.regions, mask: "" } }, "request");
}

function clear() {
  strokes = [];
  base = null;
  draw();
  drawBar();
  forget();
}

function resize(factor) {
  pen.size = Math.min(canvas.width, Math.max(4, Math.round(pen.size * factor)));
  $("#brush-size").value = pen.size;
  cursor();
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  pen.x = ((event.clientX - box.left) * canvas.width) / box.width;
  pen.y = ((event.clientY - box.top) * canvas.height) / box.height;
}

function listen() {
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    place(event);
    begin();
  });
  canvas.addEventListener("pointermove", (event) => {
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      place(each);
      extend();
    }
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, end);
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "z") { event.preventDefault(); undo(); }
      return;
    }
    const step = Math.max(2, pen.size * STEP);
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (move) {
      pen.x = Math.min(canvas.width, Math.max(0, pen.x + move[0]));
      pen.y = Math.min(canvas.height, Math.max(0, pen.y + move[1]));
      extend();
    } else if (event.key === " ") pen.drawing ? end() : begin();
    else if (event.key === "[") resize(1 / 1.25);
    else if (event.key === "]") resize(1.25);
    else if (event.key === "z") undo();
    else if (event.key === "e") choose(pen.color === REST ? "white" : REST);
    else if (event.key === "Escape") change({ masking: false }, "masking");
    else return;
    event.preventDefault();
  });
}

function choose(color) {
  pen.color = color;
  draw();
  drawBar();
}

function add() {
  const next = Object.keys(COLORS).find((color) => !(color in state.regions.paintings));
  const others = state.styles.filter((style) => !Object.values(state.regions.paintings).includes(style));
  change({ regions: { ...state.regions, paintings: { ...state.regions.paintings, [next]: others[0] ?? state.styles[0] ?? "" } } });
  choose(next);
}

function assign(color, style) {
  change({ regions: { ...state.regions, paintings: { ...state.regions.paintings, [color]: style } }, shown: "" }, "request", "shown");
}

function drawBar() {
  const bar = $("#mask-bar");
  bar.hidden = !state.masking;
  $("#stage").classList.toggle("with-mask", state.masking);
  if (!state.masking) return;
  const focused = bar.contains(document.activeElement) ? document.activeElement : null;
  const colors = Object.keys(state.regions.paintings);
  const offered = paintings().filter((item) => state.styles.includes(item.name) || blends(item));
  bar.replaceChildren(
    h("div", { class: "regions", role: "radiogroup", "aria-label": t("regions") }, colors.map((color) => {
      const name = color === REST ? t("rest") : t("region", { color: t(`color_${color}`) });
      const select = h("select", { "aria-label": t("paintingOf", { name }), onchange: () => assign(color, select.value) },
        h("option", { value: "", text: t("staysPhoto") }),
        offered.map((item) => h("option", { value: item.name, text: item.title, selected: item.name === state.regions.paintings[color] })));
      const [pill] = pills("region", [[color, name]], pen.color, choose);
      $("span", pill).textContent = name[0].toUpperCase() + name.slice(1);
      pill.dataset.color = color;
      return h("div", { class: "region" }, pill, select);
    }), colors.length < Object.keys(COLORS).length && button(t("addRegion"), add, { icon: "plus", class: "small" })),
    h("div", { class: "brushes" },
      h("label", {}, h("span", { text: t("brush") }), h("input", { id: "brush-size", type: "range", min: 4, max: Math.round(canvas.width / 2), value: pen.size, oninput: (event) => { pen.size = Number(event.target.value); cursor(); } })),
      h("label", { title: softens() ? null : t("softHow") }, h("span", { text: t("soft") }), h("input", { id: "brush-soft", type: "range", min: 0, max: 60, value: pen.soft, disabled: !softens(), oninput: (event) => { pen.soft = Number(event.target.value); draw(); }, onchange: upload })),
      tool("erase", t("erase"), () => choose(REST), { "aria-pressed": String(pen.color === REST) }),
      tool("undo", t("undo"), undo, { disabled: !strokes.length }),
      tool("trash", t("clear"), clear, { disabled: !strokes.length && !base }),
      button(t("ready"), () => change({ masking: false }, "masking"), { icon: "check", class: "small main" })));
  if (focused) [...bar.querySelectorAll("input, button, select")].find((element) =>
    element.type === focused.type && (element.id ? element.id === focused.id : element.value === focused.value
      && element.getAttribute("aria-label") === focused.getAttribute("aria-label")))?.focus();
}

/** Says beside the button that paints which paintings regions are painted after. */
function tellRegions() {
  const works = Object.values((state.regions?.mask && state.regions.paintings) || {}).filter(Boolean);
  $("#by-mask").hidden = !works.length;
  $("#by-mask").textContent = t("withMask", { names: works.map((name) => known(name).title).join(", ") });
}

export function startMask() {
  listen();
  on("request language", tellRegions);
  on("masking language choices", () => {
    if (state.masking && !state.regions) {
      change({ regions: { mask: "", paintings: { [REST]: "", white: state.styles[0] ?? "" } } });
    }
    drawBar();
    if (state.masking) open().catch(fail);
    else attach();
  });
  on("wall", () => { attach(); if (state.masking && canvas.isConnected) cursor(); });
  addTools(() => state.content && tool("mask", t("mask"), () => change({ masking: !state.masking }, "masking"),
    { "aria-pressed": String(state.masking), "data-tool": "mask" }));
}
