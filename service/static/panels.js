// The panels below the title, one of which is open at a time.

import { modelCard } from "./api.js";

const buttons = [...document.querySelectorAll("nav button")];
const panel = (button) => document.getElementById(button.getAttribute("aria-controls"));
const about = document.getElementById("about-text");

export function watchPanels() {
  for (const button of buttons) {
    button.addEventListener("click", () => open(panel(button).hidden ? button : undefined));
    panel(button).addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      open(undefined);
      button.focus();
    });
  }
}

function open(opened) {
  for (const button of buttons) {
    button.ariaExpanded = String(button === opened);
    panel(button).hidden = button !== opened;
  }
  if (opened && panel(opened).id === "about") fillAbout();
}

async function fillAbout() {
  if (about.dataset.loaded) return;
  const card = await modelCard();
  about.innerHTML = card || "The model card cannot be loaded now.";
  if (card) about.dataset.loaded = true;
}
