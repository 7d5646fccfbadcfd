// Pictures that take minutes, and the strip of all that was made.
import * as api from "./api.js";
import { $, button, drawn, duration, format, h, icon, note, say, t, tool } from "./dom.js";
import { titles } from "./instant.js";
import { fail } from "./main.js";
import { addTools, label, onWall, show, showBeside } from "./stage.js";
import { ACTIVE, change, currentRequest, jobOf, on, state } from "./store.js";

const ENDED = ["done", "stopped", "failed", "lost"];
const MOST_BESIDE = 4;
let following = "";
let choosing = false; // whether the strip chooses what is looked at side by side

export async function refresh() {
  const jobs = await api.get("/api/jobs");
  const curves = new Map(state.jobs.map((job) => [job.id, job.loss_curve]));
  for (const job of jobs) if (!job.loss_curve.length) job.loss_curve = curves.get(job.id) ?? [];
  if (state.shown && !jobs.some((job) => job.id === state.shown)) state.shown = "";
  change({ jobs }, "jobs");
  watchNext();
}

/** Follows the one job that is at work, or comes next: a browser has few connections to a server. */
function watchNext() {
  const active = state.jobs.filter((job) => ACTIVE.includes(job.state));
  const next = active.find((job) => job.state !== "waiting") ?? active.at(-1);
  if (next) watch(next.id);
}

function update(job) {
  const old = jobOf(job.id);
  if (!old) return;
  const last = old.loss_curve.at(-1)?.[0] ?? -1;
  const curve = [...old.loss_curve, ...job.loss_curve.filter(([step]) => step > last)];
  const changed = old.state !== job.state || old.result !== job.result;
  Object.assign(old, job, { loss_curve: curve });
  change({}, changed ? "jobs" : "step");
  if (changed) say(t(`state_${job.state}`));
}

async function watch(id) {
  if (following) return;
  following = id;
  const ended = () => !ACTIVE.includes(jobOf(id)?.state);
  try {
    await api.follow(id, {
      connected: () => $("#run").classList.remove("broken"),
      broken: () => $("#run").classList.add("broken"),
      job: update,
      preview: () => { if (state.shown === id) hangPreview(id); },
    }, ended);
  } catch (error) {
    if (error.status !== 404) fail(error); // else it was removed
  } finally {
    following = "";
  }
  const job = jobOf(id);
  if (job && state.shown === id) hangJob();
  if (job?.state === "failed") note(told(job) || t("state_failed"), { error: true });
  refresh().catch(fail);
}

export async function begin() {
  try {
    const job = await api.post("/api/jobs", currentRequest());
    change({ jobs: [job, ...state.jobs], shown: job.id }, "jobs", "shown");
    watchNext();
    if (matchMedia("(max-width: 899px)").matches) scrollTo(0, 0);
  } catch (error) {
    fail(error);
  }
}

async function tell(job, action, value) {
  try {
    const answer = await api.post(`/api/jobs/${job.id}/${action}`, value);
    if (answer.id !== job.id) change({ jobs: [answer, ...state.jobs], shown: answer.id }, "jobs", "shown");
    else update(answer);
    if (ACTIVE.includes(answer.state)) watchNext();
    else if (state.shown === answer.id) await hangJob();
  } catch (error) {
    fail(error);
  }
}

async function drop(job) {
  try {
    await api.remove(`/api/jobs/${job.id}`);
    change({ jobs: state.jobs.filter((other) => other.id !== job.id), beside: state.beside.filter((id) => id !== job.id) }, "jobs");
    if (state.shown === job.id) change({ shown: "" }, "shown");
  } catch (error) {
    fail(error);
  }
}

const told = (job) => job.message && t("serverSays", { text: job.message });

function facts(job) {
  const parts = [];
  if (job.width) parts.push(t("pixelsBy", { w: format(job.width), h: format(job.height) }));
  if (job.step) parts.push(t("steps", { n: format(job.step) }));
  if (job.state !== "done") parts.push(t(`state_${job.state}`));
  return parts.join(" · ");
}

function hang(job, picture, exact) {
  const { title, after } = titles(job.request);
  show({
    bitmap: picture, content: job.request.content, title, after, facts: facts(job), alt: `${title} ${after}`,
    request: job.request, result: exact ? job.result : null, exact, job: job.id,
  });
}

/** What a job begins with: its photo, or the picture that it goes on from. */
const begins = ({ request }) => (jobOf(request.settings.init) ? request.settings.init : request.content);

