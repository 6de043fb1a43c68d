// The course of a figure over the last frames, as a small line.

const KEPT = 150; // frames
const WIDTH = 100; // of the drawing, whose viewBox is 100 x 20
const HEIGHT = 20;

export class Trace {
  #values = [];

  /** Draw into a `polyline`; the top is the largest value that is kept. */
  constructor(line) {
    this.line = line;
  }

  /** The next value; null, that of a frame without one, leaves the line as it is. */
  add(value) {
    if (value === null) return;
    this.#values.push(value);
    this.#values.splice(0, this.#values.length - KEPT);
    const most = Math.max(...this.#values) || 1;
    const place = (each, index) =>
      `${(index / (KEPT - 1)) * WIDTH},${HEIGHT - (each / most) * (HEIGHT - 1)}`;
    this.line.setAttribute("points", this.#values.map(place).join(" "));
  }
}
