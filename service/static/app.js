// The page: photos in, captions out. The photos stay in the browser but for the upload.

import { modelCard, useKey } from "./api.js";
import { Card } from "./card.js";
import { chosen, render as renderOptions, watchOptions } from "./options.js";

const AT_ONCE = 2; // requests; the server has others to serve

const KEPT_LINES = 20; // of what was read aloud

const find = (id) => document.getElementById(id);
const [about, aboutText, access, announcer, camera, drop, file, key, photos, progress] =
  ["about", "about-text", "access", "announcer", "camera", "drop", "file", "key", "photos", "progress"].map(find);

const cards = [];
let waiting = [];
let reading = 0;
let [done, all] = [0, 0]; // of the present batch

async function add(files) {
  const added = [...files].map((each) => new Card(each, { again: enqueue, removed }));
  await Promise.all(added.map((card) => card.preview()));
  photos.prepend(...added.map((card) => card.element));
  cards.unshift(...added);
  added.forEach(enqueue);
}

function enqueue(card) {
  if (waiting.includes(card)) return;
  card.wait();
  waiting.push(card);
  all += 1;
  next();
}

function next() {
  showProgress();
  while (reading < AT_ONCE && waiting.length) read(waiting.shift());
}

async function read(card) {
  reading += 1;
  const said = await card.read(chosen());
  reading -= 1;
  done += 1;
  if (said) announce(said);
  if (card.code === "unauthorized") askForKey();
  if (!reading && !waiting.length) [done, all] = [0, 0];
  next();
}

function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  announcer.append(line);
  if (announcer.children.length > KEPT_LINES) announcer.firstChild.remove();
}

function removed(card) {
  if (waiting.includes(card)) all -= 1;
  waiting = waiting.filter((each) => each !== card);
  cards.splice(cards.indexOf(card), 1);
  card.element.remove();
  showProgress();
  file.focus();
}

function showProgress() {
  progress.hidden = all < 2;
  progress.firstChild.max = all || 1;
  progress.firstChild.value = done;
  progress.lastChild.textContent = `${done} of ${all} photos`;
}

function askForKey() {
  access.hidden = false;
  key.focus();
}

access.addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(key.value);
  access.hidden = true;
  renderOptions();
  cards.filter((card) => card.code === "unauthorized").forEach(enqueue);
});

for (const input of [file, camera]) {
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
}
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", () => drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  add(event.dataTransfer.files);
});
addEventListener("paste", (event) => add(event.clipboardData.files));

about.addEventListener("toggle", async () => {
  if (!about.open || about.dataset.loaded) return;
  const card = await modelCard();
  aboutText.innerHTML = card || "There is no model card to be had now.";
  if (card) about.dataset.loaded = true;
});

watchOptions(() => cards.forEach(enqueue));
