// Photos and paintings: dropped, pasted, chosen, taken by the camera, or from the shelf.
import { bitmap, fill, picturePath, put, Refusal } from "./api.js";
import { $, ask, button, format, h, icon, note, t } from "./dom.js";
import { fail } from "./main.js";
import { onWall } from "./stage.js";
import { adopt, blends, change, known, on, paintings, photos, state, titleOf } from "./store.js";

const FEW = 6; // paintings that are shown before all are asked for
let all = false;

/** Brings in a file as "photo" or "painting"; of one of ours it asks whether its settings are wanted. */
export async function bring(file, as) {
  try {
    if (file.size > state.about.largest_file) throw new Refusal("", 413);
    const answer = await put(file);
    const others = state.own.filter((item) => item.name !== answer.id || item.as !== as);
    const own = [{ name: answer.id, title: titleOf(answer.name), as, file: answer.name === file.name ? "" : answer.name }, ...others].slice(0, 40);
    change({ own }, "choices");
    const take = () => (as === "photo" ? choosePhoto : chooseStyle)(answer.id);
    const tell = () => answer.recipe_problem && note(t("serverSays", { text: answer.recipe_problem }));
    if (answer.request) {
      note(t("carriesRecipe", { name: answer.name }), {
        actions: [[t("useRecipe"), () => { adopt(answer.request, !answer.recipe_problem); tell(); }], [t("onlyPicture"), take]],
      });
    } else {
      take();
      tell();
    }
  } catch (error) {
    fail(error);
  }
}

function choosePhoto(name) {
  change({ content: name, regions: null, masking: false, shown: "" }, "choices", "request", "shown");
}

function chooseStyle(name) {
  const { styles, blending } = state;
  let next = [name];
  if (blending) {
    if (!styles.includes(name)) next = blends(known(name)) ? [...styles, name] : [name];
    else next = styles.length > 1 ? styles.filter((style) => style !== name) : styles;
  }
  change({ styles: next, shown: "" }, "choices", "request", "shown");
}

function opener(as, label) {
  const input = h("input", {
    type: "file", accept: "image/png,image/jpeg,image/webp,image/tiff,.tif,.tiff", multiple: as === "painting",
    onchange: async () => {
      for (const file of input.files) await bring(file, as);
      input.value = "";
    },
  });
  return h("label", { class: "tile action" }, input, h("span", { class: "face" }, icon("plus")), h("span", { class: "name", text: label }));
}

// The server paints pictures of styles that have none when they are asked for: after the first picture, one by one.
let firstPicture;
let cards = Promise.race([
  new Promise((resolve) => { firstPicture = resolve; }), new Promise((resolve) => { setTimeout(resolve, 8000); })]);

function tile(item, chosen, onclick, more = {}) {
  const image = h("img", { alt: "", draggable: "false" });
  const path = picturePath(item.name, 256);
  if ("stylizer" in item && !item.painting) cards = cards.then(() => (image.isConnected ? fill(image, path) : null));
  else fill(image, path, () => { if (item.as) change({ own: state.own.filter((own) => own.name !== item.name) }); });
  const face = h("span", { class: "face", "data-letter": item.title.split(" ").at(-1).slice(0, 2) }, image);
  return h("button", { class: "tile", "aria-pressed": String(chosen), onclick, title: item.title, "data-name": item.name, ...more },
    face, h("span", { class: "name", text: item.title }));
}

function drawPhotos() {
  const camera = navigator.mediaDevices?.getUserMedia && h("button", { class: "tile action", onclick: takePhoto },
    h("span", { class: "face" }, icon("camera")), h("span", { class: "name", text: t("camera") }));
  redraw($("#photos"),
    opener("photo", t("open")), camera,
    photos().map((item) => tile(item, item.name === state.content, () => choosePhoto(item.name))));
}

function drawGallery() {
  const items = paintings();
  const chosenFirst = items.filter((item) => state.styles.includes(item.name));
  const isOutside = (item) => state.blending && !blends(item) && !state.styles.includes(item.name);
  const shown = all ? items : [...new Set([...items.filter((item) => !isOutside(item)).slice(0, FEW - 1), ...chosenFirst])];
  redraw($("#gallery"), opener("painting", t("ownPainting")), shown.map((item) => {
    const outside = isOutside(item);
    return tile(item, state.styles.includes(item.name), () => chooseStyle(item.name),
      outside ? { title: t("otherNetwork"), class: "tile outside" } : {});
  }));
  const more = $("#more-paintings");
  more.textContent = all ? t("fewer") : t("allPaintings", { n: format(items.length) });
  more.setAttribute("aria-expanded", String(all));
  more.hidden = items.length <= FEW;
  $("#blending").checked = state.blending;
  drawChosen();
}

