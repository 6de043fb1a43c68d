// A slider for each component that has one, over the range that was recorded.

import { element, keyName } from "./dom.js";

const STEPS = 200; // of a slider from end to end
const PADDED = 4; // sliders that the axes of a gamepad move

export class Sliders {
  #rows = [];

  /** Build into `parent`; `actions` has `low` and `high` of every component. */
  constructor(parent, controls, actions) {
    parent.replaceChildren();
    parent.hidden = controls.sliders.length === 0;
    for (const slider of controls.sliders) {
      const low = actions.low[slider.component];
      const high = actions.high[slider.component];
      this.#rows.push(this.#row(parent, slider, low, high, controls.idle[slider.component]));
    }
    if (parent.hidden) return;
    const rest = element("button", { type: "button", textContent: "All to rest" });
    rest.onclick = () => this.rest();
    parent.append(rest);
  }

  /** Put every slider to the idle action. */
  rest() {
    for (const row of this.#rows) row.value = row.idle;
  }

  /** Set the components of an action; keys that are held and a gamepad move their sliders. */
  fill(action, down, pad) {
    this.#rows.forEach((row, index) => {
      const [lower, upper] = row.keys ?? [];
      const ends = Number(down.has(upper)) - Number(down.has(lower));
      const axis = pad !== null && !row.stays && index < PADDED ? this.#axis(pad, index) : 0;
      const pushed = ends || axis;
      if (pushed !== 0) {
        const end = pushed > 0 ? row.high : row.low;
        row.value = row.stays ? end : row.idle + Math.abs(pushed) * (end - row.idle);
      } else if (row.pushed && !row.stays) {
        row.value = row.idle;
      }
      row.pushed = pushed !== 0;
      action[row.component] = row.value;
      row.show();
    });
  }

  #axis(pad, index) {
    const axis = [pad.left[1], pad.left[0], pad.right[1], pad.right[0]][index];
    return Math.max(-1, Math.min(1, -axis));
  }

  #row(parent, slider, low, high, idle) {
    const id = `slider-${slider.component}`;
    const label = element("label", { htmlFor: id, textContent: slider.name });
    const value = element("output", { htmlFor: id });
    const input = element("input", { id, type: "range", min: low, max: high });
    input.step = high > low ? (high - low) / STEPS : 1;
    const keys = slider.keys?.map((code) => element("kbd", { textContent: keyName(code) })) ?? [];
    parent.append(element("div", { className: "slider" }, label, input, value, ...keys));
    const row = { ...slider, low, high, idle, value: idle, pushed: false, said: null };
    row.show = () => {
      if (row.value === row.said) return;
      row.said = row.value;
      input.value = row.value;
      value.textContent = row.value.toFixed(3);
    };
    input.oninput = () => { row.value = Number(input.value); };
    const leave = () => { if (!row.stays) row.value = row.idle; };
    for (const event of ["pointerup", "keyup", "blur"]) input.addEventListener(event, leave);
    return row;
  }
}
