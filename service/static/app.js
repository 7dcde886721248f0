// The page: one photo in, its caption out. The photo stays in the browser but for the upload.

const find = (id) => document.getElementById(id);
const [drop, file, result, photo, caption, doubt, details, beams, facts] =
  ["drop", "file", "result", "photo", "caption", "doubt", "details", "beams", "facts"].map(find);

let latest = 0; // only the newest photo's answer is shown

async function show(image) {
  const turn = ++latest;
  URL.revokeObjectURL(photo.src);
  photo.src = URL.createObjectURL(image);
  photo.alt = "";
  result.hidden = false;
  details.hidden = true;
  say("Reading the photo…");
  const answer = await ask(image);
  if (turn === latest) render(answer);
}

async function ask(image) {
  const form = new FormData();
  form.append("image", image);
  try {
    const response = await fetch("/caption", { method: "POST", body: form });
    return await response.json();
  } catch {
    return { detail: "The server did not answer. Is it still running?" };
  }
}

function render(answer) {
  if (!answer.beams) {
    say(sentence(answer.detail), true);
    return;
  }
  say(sentence(answer.caption));
  doubt.textContent = answer.uncertain ? "Uncertain: take this as a guess." : "";
  photo.alt = answer.caption;
  beams.replaceChildren(...answer.beams.map(row));
  const { image, milliseconds: ms, model } = answer;
  const sure = answer.confidence === null ? "" : ` · confidence ${percent(answer.confidence)}`;
  facts.textContent =
    `${image.width} × ${image.height} ${image.format} · ` +
    `${Math.round(ms.decoding + ms.queue + ms.inference)} ms · ${model.name} ${model.version}${sure}`;
  details.hidden = false;
}

function row(beam) {
  const line = document.createElement("tr");
  line.append(cell(beam.text), cell(beam.score.toFixed(2)));
  return line;
}

function cell(text) {
  const td = document.createElement("td");
  td.textContent = text;
  return td;
}

function say(text, wrong = false) {
  doubt.textContent = "";
  caption.textContent = text;
  caption.classList.toggle("wrong", wrong);
}

const percent = (share) => `${Math.round(100 * share)}%`;
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + ".";

file.addEventListener("change", () => {
  if (file.files.length) show(file.files[0]);
  file.value = ""; // so that the same file can be chosen again
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", () => drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) show(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) show(event.clipboardData.files[0]);
});
