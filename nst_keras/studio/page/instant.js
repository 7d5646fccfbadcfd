// Painting in one pass: a small preview at once, mixed here while a slider moves, then the exact picture.
import { bitmap, paint, picturePath, resultPath } from "./api.js";
import { $, format, say, t } from "./dom.js";
import { fail } from "./main.js";
import { onWall, show } from "./stage.js";
import { currentRequest, known, on, state } from "./store.js";

const SIDE = 512; // of previews, unless the picture itself is smaller
const REST = 250; // milliseconds without a change before the exact picture is painted
const FINISH = ["strength", "preserve_color", "color_strength"]; // what is mixed here; see `mixed`

let turn = 0;
let going = null;
const previews = new Map();

function preview(request) {
  const wanted = JSON.stringify(request);
  if (!previews.has(wanted)) {
    if (previews.size > 30) previews.delete(previews.keys().next().value);
    const made = paint(request, Math.min(SIDE, request.settings.size || SIDE));
    made.catch(() => previews.delete(wanted));
    previews.set(wanted, made);
  }
  return previews.get(wanted);
}

/** A small picture as the settings have it, mixed of the photo, the painted one and that in the photo's colours. */
async function mixed(request) {
  const { strength = 1, preserve_color = "none", color_strength = 1 } = request.settings;
  const plain = Object.fromEntries(Object.entries(request.settings).filter(([name]) => !FINISH.includes(name)));
  const painted = preview({ ...request, settings: plain });
  const colored = preserve_color === "none" ? painted : preview({ ...request, settings: { ...plain, preserve_color } });
  const photo = strength < 1 && bitmap(picturePath(request.content, SIDE));
  const layers = [[(await painted).bitmap, 1], [(await colored).bitmap, color_strength]];
  if (layers[0][0] === layers[1][0]) layers.pop();
  const canvas = document.createElement("canvas");
  canvas.width = layers[0][0].width;
  canvas.height = layers[0][0].height;
  const context = canvas.getContext("2d");
  const lay = (picture, alpha) => {
    context.globalAlpha = alpha;
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  };
  layers.forEach(([picture, alpha]) => lay(picture, alpha));
  if (photo) lay(await photo, 1 - strength);
  return canvas;
}

export function titles(request) {
  const after = [...new Set(request.styles)].map((name) => known(name).title);
  return { title: known(request.content).title, after: after.length ? t("afterWorks", { names: after.join(" + ") }) : "" };
}

function hang(picture, request, more) {
  const { title, after } = titles(request);
  show({ bitmap: picture, content: request.content, title, after, request, alt: `${title} ${after}`, ...more });
}

const ready = () => state.way === "fast" && state.content && state.styles.length && !state.shown && !state.masking;

const key = ({ way, content, styles, style_weights: weights, content_mask: mask, style_masks: parts, settings }) =>
  JSON.stringify([way, content, styles, weights, mask ?? "", parts ?? [], Object.entries(settings).sort()]);

/** Hangs the picture of a request that was painted before; tells if there is one. */
async function hangKnown(request, wanted) {
  const job = state.jobs.find((each) => each.result && key(each.request) === key(request));
  if (!job) return false;
  const picture = await bitmap(resultPath(job));
  const facts = t("pixelsBy", { w: format(job.width), h: format(job.height) });
  if (wanted()) hang(picture, request, { facts, result: job.result, exact: true });
  return true;
}

async function paintNow() {
  again = false; // a mix that waits would end this
  const mine = ++turn;
  going?.abort();
  working("");
  if (!ready()) return;
  const request = currentRequest();
  const busy = setTimeout(() => mine === turn && working(t("painting_now")), 150);
  const slow = setTimeout(() => mine === turn && working(t("warming")), 4000);
  try {
    if (await hangKnown(request, () => mine === turn)) return;
    if (onWall()?.content !== request.content) {
      const photo = await bitmap(picturePath(request.content, 1024));
      if (mine === turn) hang(photo, request, { facts: t("notPainted"), exact: false });
    }
    const small = await mixed(request);
    if (mine !== turn) return;
    hang(small, request, { facts: t("firstLook"), exact: false });
    await new Promise((resolve) => setTimeout(resolve, REST));
    if (mine !== turn) return;
    going = new AbortController();
    const { bitmap: picture, result, seconds } = await paint(request, null, going.signal);
    if (mine !== turn) return;
    const facts = [t("pixelsBy", { w: format(picture.width), h: format(picture.height) })];
    if (seconds) facts.push(t("paintedIn", { time: t("seconds", { n: format(seconds, { maximumSignificantDigits: 2 }) }) }));
    hang(picture, request, { facts: facts.join(" · "), result, exact: true });
    say(t("painted", { title: `${titles(request).title} ${titles(request).after}` }));
    refresh();
  } catch (error) {
    if (mine === turn) fail(error);
  } finally {
    clearTimeout(busy);
    clearTimeout(slow);
    if (mine === turn) working("");
  }
}

async function mixNow() {
  const mine = ++turn;
  going?.abort();
  if (!ready()) return;
  const request = currentRequest();
  try {
    const small = await mixed(request);
    if (mine === turn) hang(small, request, { facts: t("firstLook"), exact: false });
  } catch (error) {
    fail(error);
  }
}

let mixing = false;
let again = false;
/** As a slider moves: what comes while a picture is made waits, and the last of it counts. */
async function mixLive() {
  again = true;
  if (mixing) return;
  mixing = true;
  while (again) {
    again = false;
    await mixNow();
  }
  mixing = false;
}

function working(text) {
  $("#working").textContent = text;
  $("#stage").classList.toggle("busy", text !== "");
}

let refresh = () => {};

export function startInstant(reload) {
  refresh = reload;
  on("request masking", paintNow);
  on("live", mixLive);
  on("shown", () => { if (!state.shown && onWall()?.job) paintNow(); });
}
