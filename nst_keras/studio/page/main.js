// The page: starts its parts, and what they share on it: ways, tabs, languages, keys, what went wrong.
import { get, post, Refusal, bitmap, picturePath } from "./api.js";
import { $, ask, button, currentLanguage, format, h, icon, LANGUAGES, note, pills, setLanguage, t } from "./dom.js";
import { startFields } from "./fields.js";
import { startInstant } from "./instant.js";
import { begin, hangJob, refresh, startJobs } from "./jobs.js";
import { startKeep } from "./keep.js";
import { showLesson } from "./learn.js";
import { startMask } from "./mask.js";
import { startSources } from "./sources.js";
import { show, startStage } from "./stage.js";
import { change, known, on, paintings, photos, restore, state } from "./store.js";

/** What went wrong, as a sentence. */
export function inWords(error) {
  if (!(error instanceof Refusal)) console.error(error);
  const { message, status } = error;
  if (status === 413) return t("tooLarge", { n: format(Math.floor(state.about.largest_file / 2 ** 20)) });
  const key = { 0: "noServer", 403: "noToken", 507: "diskFull" }[status];
  return key ? t(key) : t("serverSays", { text: message });
}

/** Tells what went wrong; what only was given up isn't. */
export function fail(error) {
  if (error.name === "AbortError") return;
  const box = note(inWords(error), { error: true });
  if (error.status === 0) comeBack(box);
}

/** Once the server answers again, takes away the word that it doesn't, and paints what was wanted meanwhile. */
async function comeBack(box) {
  while (box.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    if (box.isConnected && await refresh().then(() => true, () => false)) {
      box.remove();
      change({}, "request");
    }
  }
}

function drawLanguages() {
  $("#languages").replaceChildren(...Object.keys(LANGUAGES).map((tag) => h("button", {
    lang: tag, text: tag.toUpperCase(), "aria-label": `${tag.toUpperCase()}: ${LANGUAGES[tag]}`, "aria-pressed": String(tag === currentLanguage()),
    onclick: () => setLanguage(tag).then(() => {
      change({}, "language");
      $(`#languages [lang="${tag}"]`).focus();
    }, () => fail(new Refusal("", 0))),
  })));
}

/** Goes over to a way, with those of the chosen paintings that it knows. */
export function setWay(way) {
  change({ way, shown: way === "fast" ? "" : state.shown });
  const offered = paintings();
  const styles = state.styles.filter((name) => offered.some((item) => item.name === name));
  const offers = ([color, name]) => [color, offered.some((item) => item.name === name) ? name : ""];
  const regions = state.regions && { ...state.regions, paintings: Object.fromEntries(Object.entries(state.regions.paintings).map(offers)) };
  change({ regions, styles: styles.length ? styles : offered.slice(0, 1).map(({ name }) => name) }, "choices", "way", "masking", "shown", "request");
}

function drawWays() {
  const ways = $("#ways");
  ways.replaceChildren(ways.firstElementChild, ...pills("way", [["fast", t("instant")], ["optimize", t("fine")]], state.way, (way) => {
    setWay(way);
    $(`#ways [value="${way}"]`).focus();
  }));
  $("#way-help").textContent = t(state.way === "fast" ? "instantHelp" : "fineHelp");
  let go = $("#begin");
  if (!go) {
    go = button("", begin, { id: "begin", class: "main wide" });
    $("#paint-part").append(go);
  }
  go.hidden = state.way === "fast";
  $("span", go).textContent = t("begin");
}

const PARTS = { photo: "photo", painting: "painting", paint: "sliders", keep: "keep" };

function drawTabs() {
  const { body } = document;
  $("#tabs").replaceChildren(...Object.entries(PARTS).map(([part, name]) => h("button", {
    "aria-pressed": String(body.dataset.tab === part), onclick: () => {
      body.dataset.tab = part;
      drawTabs();
      $(`#tabs [aria-pressed="true"]`).focus();
    },
  }, icon(name), h("span", { text: t(part) }))));
}

function showKeys() {
  const rows = [["+ −", "keyZoom"], ["0", "keyFit"], ["1", "keyPixels"], ["← → ↑ ↓", "keyPan"], ["C", "keyCompare"],
    ["[ ]", "keyBrush"], [t("space"), "keyPen"], ["Z", "keyUndo"], ["E", "keyErase"], ["Esc", "keyClose"]];
  ask(t("keys"), () => h("dl", {}, rows.map(([key, text]) => [h("dt", {}, h("kbd", { text: key })), h("dd", { text: t(text) })])));
}

/** Hangs the photo alone, where nothing is painted yet. */
async function hangPhoto() {
  if (state.way === "fast" || state.shown || !state.content) return;
  const photo = await bitmap(picturePath(state.content, 1024));
  const { title } = known(state.content);
  if (!state.shown) show({ bitmap: photo, content: state.content, title, alt: title, facts: t("notPainted"), result: null, exact: false });
}

const HOLD = 20 * 60_000; // milliseconds; the server keeps for an hour what an open page wants

/** Tells the server which pictures this page may still want, learns their names, and forgets those that are gone there. */
async function hold() {
  const chosen = [state.content, ...state.styles, state.regions?.mask ?? ""];
  const used = state.jobs.flatMap(({ request }) => [request.content, ...request.styles]);
  const { gone, files } = await post("/api/pictures", { names: [...new Set([...state.own.map(({ name }) => name), ...chosen, ...used])] });
  const own = state.own.filter(({ name }) => !gone.includes(name));
  change({ files, ...(own.length < state.own.length && { own }) }, "choices");
}

async function start() {
  await setLanguage(currentLanguage());
  drawLanguages();
  restore();
  try {
    state.about = await get("/api/about");
  } catch (error) {
    fail(error);
    return;
  }
  startStage();
  startSources();
  startFields();
  startInstant(() => refresh().catch(fail));
  startJobs();
  startMask();
  startKeep();
  on("language", () => { drawLanguages(); drawWays(); drawTabs(); });
  on("way", drawWays);
  on("choices shown", () => hangPhoto().catch(fail));
  $("#keys").addEventListener("click", showKeys);
  $("#learn").addEventListener("click", showLesson);
  await refresh().catch(fail);
  await hold().catch(fail);
  setInterval(() => hold().catch(() => {}), HOLD);
  if (!state.about.presets.some(({ name }) => name === state.preset)) state.preset = state.about.presets[0]?.name;
  if (!photos().some(({ name }) => name === state.content)) state.content = photos()[0]?.name ?? "";
  state.styles = state.styles.filter((name) => paintings().some((item) => item.name === name));
  if (!state.styles.length) state.styles = paintings().slice(0, 1).map(({ name }) => name);
  drawTabs();
  change({}, "way", "choices", "settings", "masking", "wall", "jobs");
  if (state.shown) await hangJob();
  change({}, "shown", "request");
}

start();
