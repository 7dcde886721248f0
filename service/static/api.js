// What the page asks of the server.

const TRIES = 30; // of a request that the server asks to send again later
const TIMEOUT_MILLISECONDS = 60_000; // the server's deadline is shorter
const AGAIN_SECONDS = 5; // where the server does not say
const LASTING = "failed"; // the state that ends only when the server is restarted

let key = "";

// Keys are ASCII, and a header carries little more.
export function useKey(value) {
  key = value.replace(/[^ -~]/g, "?");
}

export const usesKey = () => Boolean(key);

// The answer to a photo: a caption, or a problem with its `code` and `detail`. `onBusy` is called
// with the problem and the seconds until the photo is sent again. `signal` ends it.
export async function caption(image, name, options, onBusy, signal) {
  for (let tried = 1; ; tried++) {
    const form = new FormData();
    form.append("image", image, name);
    form.append("attention", "true");
    for (const [option, value] of Object.entries(options)) form.append(option, value);
    const [answer, seconds] = await ask("/caption", { method: "POST", body: form }, signal);
    if (!seconds || tried === TRIES || answer.state === LASTING) return answer;
    onBusy(answer, seconds);
    await pause(seconds, signal);
    if (signal.aborted) return { code: "aborted" };
  }
}

// The manifest of the model, once there is one. `onProblem` is called with what stands in the way.
export async function model(onProblem) {
  for (;;) {
    const [answer, seconds] = await ask("/model", {});
    if (!answer.code) return answer;
    onProblem(answer);
    await pause(seconds || AGAIN_SECONDS);
  }
}

// HTML that the server made of the model card; empty if it cannot be had.
export async function modelCard() {
  try {
    const response = await fetch("/model/card");
    return response.ok ? await response.text() : "";
  } catch {
    return "";
  }
}

async function ask(path, request, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  try {
    const response = await fetch(path, {
      ...request,
      headers: key ? { "X-API-Key": key } : {},
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    const seconds = Number(response.headers.get("Retry-After")) || 0;
    const answer = await response.json().catch(() => undefined);
    const isOurs = response.ok ? answer?.beams ?? answer?.search : typeof answer?.code === "string";
    return [isOurs ? answer : { code: timeout.aborted ? "timeout" : "no_json" }, seconds];
  } catch {
    if (signal?.aborted) return [{ code: "aborted" }, 0];
    if (timeout.aborted) return [{ code: "timeout" }, 0];
    return [{ code: navigator.onLine ? "unreachable" : "offline" }, 0];
  }
}

const pause = (seconds, signal) =>
  new Promise((done) => {
    setTimeout(done, 1000 * seconds);
    signal?.addEventListener("abort", done);
  });