function drawChosen() {
  const several = state.blending && state.styles.length > 1;
  const total = state.styles.reduce((sum, name) => sum + (state.weights[name] ?? 1), 0) || 1;
  redraw($("#chosen"), state.styles.map((name) => {
    const item = known(name);
    const about = h("p", {}, h("span", { class: "work", text: item.title }), item.credit ? ` — ${item.credit}` : "");
    if (!several) return about;
    const share = () => t("percent", { n: format(Math.round((100 * (state.weights[name] ?? 1)) / total)) });
    const range = h("input", {
      type: "range", min: 0, max: 1, step: 0.05, value: state.weights[name] ?? 1, "aria-label": t("shareOf", { name: item.title }),
      oninput: () => change({ weights: { ...state.weights, [name]: Number(range.value) } }, "live"),
      onchange: () => change({}, "choices", "request"),
    });
    return h("div", { class: "share" }, about, h("output", { text: share() }), range);
  }), state.blending && state.styles.length < 2 && h("p", { class: "note", text: t("blendHow") }));
}

/** Puts in other children; the focus stays on the tile that it was on. */
function redraw(parent, ...children) {
  const focused = parent.contains(document.activeElement) && document.activeElement;
  const path = focused && [focused.dataset.name, focused.getAttribute("aria-label"), focused.type];
  parent.replaceChildren(...children.flat().filter(Boolean));
  if (!focused) return;
  const same = [...parent.querySelectorAll("button, input")].find((element) =>
    element.dataset.name === path[0] && element.getAttribute("aria-label") === path[1] && element.type === path[2]);
  same?.focus();
}

async function takePhoto() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, facingMode: "environment" } });
  } catch {
    note(t("noCamera"), { error: true });
    return;
  }
  const video = h("video", { autoplay: true, playsinline: true, "aria-label": t("camera") });
  video.muted = true;
  video.srcObject = stream;
  const dialog = ask(t("camera"), (close) => [video, button(t("shoot"), () => {
    const canvas = h("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((picture) => bring(new File([picture], "camera.png"), "photo"));
    close();
  }, { icon: "camera", class: "main" })]);
  dialog.addEventListener("close", () => stream.getTracks().forEach((track) => track.stop()), { once: true });
}

function startDropping() {
  const zones = $("#dropping");
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  const half = (event) => (event.clientX > innerWidth / 2 ? "painting" : "photo");
  addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    zones.hidden = false;
    zones.dataset.over = half(event);
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) zones.hidden = true; });
  addEventListener("drop", async (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    zones.hidden = true;
    const [first, ...others] = event.dataTransfer.files;
    await bring(first, half(event));
    for (const file of others) await bring(file, "painting");
  });
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (file) bring(file, "photo");
  });
}

/** The room takes its tint from the painting: hue and chroma (OkLCH), averaged by chroma. */
async function tint() {
  const picture = await bitmap(picturePath(state.styles[0], 256));
  const canvas = new OffscreenCanvas(32, 32);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, 32, 32);
  const { data } = context.getImageData(0, 0, 32, 32);
  const linear = (value) => (value <= 10 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  let [a, b, weight, chroma] = [0, 0, 0, 0];
  for (let n = 0; n < data.length; n += 4) {
    const [red, green, blue] = [0, 1, 2].map((channel) => linear(data[n + channel]));
    const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
    const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
    const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
    const own = [1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
    const size = Math.hypot(...own);
    a += own[0] * size;
    b += own[1] * size;
    weight += size;
    chroma += size / (data.length / 4);
  }
  if (!weight) return;
  const { style } = document.documentElement;
  style.setProperty("--hue", ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360);
  style.setProperty("--tint", Math.min(1, chroma / 0.08));
}

export function startSources() {
  startDropping();
  $("#more-paintings").addEventListener("click", () => { all = !all; drawGallery(); });
  $("#blending").addEventListener("change", (event) => {
    const blending = event.target.checked;
    change({ blending, styles: blending ? state.styles : state.styles.slice(0, 1) }, "choices", "request");
  });
  on("wall", () => { if (onWall()?.exact) firstPicture(); });
  on("choices language", () => { drawPhotos(); drawGallery(); if (state.styles.length) tint().catch(() => {}); });
  on("live", () => {
    const total = state.styles.reduce((sum, name) => sum + (state.weights[name] ?? 1), 0) || 1;
    document.querySelectorAll("#chosen output").forEach((output, n) => {
      output.textContent = t("percent", { n: format(Math.round((100 * (state.weights[state.styles[n]] ?? 1)) / total)) });
    });
  });
}
