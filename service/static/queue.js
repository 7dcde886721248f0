// Which photo is captioned when.

const AT_ONCE = 2; // requests; the server has others to serve

export class Queue {
  // `read` captions a card; `changed` is called with how many are done, and of how many.
  constructor(read, changed) {
    this.read = read;
    this.changed = changed;
    this.waiting = [];
    this.reading = 0;
    [this.done, this.all] = [0, 0]; // of the present batch
  }

  get isIdle() {
    return !this.reading && !this.waiting.length;
  }

  add(card) {
    if (this.waiting.includes(card)) return;
    card.wait();
    this.waiting.push(card);
    this.all += 1;
    this.next();
  }

  remove(card) {
    if (this.waiting.includes(card)) this.all -= 1;
    this.waiting = this.waiting.filter((each) => each !== card);
    this.next();
  }

  next() {
    if (this.isIdle) [this.done, this.all] = [0, 0];
    while (this.reading < AT_ONCE && this.waiting.length) this.start(this.waiting.shift());
    this.changed(this.done, this.all);
  }

  async start(card) {
    this.reading += 1;
    try {
      await this.read(card);
    } finally {
      this.reading -= 1;
      this.done += 1;
      this.next();
    }
  }
}
