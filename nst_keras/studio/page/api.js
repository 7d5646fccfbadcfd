// The studio's server: calls with the token, pictures as bitmaps or addresses, events that go on after a break.

const fromAddress = new URLSearchParams(location.hash.slice(1)).get("token");
if (fromAddress) {
  sessionStorage.setItem("studio-token", fromAddress);
  history.replaceState(null, "", location.pathname);
}
const token = sessionStorage.getItem("studio-token") ?? "";

/** An answer that isn't the wanted one; `status` 0 is none at all. */
export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, { body, headers = {}, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body, signal, headers: { Authorization: `Bearer ${token}`, ...headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("", 0);
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let message = text;
  try {
    message = JSON.parse(text).error;
  } catch { /* not of the studio's own making */ }
  throw new Refusal(message || answer.statusText, answer.status);
}

const json = (value) => ({ body: JSON.stringify(value), headers: { "Content-Type": "application/json" } });

export const get = async (path) => (await call("GET", path)).json();
export const post = async (path, value = {}) => (await call("POST", path, json(value))).json();
export const remove = (path) => call("DELETE", path);
export const blob = async (path) => (await call("GET", path)).blob();

/** A file, with the name that the server gives it. */
export async function download(path) {
  const answer = await call("GET", path);
  const name = decodeURIComponent(/UTF-8''(.*)$/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "picture");
  return new File([await answer.blob()], name);
}

export async function put(file, name = file.name || "picture.png") {
  const path = `/api/pictures?name=${encodeURIComponent(name)}`;
  return (await call("PUT", path, { body: file, headers: { "Content-Type": "application/octet-stream" } })).json();
}

/** A fast picture: {bitmap, result, seconds}; a side makes it a small one, which isn't kept. */
export async function paint(request, side, signal) {
  const answer = await call("POST", "/api/paint", { ...json({ ...request, side }), signal });
  const seconds = Number(answer.headers.get("X-Seconds")) || null;
  const bitmap = await createImageBitmap(await answer.blob());
  return { bitmap, result: answer.headers.get("X-Result"), seconds };
}

export const picturePath = (name, side) => `/api/pictures/${encodeURIComponent(name)}${side ? `?side=${side}` : ""}`;
/** The step tells a result from that of the same job when it was stopped before. */
export const resultPath = ({ result, step }, side) => `/api/results/${encodeURIComponent(result)}${side ? `?side=${side}` : "?suffix=.png"}&step=${step}`;

/** Values by key, made once, the least used of them forgotten; what failed is made again. */
function kept(most, make, forget) {
  const values = new Map();
  return (key) => {
    const value = values.get(key) ?? make(key).catch((error) => { values.delete(key); throw error; });
    values.delete(key);
    values.set(key, value);
    if (values.size > most) {
      const [oldest, gone] = values.entries().next().value;
      values.delete(oldest);
      gone.then(forget, () => {});
    }
    return value;
  };
}

export const bitmap = kept(24, async (path) => createImageBitmap(await blob(path)), () => {});
const address = kept(400, async (path) => URL.createObjectURL(await blob(path)), URL.revokeObjectURL);

/** Fills an <img> with a picture that needs the token; `gone` is called if there is none. */
export function fill(image, path, gone = () => {}) {
  return address(path).then((url) => { image.src = url; }, (error) => { if (error.status === 404) gone(); });
}

/** Calls `on[event](data)` for each event of a job until `done()`; a broken stream is taken up where it was. */
export async function follow(id, on, done) {
  let last = "";
  for (let wait = 500; !done(); wait = Math.min(2 * wait, 8000)) {
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const answer = await call("GET", `/api/jobs/${id}/events`, { headers });
      on.connected();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += part.value;
        const blocks = text.split("\n\n");
        text = blocks.pop();
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split("\n").filter((line) => line && !line.startsWith(":"))
            .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
          last = fields.id ?? last;
          if (fields.data) on[fields.event]?.(JSON.parse(fields.data));
        }
        wait = 500;
        if (done()) await reader.cancel(); // the stream itself goes on for those who wait for more
      }
    } catch (error) {
      if (error.status === 403 || error.status === 404) throw error;
      on.broken();
    }
    if (!done()) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
