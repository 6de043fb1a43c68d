// What can be done, in words; and keys to touch, which light up while they are held.

import { element, keyName, the } from "./dom.js";
import { lookKeys, stickKeys } from "./drive.js";

function sentences(controls) {
  const said = [];
  if (controls.stick !== null) {
    said.push(controls.stick.arrows ? "Arrow keys or W A S D move." : "W A S D walk.");
  }
  if (controls.pointer !== null) said.push("Hold the pointer on a frame to lead there.");
  else if (controls.stick !== null && controls.look === null) said.push("Drag on a frame.");
  if (controls.look !== null) {
    said.push("Click a frame and move the mouse to look (Esc lets go), or drag, or use the arrows.");
  }
  if (controls.push !== null) {
    said.push("Draw a line on a frame: what lies there is pushed along it, and one frame follows.");
  }
  if (controls.sliders.length > 0) said.push("Move a slider, or hold its keys.");
  if (controls.sliders.some(({ stays }) => !stays)) said.push("Sliders that are let go return to rest.");
  const springs = controls.sliders.some(({ stays }) => !stays);
  const padded = controls.keys.some(({ pad }) => pad !== null);
  if (controls.stick ?? controls.look ?? (springs || padded || null)) said.push("A gamepad works too.");
  return said.join(" ");
}

/** Labels of keys by code: those that walk or look, and those with a value of their own. */
function labels(controls) {
  const codes = [...stickKeys(controls).slice(0, 1), ...lookKeys(controls)].flat();
  const keys = controls.keys.map(({ code, label }) => [code, `${keyName(code)} ${label}`]);
  return new Map([...codes.map((code) => [code, keyName(code)]), ...keys]);
}

/** Show them; returns what lights up the keys that are down. */
export function showHints(controls, inputs) {
  the("hint").textContent = sentences(controls);
  const buttons = new Map();
  for (const [code, text] of labels(controls)) {
    const button = element("button", { type: "button", className: "key", textContent: text });
    button.tabIndex = -1; // the keyboard has the key itself
    button.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      button.setPointerCapture(event.pointerId);
      inputs.hold(code, true);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(end, () => inputs.hold(code, false));
    }
    buttons.set(code, button);
  }
  the("keys").replaceChildren(...buttons.values());
  return (down) => {
    for (const [code, button] of buttons) button.classList.toggle("down", down.has(code));
  };
}

/** Show the line that is drawn on both frames, from and to places on them; null for none. */
export function showLine(line) {
  for (const drawn of document.querySelectorAll(".drawn")) {
    drawn.toggleAttribute("hidden", line === null);
    if (line === null) continue;
    const places = { x1: line.from[0], y1: line.from[1], x2: line.to[0], y2: line.to[1] };
    for (const [name, value] of Object.entries(places)) drawn.firstChild.setAttribute(name, value);
  }
}
