// The page: photos in, captions out. Photos leave the browser only to be captioned.

import { useKey } from "./api.js";
import { showBatch, watchBatch } from "./batch.js";
import { Card } from "./card.js";
import { tell, watchIntake } from "./intake.js";
import { keep, keepNow, kept } from "./kept.js";
import { watchPanels } from "./panels.js";
import { Queue } from "./queue.js";
import { chosen, watchSettings } from "./settings.js";
import { renderSnippets, watchSnippets } from "./snippets.js";

const KEPT_LINES = 20; // of what was read aloud
const KEEP_MILLISECONDS = 500; // after the last change

const find = (id) => document.getElementById(id);
const [access, announcer, file, key, photos, progress] =
  ["access", "announcer", "file", "key", "photos", "progress"].map(find);

let cards = []; // the newest first, as on the page
let keeping;

const queue = new Queue(read, (done, all) => {
  progress.classList.toggle("running", all > 1);
  progress.max = all || 1;
  progress.value = done;
});

function made(name) {
  return new Card(name, { again, removed, changed });
}

async function add(files) {
  if (!files.length) return;
  const added = files.map((each) => [made(each.name), each]);
  place(added.map(([card]) => card));
  for (const [card, each] of added) {
    card.wait();
    await card.load(each); // one after another: a decoded photo takes much memory
    if (!card.removed) queue.add(card);
  }
}

// A single photo is open; as soon as there are more, they are rows, and only a new single one is.
function place(added) {
  cards = [...added, ...cards];
  photos.prepend(...added.map((card) => card.element));
  for (const card of cards) card.open(added.length === 1 && card === added[0]);
  changed();
}

function again(card) {
  if (card.blob) queue.add(card);
}

// A photo added since an option was changed has been captioned with it already.
function anew() {
  cards.filter((card) => card.differsFrom(chosen())).forEach(again);
}

async function read(card) {
  const wasOld = card.isOld;
  const said = await card.read(chosen());
  if (said && card.isOld) tell(`${said} The caption from before is kept.`);
  else if (said) announce(said);
  if (wasOld && !card.problem) tell("");
  if (card.problem?.code === "unauthorized" && access.hidden) {
    access.hidden = false;
    key.select();
    key.focus();
  }
}

function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  announcer.append(line);
  if (announcer.children.length > KEPT_LINES) announcer.firstChild.remove();
}

function removed(card) {
  cards = cards.filter((each) => each !== card);
  const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
  card.element.remove();
  queue.remove(card);
  if (cards.length === 1) cards[0].open(true);
  file.focus({ preventScroll: true });
  // Of these the last that is shown keeps the focus.
  for (const each of [".toggle", ".remove"]) next?.querySelector(each).focus();
  changed();
}

function changed() {
  document.body.classList.toggle("started", cards.length > 0);
  photos.classList.toggle("many", cards.length > 1);
  showBatch(cards);
  clearTimeout(keeping);
  keeping = setTimeout(() => keep(() => cards), KEEP_MILLISECONDS);
}

// One caption is read and typed in a moment; several are work.
function isUnsaved() {
  return !queue.isIdle || cards.filter((card) => card.answer && !card.saved).length > 1;
}

addEventListener("beforeunload", (event) => {
  if (isUnsaved()) event.preventDefault();
});

addEventListener("pagehide", () => keepNow(cards));

access.addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(key.value);
  access.hidden = true;
  renderSnippets();
  cards.filter((card) => card.problem?.code === "unauthorized").forEach(again);
});

watchPanels();
watchSnippets();
watchIntake(add);
watchBatch({ cards: () => cards, again, changed });
watchSettings({ changed: anew, rendered: renderSnippets, onProblem: tell });

const restored = kept().map(([entry, picture]) => {
  const card = made(entry.name);
  card.restore(entry, picture);
  return card;
});
if (restored.length) place(restored);
