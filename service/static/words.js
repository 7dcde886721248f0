// The words of a caption as chips; each shows where the model looked for it.

import { clear, draw } from "./attention.js";
import { percent } from "./text.js";

const STEP_MILLISECONDS = 900;

export class Words {
  constructor(card) {
    this.canvas = card.querySelector("canvas");
    this.group = card.querySelector(".words");
    this.facts = card.querySelector(".word-facts");
    this.hint = this.facts.textContent;
    this.button = card.querySelector(".play");
    this.button.addEventListener("click", () => (this.playing ? this.stop() : this.play(0)));
    this.group.addEventListener("keydown", (event) => this.move(event));
    this.group.addEventListener("mouseleave", () => this.playing || this.hide());
    this.group.addEventListener("focusout", () => this.playing || this.hide());
  }

  // Show the words of a beam; `without` says why there is no attention, where there is none.
  show(beam, without) {
    this.stop();
    this.beam = beam;
    this.chips = beam.words.map((word, i) => this.chip(word, i));
    this.group.replaceChildren(...this.chips);
    this.button.hidden = !beam.words.some((word) => word.attention);
    this.facts.textContent = this.button.hidden ? without : this.hint;
  }

  chip(word, i) {
    const chip = document.createElement("button");
    const probability = Math.exp(word.log_probability);
    chip.className = "chip";
    chip.tabIndex = i ? -1 : 0; // the arrow keys reach the others
    chip.style.setProperty("--probability", `${100 * probability}%`);
    const share = document.createElement("small");
    share.textContent = percent(probability);
    chip.append(word.word, share);
    if (word.attention) chip.ariaDescription = origin(word);
    for (const event of ["mouseenter", "focus", "click"]) {
      chip.addEventListener(event, () => {
        this.stop();
        this.look(i);
      });
    }
    return chip;
  }

  look(i) {
    const word = this.beam.words[i];
    this.chips.forEach((chip, j) => chip.classList.toggle("looked", i === j));
    if (!word.attention) return;
    draw(this.canvas, word.attention);
    this.facts.textContent = `“${word.word}”: ${origin(word)}`;
  }

  hide() {
    clear(this.canvas);
    this.chips?.forEach((chip) => chip.classList.remove("looked"));
    if (!this.button.hidden) this.facts.textContent = this.hint;
  }

  play(i) {
    if (i === this.chips.length) return this.stop();
    this.button.textContent = "Stop";
    this.look(i);
    this.playing = setTimeout(() => this.play(i + 1), STEP_MILLISECONDS);
  }

  stop() {
    clearTimeout(this.playing);
    this.playing = undefined;
    this.button.textContent = "Play";
    this.hide();
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = this.chips[this.chips.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    this.chips.forEach((chip) => (chip.tabIndex = chip === next ? 0 : -1));
    next.focus();
  }
}

// 75.5 and 24.5 would both be rounded up.
const origin = ({ sentinel }) => {
  const words = Math.round(100 * sentinel);
  return `${100 - words}% from the photo, ${words}% from the words before it`;
};
