// Buttons and forms: what is asked of the server, and what stands.

import { withToken } from "./connection.js";
import { element, the } from "./dom.js";
import { copyLink, fromAddress, toAddress } from "./link.js";

const SHORTCUTS = {
  KeyP: "pause", KeyN: "single-step", KeyB: "reset", KeyT: "take-over", KeyG: "plan", KeyM: "record",
};
const number = (id) => Number(the(id).value);

export class Panel {
  state = { paused: false, planning: false, recording: false };

  /**
   * `say(type, values)` sends a message, `tell(line)` shows a line, `act()` sends the present
   * action, `aim()` sees to it that there is a goal; `changed()` hears of other denoising steps.
   */
  constructor({ say, tell, act, aim, changed }) {
    this.say = say;
    this.tell = tell;
    this.aim = aim;
    this.changed = changed;
    the("pause").onclick = () => this.#pause(!this.state.paused);
    the("single-step").onclick = () => {
      this.#pause(true);
      act();
      say("single_step");
    };
    the("reset").onclick = () => this.begin();
    the("take-over").onclick = () => say("take_over");
    the("plan").onclick = () => this.#plan(!this.state.planning);
    the("record").onclick = () => say("record", { on: !this.state.recording });
    the("steps").oninput = () => this.#set({ steps: number("steps") });
    the("format").onchange = () => this.#set({ format: the("format").value });
    the("most-fps").onchange = () => {
      if (the("most-fps").checkValidity()) this.#set({ fps: number("most-fps") });
    };
    the("start").onsubmit = (event) => {
      event.preventDefault();
      this.begin();
      the("view").focus({ preventScroll: true });
    };
    the("any-clip").onclick = () => {
      the("clip").value = Math.floor(Math.random() * this.hello.clips.length);
      this.begin();
    };
    the("share").onclick = async () => tell(await copyLink());
    addEventListener("keydown", (event) => this.#shortcut(event));
    addEventListener("hashchange", () => { this.#fill(fromAddress()); this.begin(); });
  }

  /** A server has said what it plays: ask it for the start that the page shows. */
  greet(hello) {
    const again = this.hello !== undefined;
    this.hello = hello;
    the("steps").max = hello.model.most_steps;
    the("clip").max = the("goal-clip").max = hello.clips.length - 1;
    if (again) {
      this.#set({ format: the("format").value, fps: number("most-fps") });
    } else {
      the("most-fps").value = hello.limits.fps;
      this.#fill({ steps: hello.model.steps, ...fromAddress() });
    }
    for (const [id, lacking] of [["take-over", hello.no_simulator], ["plan", hello.no_planner]]) {
      the(id).disabled = lacking !== null;
      if (lacking !== null) the(id).title = `Not here: ${lacking}`;
    }
    this.#set({ steps: number("steps") });
    this.begin();
  }

  /** What the server says that stands. */
  show(state) {
    const start = [["clip", state.clip], ["start-step", state.start], ["seed", state.seed]];
    const key = JSON.stringify(start);
    if (key !== this.shownStart) for (const [id, value] of start) the(id).value = value;
    this.shownStart = key;
    this.state = state;
    for (const [id, on] of [["pause", state.paused], ["plan", state.planning], ["record", state.recording]]) {
      the(id).setAttribute("aria-pressed", on);
    }
    the("episode").textContent = `Validation episode ${state.episode}`;
    this.#showSteps();
    toAddress({ ...state, steps: number("steps") });
  }

  /** Begin at the start that the form shows. */
  begin() {
    if (!the("start").reportValidity()) return;
    this.say("reset", { clip: number("clip"), start: number("start-step"), seed: number("seed") });
  }

  /** A recording was written. */
  recorded({ url, frames, folder }) {
    const name = url.split("/").pop();
    const link = element("a", { href: withToken(url), download: name, textContent: name });
    const count = `${frames} ${frames === 1 ? "frame" : "frames"}`;
    the("recordings").hidden = false;
    the("recording-list").prepend(element("li", { title: folder }, link, ` ${count}`));
    this.tell(`Recorded ${count}: ${folder}`);
  }

  #fill({ clip, start, seed, steps }) {
    const values = { clip, "start-step": start, seed, steps };
    for (const [id, value] of Object.entries(values)) if (value !== undefined) the(id).value = value;
    this.#showSteps();
  }

  #showSteps() {
    the("steps-value").textContent = the("steps").value;
  }

  #pause(paused) {
    this.say("pause", { paused });
    this.show({ ...this.state, paused });
  }

  #plan(on) {
    if (on) this.aim();
    this.say("plan", { on });
    this.show({ ...this.state, planning: on });
  }

  #set(settings) {
    this.say("settings", settings);
    if (settings.steps === undefined) return;
    this.#showSteps();
    this.changed();
    if (this.state.episode !== undefined) toAddress({ ...this.state, steps: settings.steps });
  }

  #shortcut(event) {
    const id = SHORTCUTS[event.code];
    const typed = event.target.closest("input:not([type=range]), select, textarea") !== null;
    const other = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
    if (!id || typed || other || the("main").inert) return;
    if (the(id).disabled) this.tell(the(id).title);
    else the(id).click();
  }
}
