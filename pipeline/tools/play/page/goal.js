// The goal, and the strip of what the planner imagines.

import { the } from "./dom.js";
import { draw } from "./screen.js";
import { decoded } from "./wire.js";

const AHEAD = 30; // environment steps from the start to the goal that is proposed

export class Goal {
  set = false;

  /** `say(type, values)` sends a message, `picture(file)` a picture. */
  constructor(say, picture) {
    this.say = say;
    the("goal-form").onsubmit = (event) => { event.preventDefault(); this.ask(); };
    the("goal-file").onchange = ({ target }) => {
      if (target.files.length > 0) picture(target.files[0]);
      target.value = "";
    };
  }

  /** Ask for the goal that the form shows. */
  ask() {
    if (!the("goal-form").reportValidity()) return;
    this.say("goal", { clip: Number(the("goal-clip").value), start: Number(the("goal-step").value) });
  }

  /** Propose a frame of the clip that is played, a while after its start. */
  propose(clip, start, frames) {
    if (this.set) return;
    the("goal-clip").value = clip;
    the("goal-step").value = Math.min(start + AHEAD, frames - 1);
  }

  /** The server has sent the goal as the model sees it. */
  async show(blobs) {
    draw(the("goal"), (await decoded(blobs)).get("goal"));
    the("goal").setAttribute("aria-label", "The goal");
    this.set = true;
  }
}

/** Show the images of a plan side by side, in their order. */
export async function showPlan(blobs) {
  const plan = [...(await decoded(blobs)).values()];
  const strip = the("strip-frames");
  while (strip.children.length > plan.length) strip.lastChild.remove();
  while (strip.children.length < plan.length) strip.append(document.createElement("canvas"));
  plan.forEach((image, index) => draw(strip.children[index], image));
  the("strip").hidden = false;
}
