// Several photos: what can be done with all of their captions.

import { mayPass } from "./problems.js";
import { counted, copies } from "./text.js";

const find = (id) => document.getElementById(id);
const [batch, batchFacts, copyAll, retry, clear] = ["batch", "batch-facts", "copy-all", "retry", "clear"].map(find);
const [csv, json] = ["csv", "json"].map(find);

// `cards` returns those on the page, in their order.
export function watchBatch({ cards, again, changed }) {
  const captioned = () => cards().filter((card) => card.answer);
  const saved = (text) => {
    for (const card of captioned()) card.saved = true;
    changed();
    return text;
  };
  copies(copyAll, () => saved(captioned().map((card) => card.shown).join("\n")));
  csv.addEventListener("click", () => save("captions.csv", "text/csv", saved(asCsv(cards()))));
  json.addEventListener("click", () => save("captions.json", "application/json", saved(asJson(cards()))));
  retry.addEventListener("click", () => {
    cards().filter(mayBeRetried).forEach(again);
    batch.focus(); // the button hides
  });
  clear.addEventListener("click", () => {
    const unsaved = captioned().some((card) => !card.saved);
    if (unsaved && !confirm("Remove all photos and captions from this page?")) return;
    for (const card of cards()) card.remove();
  });
}

export function showBatch(cards) {
  const failed = cards.filter((card) => card.problem && !card.isOld).length;
  const captioned = cards.filter((card) => card.answer).length;
  batch.hidden = cards.length < 2;
  batchFacts.textContent = [
    counted(cards.length, "photo"),
    `${captioned} captioned`,
    ...(failed ? [`${failed} failed`] : []),
  ].join(", ");
  retry.hidden = !cards.some(mayBeRetried);
  for (const button of [copyAll, csv, json]) button.disabled = !captioned;
}

// A text file stays one, however often it is sent.
const mayBeRetried = ({ problem }) => Boolean(problem) && mayPass(problem);

function asCsv(cards) {
  const rows = cards.map(({ name, text, answer, confidence, uncertain, problem }) =>
    answer
      ? [name, text, confidence ?? "", uncertain, ""]
      : [name, "", "", "", problem?.code ?? "waiting"],
  );
  const lines = [["file", "caption", "confidence", "uncertain", "error"], ...rows];
  return `${lines.map((line) => line.map(quoted).join(",")).join("\r\n")}\r\n`;
}

// A spreadsheet would take a name such as "=1+1.jpg" for a formula.
const quoted = (value) => `"${String(value).replace(/^[=+@-]/, "'$&").replaceAll('"', '""')}"`;

function asJson(cards) {
  const captions = cards.map(({ name, text, answer, confidence, uncertain, problem }) =>
    answer
      ? { file: name, caption: text, confidence, uncertain, beams: answer.beams.map((beam) => beam.text) }
      : { file: name, error: problem?.code ?? "waiting" },
  );
  return JSON.stringify(captions, null, 2);
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the browser reads it later
}
