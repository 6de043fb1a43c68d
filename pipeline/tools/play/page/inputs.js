// What a person does: keys, buttons, the pointer on a frame, and the gamepad. No meaning yet.

const TYPED = "input, select, textarea"; // elements that want all keys for themselves
const PRESSED = "button, summary, a"; // and those that want these alone
const ACTIVATES = ["Space", "Enter"];
const SAME = { KeyC: "ControlLeft" }; // Ctrl+W would close the page
const DEAD = 0.15; // of a gamepad's stick
const BUTTONS = { 12: [0, -1], 13: [0, 1], 14: [-1, 0], 15: [1, 0] };

/** Whether a key belongs to the element that has the focus. */
function belongs(event) {
  if (event.target.closest(TYPED)) return true;
  return ACTIVATES.includes(event.code) && event.target.closest(PRESSED) !== null;
}

export class Inputs {
  down = new Set(); // codes of keys and buttons that are held
  taps = new Set(); // those that have gone down since somebody looked
  drag = null; // { from, to } on a frame, as fractions of its sides
  place = null; // of the pointer on a frame, while it leads
  pushes = []; // finished drags
  moved = [0, 0]; // pixels of movement that nobody has taken yet
  time = 0; // of the latest change

  used = new Set(); // codes that mean something in this world: kept from the browser
  looks = false; // whether a click on a frame captures the mouse

  /** Listen; `canvases` take the pointer. */
  constructor(canvases) {
    addEventListener("keydown", (event) => this.#key(event, true));
    addEventListener("keyup", (event) => this.#key(event, false));
    addEventListener("blur", () => this.release());
    document.addEventListener("pointerlockchange", () => this.release());
    for (const canvas of canvases) this.#watch(canvas);
  }

  /** Nothing is held any more. */
  release() {
    this.down.clear();
    this.taps.clear();
    this.drag = this.place = null;
    this.#changed();
  }

  /** Hold or let go of a key, whoever does it. */
  hold(code, held) {
    if (this.down.has(code) === held) return;
    if (held) this.taps.add(code);
    if (held) this.down.add(code);
    else this.down.delete(code);
    this.#changed();
  }

  /** State of the first gamepad: two sticks within the unit circle, and buttons that are down. */
  pad() {
    const pad = [...navigator.getGamepads()].find((each) => each?.connected);
    if (!pad) return null;
    const buttons = new Set(pad.buttons.flatMap(({ pressed }, index) => (pressed ? [index] : [])));
    const stick = (x, y) => (Math.hypot(x, y) < DEAD ? [0, 0] : [x, y]);
    let left = stick(pad.axes[0] ?? 0, pad.axes[1] ?? 0);
    for (const [index, way] of Object.entries(BUTTONS)) {
      if (buttons.has(Number(index))) left = [left[0] + way[0], left[1] + way[1]];
    }
    return { left, right: stick(pad.axes[2] ?? 0, pad.axes[3] ?? 0), buttons };
  }

  #key(event, held) {
    const code = this.used.has(event.code) ? event.code : (SAME[event.code] ?? event.code);
    if (!this.used.has(code)) return;
    if (held && (belongs(event) || event.metaKey || event.altKey)) return;
    if (held) event.preventDefault();
    this.hold(code, held);
  }

  #watch(canvas) {
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      const inside = (value) => Math.min(1, Math.max(0, value));
      return [
        inside((event.clientX - box.left) / box.width),
        inside((event.clientY - box.top) / box.height),
      ];
    };
    const free = (event) => event.pointerType === "mouse" && this.looks;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
      const locked = document.pointerLockElement === canvas;
      if (locked) this.hold(`Mouse${event.button}`, true);
      else canvas.setPointerCapture(event.pointerId);
      if (!locked && free(event)) Promise.resolve(canvas.requestPointerLock()).catch(() => {});
      this.drag = { from: at(event), to: at(event) };
      this.place = at(event);
      this.#changed();
    });
    canvas.addEventListener("pointermove", (event) => {
      const locked = document.pointerLockElement === canvas;
      if (!locked && this.drag === null) return;
      this.moved[0] += event.movementX;
      this.moved[1] += event.movementY;
      if (this.drag !== null) this.drag.to = this.place = at(event);
      this.#changed();
    });
    const up = (event) => {
      this.hold(`Mouse${event.button}`, false);
      if (this.drag === null) return;
      this.pushes = event.type === "pointerup" ? [this.drag] : [];
      this.drag = this.place = null;
      this.#changed();
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
  }

  #changed() {
    this.time = performance.now();
  }
}
