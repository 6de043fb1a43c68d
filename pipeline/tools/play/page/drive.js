// From inputs to an action, by the controls that the server has described.

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]; // left, right, up, down
const LETTERS = ["KeyA", "KeyD", "KeyW", "KeyS"];
const FULL = 0.25; // drag, as a share of the frame's side, that pushes a stick all the way

const sum = (vectors) => vectors.reduce(([x, y], [dx, dy]) => [x + dx, y + dy], [0, 0]);

function way(down, codes) {
  const [left, right, up, below] = codes.map((code) => Number(down.has(code)));
  return [right - left, below - up];
}

/** Keys by which a stick, or a look, is driven. */
export function stickKeys(controls) {
  if (controls.stick === null) return [];
  return controls.stick.arrows ? [ARROWS, LETTERS] : [LETTERS];
}

export const lookKeys = (controls) => (controls.look === null ? [] : [ARROWS]);

/** All codes that mean something in this world. */
export function usedCodes(controls) {
  const keys = controls.keys.map(({ code }) => code);
  const sliders = controls.sliders.flatMap((slider) => slider.keys ?? []);
  return new Set([...stickKeys(controls), ...lookKeys(controls), keys, sliders].flat());
}

export class Driver {
  #impulse = null; // { number, moved, push, sent }: what one frame does, until it is answered
  #count = 0; // impulses so far
  #taps = new Map(); // keys that no frame has answered, and when that was sent

  constructor(controls, inputs, sliders) {
    this.controls = controls;
    this.inputs = inputs;
    this.sliders = sliders;
  }

  /** Keys that are held, if only until a frame has answered them. */
  get held() {
    return new Set([...this.inputs.down, ...this.#taps.keys()]);
  }

  /** The line that is drawn, or waits to be done; null without one. */
  get line() {
    return this.controls.push === null ? null : this.inputs.drag ?? this.#impulse?.push ?? null;
  }

  /**
   * What is done now: the `action` that stands, an `impulse` that one frame does instead, and the
   * `place` under the pointer where it leads the agent; each but the first only if there is one.
   */
  act() {
    const { controls, inputs } = this;
    for (const code of inputs.taps) this.#taps.set(code, null);
    inputs.taps.clear();
    const [action, pad, held] = [[...controls.idle], inputs.pad(), this.held];
    this.sliders.fill(action, held, pad);
    if (controls.stick !== null) this.#stick(action, held, pad);
    for (const { code, component, value, pad: button } of controls.keys) {
      if (held.has(code) || this.#padded(pad, button)) action[component] = value;
    }
    const impulse = this.#take();
    const once = [...action];
    if (controls.look !== null) {
      this.#look(action, held, pad, [0, 0]);
      this.#look(once, held, pad, impulse?.moved ?? [0, 0]);
    }
    if (controls.push !== null && impulse?.push) this.#push(once, impulse.push);
    return {
      action,
      ...(impulse && { impulse: { number: impulse.number, action: once } }),
      ...(controls.pointer && inputs.place && { place: inputs.place }),
    };
  }

  /** Whether a key or an impulse waits to be sent, even if the action is the same. */
  get waits() {
    return this.#impulse?.sent === null || [...this.#taps.values()].includes(null);
  }

  /** The present action was sent at a time. */
  sent(time) {
    if (this.#impulse !== null) this.#impulse.sent ??= time;
    for (const [code, sent] of this.#taps) this.#taps.set(code, sent ?? time);
  }

  /** A frame has answered the action that was sent at a time. */
  answered(time) {
    const done = (sent) => sent !== null && sent <= time;
    if (this.#impulse !== null && done(this.#impulse.sent)) this.#impulse = null;
    for (const [code, sent] of this.#taps) if (done(sent)) this.#taps.delete(code);
  }

  /** What no frame has answered yet is not done any more. */
  forget() {
    this.#impulse = null;
    this.#taps.clear();
  }

  #stick(action, held, pad) {
    const { right, down, reach } = this.controls.stick;
    const ways = stickKeys(this.controls).map((codes) => way(held, codes));
    const { drag } = this.inputs;
    const drags = this.controls.pointer === null && this.controls.look === null && drag !== null;
    if (drags) ways.push([0, 1].map((axis) => (drag.to[axis] - drag.from[axis]) / FULL));
    if (pad !== null) ways.push(pad.left);
    const [x, y] = sum(ways);
    const length = Math.max(1, Math.hypot(x, y));
    action[right] += (x / length) * reach[0];
    action[down] += (y / length) * reach[1];
  }

  #padded(pad, button) {
    if (pad === null || button === null) return false;
    const [x, y] = pad.left;
    const leans = { 12: y < -0.5, 13: y > 0.5, 14: x < -0.5, 15: x > 0.5 };
    return pad.buttons.has(button) || (leans[button] ?? false);
  }

  /** The impulse under way; a new one begins when the last one was answered. */
  #take() {
    const { inputs } = this;
    const looked = this.controls.look !== null && inputs.moved.some((pixels) => pixels !== 0);
    const some = looked || (this.controls.push !== null && inputs.pushes.length > 0);
    if (this.#impulse === null && some) {
      this.#count += 1;
      this.#impulse = { number: this.#count, moved: inputs.moved, push: inputs.pushes[0], sent: null };
      inputs.moved = [0, 0];
      inputs.pushes = [];
    }
    return this.#impulse;
  }

  #look(action, held, pad, moved) {
    const turned = sum([way(held, ARROWS), pad?.right ?? [0, 0]]);
    const { right, down } = this.controls.look;
    for (const [axis, turn] of [right, down].entries()) {
      const value = moved[axis] * turn.scale + turned[axis] * turn.key;
      if (turn.bins.length === 0) {
        action[turn.component] += value;
        continue;
      }
      const apart = turn.bins.map((bin) => Math.abs(bin - value));
      const nearest = apart.indexOf(Math.min(...apart));
      turn.bins.forEach((_, bin) => { action[turn.component + bin] = Number(bin === nearest); });
    }
  }

  #push(action, { from, to }) {
    const { components, plane } = this.controls.push;
    [from, to].forEach(([u, v], end) => {
      const [x, y, w] = [0, 3, 6].map((row) => plane[row] * u + plane[row + 1] * v + plane[row + 2]);
      action[components[2 * end]] = x / w;
      action[components[2 * end + 1]] = y / w;
    });
  }
}