let fetching = false;
async function hangPreview(id) {
  if (fetching) return; // there is a newer one soon
  fetching = true;
  const picture = await api.blob(`/api/jobs/${id}/preview`).then(createImageBitmap).catch(() => null);
  fetching = false;
  const job = jobOf(id);
  if (picture && job && state.shown === id && !job.result) hang(job, picture, false);
}

/** Hangs the job that is chosen: its result, its newest picture on the way, or what it begins with. */
export async function hangJob() {
  const job = jobOf(state.shown);
  if (!job) return;
  try {
    if (job.result) {
      const picture = await api.bitmap(api.resultPath(job));
      if (state.shown === job.id) hang(job, picture, true);
    } else {
      hang(job, await api.bitmap(api.picturePath(begins(job), 1024)), false);
      if (job.step) await hangPreview(job.id);
    }
  } catch (error) {
    fail(error);
  }
}

/** The loss, on a logarithmic axis, by step: an SVG line. */
function curve(losses) {
  const [width, height] = [220, 48];
  const points = losses.filter(([, loss]) => loss > 0);
  const last = points.at(-1);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", role: "img", preserveAspectRatio: "none",
    "aria-label": last ? t("lossCurve", { n: format(last[1], { maximumSignificantDigits: 3 }) }) : t("loss") });
  if (points.length > 1) {
    const logs = points.map(([, loss]) => Math.log(loss));
    const [low, high, end] = [Math.min(...logs), Math.max(...logs), last[0]];
    const at = points.map(([step], n) =>
      `${((width * step) / end).toFixed(1)},${(3 + ((height - 6) * (high - logs[n])) / (high - low || 1)).toFixed(1)}`);
    svg.append(drawn("polyline", { points: at.join(" ") }));
  }
  return svg;
}

/** The card of the job on the wall. What can be pressed is made anew only when the state is another. */
function drawRun() {
  const card = $("#run");
  const job = jobOf(state.shown);
  card.hidden = !job || job.request.way !== "optimize" || state.beside.length > 0;
  if (card.hidden) return;
  const key = `${job.id} ${job.state} ${document.documentElement.lang}`;
  if (card.dataset.key !== key) {
    const focused = card.contains(document.activeElement);
    card.dataset.key = key;
    card.replaceChildren(
      h("div", { class: "numbers" }, h("p", { class: "state" }), h("progress", { "aria-label": t("progress") }), h("p", { class: "left" })),
      h("div", { class: "losses" }), h("div", { class: "acts" }, acts(job)));
    if (focused) $("button", card)?.focus();
  }
  const done = ENDED.includes(job.state);
  $(".state", card).textContent = job.num_steps === 0 && job.state === "running" ? t("preparing")
    : job.state === "running" || job.state === "paused"
    ? t("stepOf", { state: t(`state_${job.state}`), n: format(job.step), of: format(job.num_steps) }) : t(`state_${job.state}`);
  const bar = $("progress", card);
  bar.hidden = done;
  bar.max = job.num_steps || 1;
  if (!job.num_steps) bar.removeAttribute("value");
  else bar.value = job.step;
  const isAhead = (other) => other !== job && ACTIVE.includes(other.state) && (other.state !== "waiting" || other.created < job.created);
  const ahead = state.jobs.filter(isAhead).length;
  $(".left", card).textContent = job.state === "running" && job.seconds_left !== null ? t("left", { time: duration(job.seconds_left) })
    : job.state === "waiting" ? t("ahead", { n: ahead }) : told(job);
  $(".losses", card).replaceChildren(curve(job.loss_curve));
  if (onWall()?.job === job.id && !job.result) label({ ...titles(job.request), facts: facts(job) });
  if (job.state === "running") say(t("stepSaid", { n: job.step, of: job.num_steps }), false);
}

function acts(job) {
  const stop = button(t("stopKeep"), () => tell(job, "stop"), { icon: "stop", class: "small" });
  const goOn = button(t("goOn"), () => tell(job, "go_on"), { icon: "play", class: "small main" });
  switch (job.state) {
    case "running": return [button(t("pause"), () => tell(job, "pause"), { icon: "pause", class: "small" }), stop];
    case "waiting": case "starting":
      return [job.step ? stop : button(t("cancel"), () => drop(job), { icon: "close", class: "small" })];
    case "paused": return [goOn, stop];
    case "done": case "stopped": {
      const long = Math.max(job.width, job.height);
      const size = h("select", { "aria-label": t("newSize") }, [1.5, 2, 3].map((factor) =>
        h("option", { value: Math.round(long * factor), text: t("pixelsLong", { n: format(Math.round(long * factor)) }) })));
      const larger = button(t("larger"), () => tell(job, "go_on", { size: Number(size.value) }), { icon: "larger", class: "small" });
      return [job.can_go_on && goOn, h("div", { class: "joined" }, larger, size)].filter(Boolean);
    }
    default: return job.can_go_on ? [goOn] : [];
  }
}

