// What the networks that paint are made of: a filter slid over a picture of 5 × 5, and what VGG-19 sees in the photo.
import { bitmap, picturePath, post } from "./api.js";
import { $, ask, format, h, pills, t } from "./dom.js";
import { inWords } from "./main.js";
import { onWall } from "./stage.js";
import { known, state } from "./store.js";

const SIDE = 5;
const WINDOW = 3;
const PLACES = SIDE - WINDOW + 1;
const FILTERS = {
  filterEdge: [1, 0, -1, 1, 0, -1, 1, 0, -1],
  filterLine: [-1, 2, -1, -1, 2, -1, -1, 2, -1],
  filterSpot: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  filterSum: [1, 1, 1, 1, 1, 1, 1, 1, 1],
};

const picture = [0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0];
let filter = "filterLine";
let place = 0;

const inWindow = (at) => Array.from({ length: WINDOW ** 2 }, (_, n) =>
  (Math.floor(at / PLACES) + Math.floor(n / WINDOW)) * SIDE + (at % PLACES) + (n % WINDOW));
const valueAt = (at) => inWindow(at).reduce((sum, cell, n) => sum + picture[cell] * FILTERS[filter][n], 0);
const signed = (number) => String(number).replace("-", "−");

function draw(body) {
  const window = inWindow(place);
  const results = Array.from({ length: PLACES ** 2 }, (_, at) => valueAt(at));
  const most = Math.max(1, ...results.map(Math.abs));
  const focused = document.activeElement?.dataset?.cell;
  const cell = (text, share, classes) => {
    const box = h("span", { class: `cell ${classes}`, text });
    box.style.setProperty("--share", share);
    return box;
  };
  $(".grids", body).replaceChildren(
    h("figure", { class: "grid5" }, picture.map((value, n) => h("button", {
      class: window.includes(n) ? "cell seen" : "cell", "aria-pressed": String(value === 1), "data-cell": n,
      "aria-label": t("learnCell", { row: Math.floor(n / SIDE) + 1, column: (n % SIDE) + 1, value }), text: value,
      onclick: () => { picture[n] = 1 - picture[n]; draw(body); },
    })), h("figcaption", { text: t("learnPicture") })),
    h("figure", { class: "grid3" }, FILTERS[filter].map((value) => cell(signed(value), 0, "")), h("figcaption", { text: t("learnFilter") })),
    h("figure", { class: "grid3" }, results.map((value, at) =>
      cell(at <= place ? signed(value) : "", at <= place ? Math.max(0, value) / most : 0, at === place ? "seen" : "")),
    h("figcaption", { text: t("learnResult") })));
  if (focused) $(`[data-cell="${focused}"]`, body)?.focus();
  const products = window.map((n, k) => [picture[n], FILTERS[filter][k]]).filter(([one]) => one !== 0).map(([, other]) => signed(other));
  $(".sum", body).textContent = `${products.join(" + ") || "0"} = ${signed(valueAt(place))}`;
}

function filterPart() {
  const range = h("input", { type: "range", min: 0, max: PLACES ** 2 - 1, value: place, "aria-label": t("learnSlide"), oninput: () => { place = Number(range.value); draw(body); } });
  const select = h("select", { "aria-label": t("learnFilter"), onchange: () => { filter = select.value; draw(body); } },
    Object.keys(FILTERS).map((name) => h("option", { value: name, text: t(name), selected: name === filter })));
  const body = h("div", { class: "learn" }, h("p", { class: "note", text: t("learnHow") }), select,
    h("div", { class: "grids" }), range, h("p", { class: "sum", role: "status" }), h("p", { class: "note", text: t("learnWhy") }));
  draw(body);
  return body;
}

// What VGG-19 sees in the photo, layer by layer.
const COLUMNS = 4; // of a sheet of maps
let layer = "relu1_1";
let channel = 0;

/** Layers that the losses compare pictures on, with those that each of them takes. */
function layers() {
  const { settings } = state.about.presets[0];
  const [content, style] = [Object.keys(settings.content_layers), Object.keys(settings.style_layers)];
  return { content, style, all: [...new Set([...content, ...style])].sort() };
}

const decoded = (text) => createImageBitmap(new Blob([Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))], { type: "image/png" }));

