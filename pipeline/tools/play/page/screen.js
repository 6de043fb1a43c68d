// Frames on the screen: the newest is drawn by requestAnimationFrame, and then acknowledged.

import { decoded } from "./wire.js";

const SPAN = 1000; // milliseconds over which frames are counted
const KEPT = 15; // latencies of which the median is shown

/** Draw an image pixel by pixel; the style sheet scales it up. */
export function draw(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    canvas.width = image.width;
    canvas.height = image.height;
  }
  canvas.getContext("2d").drawImage(image, 0, 0);
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

export class Screen {
  #next = null; // the frame that waits to be drawn
  #received = 0;
  #times = [];
  #latencies = [];

  /** `shown(number)` is called after a frame was drawn; `canvases` are known by image name. */
  constructor(canvases, shown) {
    this.canvases = canvases;
    this.shown = shown;
  }

  /** A frame has come; its images are decoded, and an older one that still waits is dropped. */
  async take(header, blobs) {
    const order = ++this.#received;
    const images = await decoded(blobs);
    if (this.#next === null || order > this.#next.order) this.#next = { order, header, images };
  }

  /** Draw what waits, if anything does: returns its header. Called once for each display frame. */
  refresh(now) {
    if (this.#next === null) return null;
    const { header, images } = this.#next;
    this.#next = null;
    for (const [name, canvas] of this.canvases) {
      if (images.has(name)) draw(canvas, images.get(name));
    }
    this.shown(header.number);
    this.#times.push(now);
    if (header.time !== null && !header.planned) {
      this.#latencies.push(performance.now() - header.time);
      this.#latencies.splice(0, this.#latencies.length - KEPT);
    }
    return header;
  }

  /** Frames drawn in the last second. */
  fps(now) {
    while (this.#times.length > 0 && this.#times[0] <= now - SPAN) this.#times.shift();
    return this.#times.length;
  }

  /** Median milliseconds from an input to the frame that answers it; null before the first. */
  latency() {
    return this.#latencies.length === 0 ? null : median(this.#latencies);
  }

  /** Forget latencies: something that they depend on has changed. */
  forget() {
    this.#latencies = [];
  }
}
