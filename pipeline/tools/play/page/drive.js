// From inputs to an action, by the controls that the server has described.

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]; // left, right, up, down
const LETTERS = ["KeyA", "KeyD", "KeyW", "KeyS"];
const FULL = 0.25; // drag, as a share of the frame's side, that pushes a stick all the way
const PATIENCE = 1000; // milliseconds after which an impulse counts as answered

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
  #impulse = null; // { moved, push, sent }: what lasts for one frame, until it is answered

  constructor(controls, inputs, sliders) {
    this.controls = controls;
    this.inputs = inputs;
    this.sliders = sliders;
  }

  /** The present action, and the place under the pointer where one leads the agent, else null. */
  act(now) {
    const { controls, inputs } = this;
    const action = [...controls.idle];
    const pad = inputs.pad();
    this.sliders.fill(action, inputs.down, pad);
    if (controls.stick !== null) this.#stick(action, pad);
    for (const { code, component, value, pad: button } of controls.keys) {
      if (inputs.down.has(code) || this.#padded(pad, button)) action[component] = value;
    }
    const impulse = this.#take(now);
    if (controls.look !== null) this.#look(action, pad, impulse);
    if (controls.push !== null && impulse?.push) this.#push(action, impulse.push);
    return { action, place: controls.pointer === null ? null : inputs.place };
  }

  /** A frame has answered the action that was sent at a time. */
  answered(time) {
    if (this.#impulse !== null && time >= this.#impulse.sent) this.#impulse = null;
  }

  #stick(action, pad) {
    const { right, down, reach } = this.controls.stick;
    const ways = stickKeys(this.controls).map((codes) => way(this.inputs.down, codes));
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
  #take(now) {
    const { inputs } = this;
    const looked = this.controls.look !== null && inputs.moved.some((pixels) => pixels !== 0);
    const some = looked || (this.controls.push !== null && inputs.pushes.length > 0);
    if (this.#impulse !== null && now - this.#impulse.sent > PATIENCE) this.#impulse = null;
    if (this.#impulse === null && some) {
      this.#impulse = { moved: inputs.moved, push: inputs.pushes[0], sent: inputs.time };
      inputs.moved = [0, 0];
      inputs.pushes = [];
    }
    return this.#impulse;
  }

  #look(action, pad, impulse) {
    const held = sum([way(this.inputs.down, ARROWS), pad?.right ?? [0, 0]]);
    const { right, down } = this.controls.look;
    for (const [axis, turn] of [right, down].entries()) {
      const value = (impulse?.moved[axis] ?? 0) * turn.scale + held[axis] * turn.key;
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
