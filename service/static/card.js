// One photo: its state, its caption, and what else the model considered.

import { caption } from "./api.js";
import { asAlt, copy, percent, sentence } from "./text.js";
import { Words } from "./words.js";

const template = document.getElementById("card");

export class Card {
  // `again` is called when the photo is to be captioned anew, `removed` when it is no longer shown.
  constructor(file, { again, removed }) {
    this.file = file;
    this.element = document.importNode(template.content, true).firstElementChild;
    this.image = this.find("img");
    this.find(".name").textContent = file.name;
    this.words = new Words(this.element);
    this.act(".copy", () => this.copied(".copy", this.text));
    this.act(".copy-alt", () => this.copied(".copy-alt", asAlt(this.text)));
    this.act(".again", () => again(this));
    this.act(".remove", () => {
      this.removed = true;
      URL.revokeObjectURL(this.image.src);
      removed(this);
    });
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  act(selector, action) {
    this.find(selector).addEventListener("click", action);
  }

  // Resolves once the photo can be shown, or is known not to be one for this browser.
  async preview() {
    this.image.src = URL.createObjectURL(this.file);
    try {
      await this.image.decode();
      this.image.width = this.image.naturalWidth;
      this.image.height = this.image.naturalHeight;
    } catch {
      this.image.remove();
      this.find(".photo").classList.add("unseen");
    }
  }

  wait() {
    this.set("waiting", "Waiting");
  }

  // Caption it; what is to be read aloud.
  async read(options) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.set("reading", "Reading the photo…");
    const answer = await caption(this.file, options, (seconds) =>
      this.set("reading", `The server is busy; trying again in ${seconds} s…`),
    );
    if (turn !== this.turn || this.removed) return "";
    this.code = answer.code;
    return answer.code ? this.fail(answer) : this.show(answer);
  }

  fail({ detail }) {
    const why = sentence(detail);
    this.set("failed", "Not captioned");
    this.find(".caption").textContent = why;
    return `${this.file.name}: ${why}`;
  }

  show(answer) {
    this.text = answer.caption;
    this.set("captioned", answer.uncertain ? "Uncertain: take this as a guess." : "");
    this.find(".caption").textContent = sentence(answer.caption);
    this.image.alt = answer.caption;
    this.words.show(answer.beams[0]);
    this.find("tbody").replaceChildren(...this.rows(answer.beams));
    this.find(".facts").textContent = facts(answer);
    return answer.uncertain ? `Perhaps: ${answer.caption}.` : sentence(answer.caption);
  }

  // A line for each beam, with a bar of how probable it is beside the best.
  rows(beams) {
    return beams.map((beam) => {
      const row = document.createElement("tr");
      const name = document.createElement("button");
      name.type = "button";
      name.textContent = beam.text;
      name.addEventListener("click", () => this.words.show(beam));
      const score = document.createElement("td");
      score.textContent = beam.score.toFixed(2);
      score.style.setProperty("--share", percent(Math.exp(beam.score - beams[0].score)));
      row.append(document.createElement("td"), score);
      row.firstChild.append(name);
      return row;
    });
  }

  set(state, text) {
    this.element.className = `card ${state} ${this.text ? "" : "new"}`;
    this.element.ariaBusy = String(state === "reading");
    this.find(".state").textContent = text;
  }

  async copied(selector, text) {
    const button = this.find(selector);
    const label = (button.dataset.label ??= button.textContent);
    await copy(text);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1500);
  }
}

function facts({ image, milliseconds: ms, model, confidence }) {
  const sure = confidence === null ? "" : ` · confidence ${percent(confidence)}`;
  const total = Math.round(ms.decoding + ms.queue + ms.inference);
  return (
    `${image.width} × ${image.height} ${image.format} · ${total} ms · ` +
    `${model.name} ${model.version}${sure}`
  );
}