/** Of pictures painted at once after each other, of the same photo and paintings, the strip has the newest. */
function inStrip() {
  const key = (job) => job && JSON.stringify([job.request.way === "fast", job.request.content, job.request.styles, job.request.content_mask]);
  return state.jobs.filter((job, n) => job.request.way !== "fast" || key(state.jobs[n - 1]) !== key(job));
}

function drawStrip() {
  const strip = $("#history");
  const focused = strip.contains(document.activeElement) ? document.activeElement.dataset.job : null;
  const jobs = inStrip();
  strip.hidden = !jobs.length;
  $("#stage").classList.toggle("with-history", jobs.length > 0);
  strip.replaceChildren(...jobs.map((job) => {
    const { title, after } = titles(job.request);
    const image = h("img", { alt: "", draggable: "false" });
    if (job.result) api.fill(image, api.resultPath(job, 256));
    else api.fill(image, api.picturePath(begins(job), 256));
    const chosen = state.beside.includes(job.id);
    return h("div", { class: "made" }, h("button", {
      class: "thumb", "data-job": job.id, "data-state": job.state, title: `${title} ${after}`,
      "aria-label": `${title} ${after}, ${t(job.request.way === "fast" ? "instant" : `state_${job.state}`)}`,
      "aria-pressed": String(chosen),
      onclick: () => (choosing ? chooseBeside(job) : change({ shown: job.id }, "shown")),
    }, image, ACTIVE.includes(job.state) && h("progress", { max: job.num_steps || 1, value: job.step, "aria-hidden": "true" }),
    chosen && h("span", { class: "mark" }, icon("check"))),
    tool("close", t("removeThis", { name: `${title} ${after}` }), () => note(t("removeReally", { name: `${title} ${after}` }),
      { actions: [[t("remove"), () => drop(job)]] }), { class: "tool remove" }));
  }));
  if (focused) $(`[data-job="${focused}"]`, strip)?.focus();
  markShown();
}

/** Marks what is on the wall. */
function markShown() {
  const result = onWall()?.result;
  for (const thumb of document.querySelectorAll("#history .thumb")) {
    const { job } = thumb.dataset;
    const shown = state.shown ? job === state.shown : result && jobOf(job)?.result === result;
    thumb.setAttribute("aria-pressed", String(choosing ? state.beside.includes(job) : Boolean(shown)));
  }
}

function drawSteps() {
  for (const job of state.jobs) {
    const bar = $(`[data-job="${CSS.escape(job.id)}"] progress`);
    if (bar && job.num_steps) {
      bar.max = job.num_steps;
      bar.value = job.step;
    }
  }
}

function chooseBeside(job) {
  const without = state.beside.filter((id) => id !== job.id);
  const beside = without.length < state.beside.length ? without : [...state.beside, job.id].slice(-MOST_BESIDE);
  change({ beside }, "jobs");
  hangBeside();
}

async function hangBeside() {
  const jobs = state.beside.map(jobOf).filter((job) => job?.result);
  const items = await Promise.all(jobs.map(async (job) => {
    const { title, after } = titles(job.request);
    return { bitmap: await api.bitmap(api.resultPath(job)), content: job.request.content, title: after || title, alt: `${title} ${after}` };
  }));
  if (items.length) {
    showBeside(items);
    label({ title: t("beside"), after: "", facts: t("besideHow") });
  }
  drawRun();
}

function toggleBeside() {
  choosing = !choosing;
  const last = onWall();
  if (choosing) {
    const first = jobOf(state.shown) ?? state.jobs.find((job) => job.result && job.result === last?.result);
    change({ beside: first ? [first.id] : [] }, "jobs");
    hangBeside();
  } else {
    change({ beside: [] }, "jobs");
    if (last) show(last);
  }
  drawRun();
}

export function startJobs() {
  $("#history").addEventListener("wheel", (event) => { // which most mice have but one of
    event.currentTarget.scrollLeft += event.deltaX || event.deltaY;
    event.preventDefault();
  }, { passive: false });
  on("jobs shown language choices", drawStrip);
  on("jobs shown language step wall", drawRun);
  on("step", drawSteps);
  on("wall", markShown);
  on("shown", () => { if (state.shown) { choosing = false; state.beside = []; hangJob(); } });
  addTools(() => state.jobs.filter((job) => job.result).length > 1
    && tool("sides", t("beside"), toggleBeside, { "aria-pressed": String(choosing), "data-tool": "sides" }));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().catch(fail); });
}
