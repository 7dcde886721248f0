// What the page says of a problem, and whether sending the same photo again may help.

import { usesKey } from "./api.js";
import { sentence } from "./text.js";

const STATES = {
  starting: "The server is still loading its model.",
  draining: "The server is shutting down or restarting.",
  failed: "The server's model failed or stopped answering. Its log says why, and only a restart fixes it.",
};

const WORDS = {
  overloaded: "The server is busy: more photos are waiting than it can caption.",
  deadline_exceeded: "The server did not finish this photo in time. It may be busy; try again later.",
  body_too_slow: "The upload took too long. Try again with a faster connection.",
  timeout: "There was no answer within a minute. The connection may be slow; try again.",
  offline: "This device is offline. Connect to the network and try again.",
  unreachable: "The server did not answer. Check that it is running, then try again.",
  no_json: "Something between this page and the server answered instead of it. Try again.",
};

// Those that the same photo may not meet again.
const PASSING = [...Object.keys(WORDS), "not_ready", "unauthorized", "internal_error"];

export function explained(problem) {
  const { code, state, detail = "", request_id: id } = problem;
  if (code === "unauthorized") {
    return usesKey() ? "The server does not accept this API key." : "This server asks for an API key.";
  }
  if (code === "not_ready" && STATES[state]) return STATES[state];
  if (code === "internal_error") {
    return `Something went wrong on the server. Try again, or report it with the request id ${id}.`;
  }
  return WORDS[code] ?? sentence(`${detail || code}`);
}

export const mayPass = (problem) => PASSING.includes(problem.code);
