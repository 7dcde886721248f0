// One photo: its state, its caption, and what else the model considered.

import { caption } from "./api.js";
import { listed, shareMeans } from "./beams.js";
import { explained, mayPass } from "./problems.js";
import { prepare } from "./shrink.js";
import { asAlt, copies, percent, sentence } from "./text.js";
import { Words } from "./words.js";

const template = document.getElementById("card");

const NO_ATTENTION = "This model does not tell where it looks.";
const RESTORED = "Add the photo again to see where the model looked: only its caption was kept.";

export class Card {
  // `on` holds what is called: `again` when the photo is to be captioned once more, `removed` when
  // its card is, `changed` when its caption is another.
  constructor(name, on) {
    this.name = name;
    this.on = on;
    this.used = 0; // the number of the beam whose caption is used
    this.element = document.importNode(template.content, true).firstElementChild;
    this.image = this.find("img");
    this.find(".name").textContent = name;
    this.find(".toggle").ariaLabel = `Details of ${name}`;
    this.find(".remove").ariaLabel = `Remove ${name}`;
    this.words = new Words(this.element);
    copies(this.find(".copy"), () => this.copied(this.shown));
    copies(this.find(".copy-alt"), () => this.copied(asAlt(this.text)));
    this.act(".again", () => {
      on.again(this);
      this.element.focus(); // the button hides
    });
    this.act(".toggle", () => this.open(!this.isOpen));
    this.act(".photo", () => this.open(true));
    this.act(".remove", () => this.remove());
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  act(selector, action) {
    this.find(selector).addEventListener("click", action);
  }

  get isOpen() {
    return this.element.classList.contains("open");
  }

  open(open) {
    this.element.classList.toggle("open", open);
    this.find(".toggle").ariaExpanded = String(open);
  }

  // The beam whose caption is used.
  get beam() {
    return this.answer?.beams[this.used];
  }

  // Whether its caption is from before its last try, which failed.
  get isOld() {
    return Boolean(this.answer && this.problem);
  }

  get text() {
    return this.beam?.text ?? "";
  }

  get confidence() {
    return this.used ? this.beam.confidence : this.answer?.confidence;
  }

  // Only the first caption is called uncertain: who chooses another one has looked.
  get uncertain() {
    return !this.used && Boolean(this.answer?.uncertain);
  }

  get shown() {
    return this.uncertain ? `Perhaps: ${this.text}.` : sentence(this.text);
  }

  // Make the file ready to be sent and show it, if this browser can decode it.
  async load(file) {
    const { blob, width, height } = await prepare(file);
    this.blob = blob;
    this.size = width && [width, height];
    this.picture(width ? blob : undefined, width / height);
  }

  // Show what was kept of an earlier visit.
  restore({ answer, used, size, saved }, picture) {
    this.size = size;
    this.restored = picture;
    this.picture(picture, size && size[0] / size[1]);
    this.saved = saved;
    this.show(answer, used);
  }

  picture(blob, ratio) {
    if (!blob) return this.find(".photo").classList.add("unseen");
    this.image.src = URL.createObjectURL(blob);
    this.find(".photo").style.setProperty("--ratio", ratio);
  }

  wait() {
    this.set("waiting", "Waiting…");
  }

  // Caption it; returns what is to be read aloud.
  async read(options) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.abort = new AbortController();
    this.options = options;
    this.set("reading", "Looking at the photo…");
    const onBusy = (problem, seconds) =>
      this.set("reading", `${explained(problem)} Trying again in ${seconds} s…`);
    const answer = await caption(this.blob, this.name, options, onBusy, this.abort.signal);
    if (turn !== this.turn || this.removed) return "";
    if (answer.code) return this.fail(answer);
    this.saved = false;
    return this.show(answer, 0);
  }

  // Whether it was captioned, or is being, with options other than these.
  differsFrom(options) {
    return Boolean(this.options) && JSON.stringify(this.options) !== JSON.stringify(options);
  }

  fail(problem) {
    this.problem = problem;
    const why = explained(problem);
    this.element.classList.toggle("passing", mayPass(problem));
    if (this.answer) this.set("captioned", ""); // with other options
    else {
      this.set("failed", "Not captioned");
      this.find(".caption").textContent = why;
    }
    this.on.changed(this);
    return `${this.name}: ${why}`;
  }

  show(answer, used) {
    this.problem = undefined;
    this.answer = answer;
    this.find(".share-means").textContent = shareMeans(answer.beams);
    this.find(".facts").textContent = facts(answer, this.size);
    this.use(used);
    return this.shown;
  }

  use(i) {
    const focused = [...this.find(".beams").children].findIndex((item) =>
      item.contains(document.activeElement),
    );
    this.used = i;
    this.set("captioned", "");
    this.find(".caption").textContent = this.shown;
    this.image.alt = this.text;
    this.words.show(this.beam, this.blob ? NO_ATTENTION : RESTORED);
    this.find(".beams").replaceChildren(...listed(this.answer.beams, i, (other) => this.use(other)));
    this.find(".beams").children[focused]?.firstChild.focus();
    this.on.changed(this);
  }

  set(state, text) {
    for (const each of ["waiting", "reading", "captioned", "failed"]) {
      this.element.classList.toggle(each, each === state);
    }
    this.element.classList.toggle("new", !this.answer);
    const sure = state === "captioned" ? (this.confidence ?? undefined) : undefined;
    this.element.classList.toggle("uncertain", state === "captioned" && this.uncertain);
    this.element.ariaBusy = String(state === "reading");
    this.element.classList.toggle("uncalibrated", state === "captioned" && sure === undefined);
    this.find(".meter").style.setProperty("--share", percent(sure ?? 0));
    this.find(".state").textContent =
      sure === undefined ? text : `${percent(sure)} confident${this.uncertain ? ": only a guess" : ""}`;
  }

  copied(text) {
    this.saved = true;
    this.on.changed(this);
    return text;
  }

  remove() {
    this.removed = true;
    this.abort?.abort();
    URL.revokeObjectURL(this.image.src);
    this.on.removed(this);
  }
}

function facts({ image, milliseconds: ms, model }, size) {
  const sent = `${image.width} × ${image.height}`;
  const original = size ? size.join(" × ") : sent;
  return [
    original === sent ? `${sent} ${image.format}` : `${original}, sent as ${sent} ${image.format}`,
    `${Math.round(ms.decoding + ms.queue + ms.inference)} ms`,
    `${model.name} ${model.version}`,
  ].join(" · ");
}
