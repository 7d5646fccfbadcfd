// What is kept of a picture: a file with its recipe, the command and the program that make it again.
import { download, picturePath, post } from "./api.js";
import { $, ask, button, h, t } from "./dom.js";
import { fail } from "./main.js";
import { onWall } from "./stage.js";
import { adopt, known, on, state } from "./store.js";

const FORMATS = { ".png": "PNG", ".jpg": "JPEG", ".webp": "WebP", ".tif": "TIFF" };

async function save(path) {
  try {
    const file = await download(path);
    const url = URL.createObjectURL(file);
    h("a", { href: url, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    fail(error);
  }
}


async function copy(kind) {
  try {
    const { request } = onWall();
    const text = (await post("/api/command", request))[kind];
    // Without leave to write there, the text is shown all the same.
    const copied = await navigator.clipboard.writeText(text).then(() => true, () => false);
    const words = text.split(" ").flatMap((word, n) => [n ? " " : "", kind === "command" ? h("span", { text: word }) : word]);
    ask(t(kind === "command" ? "asCommand" : "asPython"), () => [
      h("pre", { tabindex: 0 }, words),
      copied && h("p", { class: "note", role: "status", text: t("copied") }),
      request.content_mask && button(t("downloadMask"), () => save(`${picturePath(request.content_mask)}?original=1`), { icon: "keep" }),
      // Those that have another name here than where they came from.
      ...[...new Set([request.content, ...request.styles])].map(known).filter(({ file }) => file).map(({ name, file }) =>
        button(t("downloadNamed", { name: file }), () => save(`${picturePath(name)}?original=1`), { icon: "keep" })),
    ].filter(Boolean));
  } catch (error) {
    fail(error);
  }
}

function draw() {
  const item = onWall();
  const off = !item?.result;
  const same = item?.request && JSON.stringify(item.request.settings) === JSON.stringify(state[item.request.way]) && item.request.way === state.way;
  $("#keep").replaceChildren(
    h("div", { class: "formats", role: "group", "aria-label": t("download") },
      Object.entries(FORMATS).filter(([suffix]) => state.about.suffixes.includes(suffix)).map(([suffix, name]) => button(name,
        () => save(`/api/results/${encodeURIComponent(item.result)}?suffix=${suffix}`), { icon: "keep", disabled: off, "aria-label": t("downloadAs", { name }) }))),
    h("p", { class: "note", text: off ? t("notYet") : t("recipeInside") }),
    h("div", { class: "copies" },
      button(t("asCommand"), () => copy("command"), { disabled: !item?.request }),
      button(t("asPython"), () => copy("python"), { disabled: !item?.request })),
    !same && item?.job ? button(t("useRecipe"), () => adopt(item.request), { class: "wide" }) : "");
}

export function startKeep() {
  on("wall language", draw);
}
