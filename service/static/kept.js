// Captions survive a reload in this tab's session storage; the server keeps nothing.

import { fromDataUrl, thumbnail } from "./shrink.js";

const NAME = "captions";

const thumbnails = new WeakMap(); // by card: made once

export async function keep(cards) {
  const kept = cards().filter((card) => card.answer);
  for (const card of kept) {
    if (!thumbnails.has(card)) thumbnails.set(card, await pictured(card));
  }
  keepNow(cards()); // others may have arrived meanwhile
}

// What can be kept at once, when the page is left: pictures take a moment.
export function keepNow(cards) {
  const entries = cards.filter((card) => card.answer).map(described);
  // With many photos the storage may be full: then captions are kept without their pictures.
  write(entries) || write(entries.map((entry) => ({ ...entry, picture: undefined })));
}

// What was kept, the newest first: what a card is restored from, and its picture as a blob.
export function kept() {
  try {
    const entries = JSON.parse(sessionStorage.getItem(NAME) ?? "[]");
    return entries.map(({ picture, ...entry }) => [entry, picture && fromDataUrl(picture)]);
  } catch {
    return [];
  }
}

function write(entries) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(entries));
    return true;
  } catch {
    return false;
  }
}

async function pictured(card) {
  const picture = card.blob ?? card.restored;
  return picture && thumbnail(picture).catch(() => undefined);
}

// Attention maps are left out: they take more room than the picture.
function described(card) {
  const beams = card.answer.beams.map((beam) => ({
    ...beam,
    words: beam.words.map(({ attention, ...word }) => word),
  }));
  const { name, used, size, saved } = card;
  return { name, used, size, saved, answer: { ...card.answer, beams }, picture: thumbnails.get(card) };
}
