// A filter slid over a picture of 5 × 5: what a convolution of the networks that paint computes, in numbers.
import { $, ask, h, t } from "./dom.js";

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
      type: "button", class: window.includes(n) ? "cell seen" : "cell", "aria-pressed": String(value === 1), "data-cell": n,
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

export function showFilter() {
  ask(t("learn"), () => {
    const range = h("input", { type: "range", min: 0, max: PLACES ** 2 - 1, value: place, "aria-label": t("learnSlide"), oninput: () => { place = Number(range.value); draw(body); } });
    const select = h("select", { "aria-label": t("learnFilter"), onchange: () => { filter = select.value; draw(body); } },
      Object.keys(FILTERS).map((name) => h("option", { value: name, text: t(name), selected: name === filter })));
    const body = h("div", { class: "learn" }, h("p", { class: "note", text: t("learnHow") }), select,
      h("div", { class: "grids" }), range, h("p", { class: "sum", role: "status" }), h("p", { class: "note", text: t("learnWhy") }));
    draw(body);
    return body;
  });
}
