// Forms of settings, made of what the server tells of its fields.
import { $, format, h, pills, t, tool, translated } from "./dom.js";
import { change, on, settingsOf, state, unchanged } from "./store.js";

const SIZES = [256, 384, 512, 768, 1024, 1536, 2048, 3072];
const MANY = 5; // choices that are a list instead of pills

const title = (field) => translated(`field_${field.name}`, field.name.replaceAll("_", " "));
const word = (value) => translated(`choice_${value}`, String(value).replaceAll("_", " "));

export const valueOf = (way, field) => settingsOf(way)[field.name] ?? unchanged(way, field);

function set(way, field, value, ...events) {
  const settings = { ...settingsOf(way), [field.name]: value };
  if (JSON.stringify(value) === JSON.stringify(unchanged(way, field))) delete settings[field.name];
  change({ [way]: settings, shown: way === "fast" ? "" : state.shown }, ...events);
}

const asText = (value) => (value && typeof value === "object"
  ? Object.entries(value).map(([name, weight]) => (Array.isArray(value) ? weight : `${name}:${weight}`)).join(", ")
  : value ?? "");

function control(way, field, id) {
  const value = valueOf(way, field);
  const put = (next) => set(way, field, next, "settings", "request");
  const live = (next) => set(way, field, next, "live");
  const described = { id, "aria-describedby": `${id}-help` };
  if (field.name === "size") return sizes(field, value, described, put);
  if (field.choices) {
    if (field.choices.length <= MANY) {
      return h("div", { class: "pills", role: "radiogroup", "aria-labelledby": `${id}-label`, "aria-describedby": `${id}-help` },
        pills(id, field.choices.map((each) => [each, word(each)]), value, put));
    }
    return h("select", { ...described, onchange: (event) => put(event.target.value) },
      field.choices.map((each) => h("option", { value: each, selected: each === value, text: word(each) })));
  }
  if (field.type === "bool") {
    return h("input", { ...described, type: "checkbox", role: "switch", checked: value, onchange: (event) => put(event.target.checked) });
  }
  if (field.type === "int" || field.type === "float") return numbers(field, value, described, put, live);
  const words = field.words?.length > 0 && h("datalist", { id: `${id}-words` }, field.words.map((each) => h("option", { value: each })));
  return h("div", {}, words, h("input", {
    ...described, type: "text", value: asText(value), spellcheck: "false", list: words && words.id, onchange: (event) => put(event.target.value),
  }));
}

function sizes(field, value, described, put) {
  const offered = [...new Set([field.default, ...(field.default === null ? [0] : []), ...SIZES, value])];
  const name = (size) => (size === null ? t("sizeUpTo") : size === 0 ? t("sizeOwn") : t("pixelsLong", { n: format(size) }));
  return h("select", { ...described, onchange: (event) => put(JSON.parse(event.target.value)) },
    offered.map((size) => h("option", { value: JSON.stringify(size), selected: size === value, text: name(size) })));
}

/** A slider where both ends are known; one of factors around the default beside a number where it is above 0. */
function numbers(field, value, described, put, live) {
  const whole = field.type === "int";
  const bounded = field.at_least !== null && field.at_most !== null;
  const ends = { ...(field.at_least !== null && { min: field.at_least }), ...(field.at_most !== null && { max: field.at_most }) };
  const number = h("input", {
    ...described, ...ends, type: "number", step: whole ? 1 : "any", value: value ?? "", inputmode: "decimal",
    onchange: () => (number.value === "" || !number.validity.valid ? number.reportValidity() : put(Number(number.value))),
  });
  if (bounded && !whole) {
    const output = h("output", { for: described.id });
    const range = h("input", {
      ...described, type: "range", min: field.at_least, max: field.at_most, step: (field.at_most - field.at_least) / 100, value,
      oninput: () => { tell(); live(Number(range.value)); },
      onchange: () => put(Number(range.value)),
    });
    const tell = () => { output.textContent = t("percent", { n: format(Math.round(100 * range.value)) }); };
    tell();
    return h("div", { class: "slider" }, range, output);
  }
  if (!field.important || !(field.default > 0)) return number;
  const rounded = (share) => Number((field.default * 10 ** share).toPrecision(whole ? 3 : 2));
  const range = h("input", {
    type: "range", min: -1, max: 1, step: 0.05, value: Math.log10((value || field.default) / field.default), "aria-label": title(field),
    oninput: () => { number.value = whole ? Math.max(1, Math.round(rounded(range.value))) : rounded(range.value); },
    onchange: () => put(Number(number.value)),
  });
  return h("div", { class: "slider" }, range, number);
}

function row(way, field) {
  const id = `${way}-${field.name}`;
  const help = h("p", { class: "note", id: `${id}-help`, hidden: true, text: translated(`help_${field.name}`, field.help) });
  if (translated(`help_${field.name}`, null) === null) help.lang = "en";
  const info = tool("info", t("helpOn", { name: title(field) }), () => {
    help.hidden = !help.hidden;
    info.setAttribute("aria-expanded", String(!help.hidden));
  }, { "aria-expanded": "false", "aria-controls": help.id });
  const grouped = field.choices && field.choices.length <= MANY && field.name !== "size";
  const label = grouped ? h("span", { id: `${id}-label`, class: "label", text: title(field) }) : h("label", { for: id, text: title(field) });
  const changed = field.name in settingsOf(way);
  const back = changed && tool("undo", t("backTo", { name: title(field) }), () => set(way, field, unchanged(way, field), "settings", "request"), { class: "tool reset" });
  const off = field.name === "color_strength" && settingsOf(way).preserve_color === undefined;
  return h("div", { class: field.type === "bool" ? "field flat" : "field", "data-field": field.name, hidden: off },
    h("div", { class: "field-head" }, label, back, info), control(way, field, id), help);
}

/** Draws the form of a way; fields that aren't important come when they are asked for. */
function draw(way) {
  const form = $(`#${way}-form`);
  form.hidden = state.way !== way;
  const open = $("details", form)?.open;
  const focused = form.contains(document.activeElement) && document.activeElement;
  const fields = state.about.fields[way];
  const rest = fields.filter((field) => !field.important);
  const body = [
    ...(way === "optimize" ? [presets()] : []),
    ...fields.filter((field) => field.important).map((field) => row(way, field)),
    rest.length > 0 && h("details", { open }, h("summary", { text: t("moreSettings") }), ...rest.map((field) => row(way, field))),
  ];
  form.replaceChildren(...body.filter(Boolean));
  if (focused) {
    const selector = focused.name ? `[name="${focused.name}"]:checked` : focused.id ? `#${focused.id}` : "";
    if (selector) $(selector, form)?.focus();
  }
}

function presets() {
  const choose = (preset) => change({ preset, optimize: {} }, "settings", "request");
  return h("fieldset", { class: "presets" }, h("legend", { class: "label", text: t("preset") }),
    state.about.presets.map(({ name, help }) => h("label", { class: "preset" },
      h("input", { type: "radio", name: "preset", value: name, checked: name === state.preset, onchange: () => choose(name) }),
      h("span", {}, h("b", { text: translated(`preset_${name}`, name) }), h("small", { text: translated(`preset_help_${name}`, help) })))));
}

export function startFields() {
  on("settings way language", () => { draw("fast"); draw("optimize"); });
  on("choices", () => { $("#fast-form").hidden = state.way !== "fast"; $("#optimize-form").hidden = state.way !== "optimize"; });
}