/** A canvas with the map at a place of a sheet of so many. */
function tileOf(sheet, index, count, size = 96) {
  const rows = Math.ceil(count / COLUMNS);
  const [width, height] = [sheet.width / COLUMNS, sheet.height / rows];
  const canvas = h("canvas", { width: Math.round(size), height: Math.round((size * height) / width) });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, (index % COLUMNS) * width, Math.floor(index / COLUMNS) * height, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** The photo, darker, with the map glowing on it. */
function litPhoto(photo, map) {
  const canvas = h("canvas", { width: photo.width, height: photo.height, role: "img" });
  const [context, glow] = [canvas.getContext("2d"), map.getContext("2d")];
  glow.globalCompositeOperation = "multiply";
  glow.fillStyle = "#fb3";
  glow.fillRect(0, 0, map.width, map.height);
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalAlpha = 0.4;
  context.drawImage(photo, 0, 0);
  context.globalAlpha = 1;
  context.globalCompositeOperation = "lighter";
  context.drawImage(map, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function drawMaps(body, photo, sheet, channels) {
  const choose = (index) => { channel = index; drawMaps(body, photo, sheet, channels); $(`[data-channel="${index}"]`, body).focus(); };
  const canvas = litPhoto(photo, tileOf(sheet, channel, channels.length));
  const text = t("learnChannel", { n: format(channels[channel]) });
  canvas.setAttribute("aria-label", text);
  $(".maps", body).replaceChildren(h("figure", {}, canvas, h("figcaption", { text })),
    h("div", { class: "tiles" }, channels.map((name, index) => h("button", {
      "aria-pressed": String(index === channel), "aria-label": t("learnChannelName", { n: format(name) }),
      title: t("learnChannelName", { n: format(name) }), "data-channel": index, onclick: () => choose(index),
    }, tileOf(sheet, index, channels.length)))));
}

/** A Gram matrix: its channels' maps above and beside it, in each cell how strongly both say something at one place. */
async function gramTable({ sheet, gram }, channels, title) {
  const maps = await decoded(sheet);
  const head = (index) => tileOf(maps, index, channels.length, 48);
  const cells = gram.flatMap((row, n) => [head(n), ...row.map((value, m) => {
    const cell = h("i", { title: `${channels[n]} × ${channels[m]}: ${format(value, { maximumSignificantDigits: 2 })}` });
    cell.style.setProperty("--share", Math.sqrt(value));
    return cell;
  })]);
  const pairs = gram.flatMap((row, n) => row.slice(0, n).map((value, m) => [value, n, m])).sort((one, other) => other[0] - one[0]);
  const [value, n, m] = pairs[0];
  const label = t("learnPair", { a: channels[n], b: channels[m], n: format(value, { maximumSignificantDigits: 2 }) });
  return h("figure", {}, h("figcaption", { text: title }),
    h("div", { class: "gram", role: "img", "aria-label": label }, h("i", { class: "corner" }), channels.map((_, index) => head(index)), cells),
    h("figcaption", { text: label }));
}

/** The photo, what is painted of it if that hangs on the wall, and the painting if it is more than a name. */
function compared() {
  const pictures = [[state.content, t("photo")]];
  const item = onWall();
  if (item?.result && item.content === state.content) pictures.push([item.result, t("after")]);
  const [style] = state.styles;
  if (known(style).painting) pictures.push([style, t("painting")]);
  return pictures;
}

const look = (pictures) => post("/api/learn/features", { layer, pictures: pictures.map(([name]) => name) });

let asked = 0;
async function drawLayer(body) {
  const mine = ++asked;
  const { content } = layers();
  const isContent = content.includes(layer);
  const room = $(".layer", body);
  const pictures = compared();
  body.setAttribute("aria-busy", "true");
  const say = (text) => { if (mine === asked) $(".looking", body).textContent = text; };
  say(t("learnLooking"));
  const slow = setTimeout(() => say(t("learnStarting")), 1000);
  try {
    const [photo, seen] = await Promise.all([bitmap(picturePath(state.content, 512)), look(pictures)]);
    const [sheet, places] = await Promise.all([decoded(seen.sheet), decoded(seen.places)]);
    const tables = await Promise.all(seen.pictures.map((picture, n) => gramTable(picture, seen.together, pictures[n][1])));
    if (mine !== asked) return;
    const like = h("canvas", { width: places.width, height: places.height, role: "img", "aria-label": t("learnPlaces") });
    like.getContext("2d").drawImage(places, 0, 0);
    room.replaceChildren(h("div", { class: "maps" }), ...(isContent
      ? [h("p", { class: "note", text: t("learnContent") }), h("figure", { class: "places" }, like, h("figcaption", { text: t("learnPlaces") }))]
      : [h("p", { class: "note", text: t("learnStyle") }), h("div", { class: "tables" }, tables)]));
    channel = 0;
    drawMaps(body, photo, sheet, seen.channels);
    say("");
  } catch (error) {
    say(inWords(error));
  } finally {
    clearTimeout(slow);
    if (mine === asked) body.removeAttribute("aria-busy");
  }
}

function photoPart() {
  const { all, content } = layers();
  const select = h("select", { "aria-label": t("learnLayer"), onchange: () => { layer = select.value; drawLayer(body); } },
    all.map((name, n) => h("option", { value: name, selected: name === layer,
      text: t(content.includes(name) ? "layerOfContent" : "layerOfStyle", { n: format(n + 1), name }) })));
  const body = h("div", { class: "learn" }, h("p", { class: "note", text: t("learnVgg") }), select,
    h("p", { class: "looking", role: "status" }), h("progress", { "aria-hidden": "true" }), h("div", { class: "layer" }));
  drawLayer(body);
  return body;
}

let part = "filter";
export function showLesson() {
  look(compared()).catch(() => {}); // starts the network, which takes a while
  ask(t("learn"), () => {
    const body = h("div");
    const fill = () => body.replaceChildren(part === "filter" ? filterPart() : photoPart());
    fill();
    return [h("div", { class: "pills", role: "radiogroup", "aria-label": t("learn") },
      pills("lesson", [["filter", t("learnOneFilter")], ["photo", t("learnPhoto")]], part, (next) => { part = next; fill(); })), body];
  });
}
