// What the page asks of the server.

const TRIES = 30; // of a request that is told to come back later

let key = "";

export function useKey(value) {
  key = value;
}

export const usesKey = () => Boolean(key);

// The answer to a photo: of a caption, or a problem with its `code` and `detail`. `onBusy` is
// told the seconds until it is tried again.
export async function caption(image, options, onBusy) {
  for (let tried = 1; ; tried++) {
    const form = new FormData();
    form.append("image", image);
    form.append("attention", "true");
    for (const [name, value] of Object.entries(options)) form.append(name, value);
    const [answer, again] = await ask("/caption", { method: "POST", body: form });
    if (!again || tried === TRIES) return answer;
    onBusy(again);
    await new Promise((done) => setTimeout(done, 1000 * again));
  }
}

// The manifest of the model, once there is one.
export async function model() {
  for (;;) {
    const [answer, again] = await ask("/model", {});
    if (!answer.code) return answer;
    await new Promise((done) => setTimeout(done, 1000 * (again || 5)));
  }
}

// HTML that the server made of the model's card; empty if there is none to be had.
export async function modelCard() {
  try {
    const response = await fetch("/model/card");
    return response.ok ? await response.text() : "";
  } catch {
    return "";
  }
}

async function ask(path, request) {
  try {
    const headers = key ? { "X-API-Key": key } : {};
    const response = await fetch(path, { ...request, headers });
    const answer = await response.json();
    return [answer, Number(response.headers.get("Retry-After")) || 0];
  } catch {
    const detail = "the server did not answer; see whether it is still running";
    return [{ code: "unreachable", detail }, 0];
  }
}
