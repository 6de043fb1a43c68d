// Small things about elements.

/** The element with an id. */
export const the = (id) => document.getElementById(id);

/** A new element with properties and children. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓",
  ControlLeft: "Ctrl or C", ShiftLeft: "Shift", Mouse0: "left click", Mouse2: "right click",
};

/** What is printed on a key. */
export const keyName = (code) => NAMES[code] ?? code.replace(/^(Key|Digit)/, "");
