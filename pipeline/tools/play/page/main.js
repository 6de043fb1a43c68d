// The page: frames come, actions go.

import { Connection } from "./connection.js";
import { the } from "./dom.js";
import { Driver, usedCodes } from "./drive.js";
import { Goal, showPlan } from "./goal.js";
import { showHints, showLine } from "./hints.js";
import { Inputs } from "./inputs.js";
import { Panel } from "./panel.js";
import { Screen } from "./screen.js";
import { Sliders } from "./sliders.js";
import { Trace } from "./trace.js";

const canvases = ["imagined", "real"].map(the);
const connection = new Connection({ text: hear, binary: see, status });
const say = (type, values) => connection.say(type, values);
const screen = new Screen(
  new Map([["imagined", canvases[0]], ["real", canvases[1]]]),
  (number) => say("shown", { number }),
);
const inputs = new Inputs(canvases);
const goal = new Goal(say, (file) => connection.sendPicture(file));
const panel = new Panel({
  say,
  tell,
  act: () => act(performance.now()),
  aim: () => { if (!goal.set) goal.ask(); },
  changed: () => screen.forget(),
});
const traces = ["latent-trace", "pixel-trace"].map((id) => new Trace(the(id)));
let hello = null;
let driver = null;
let light = () => {};
let sent = { said: null, time: 0 }; // the latest action
let silence = 0; // timer that clears the line

function status(text, state) {
  the("connection-text").textContent = text;
  the("connection").dataset.state = state;
  the("main").inert = state !== "good";
}

function tell(line) {
  the("line").textContent = line;
  clearTimeout(silence);
  silence = setTimeout(() => { the("line").textContent = ""; }, 8000);
}

function hear(message) {
  if (message.type === "hello") greet(message);
  else if (message.type === "error") tell(message.message);
  else if (message.type === "recording") panel.recorded(message);
  else if (message.type === "state") {
    panel.show(message);
    goal.propose(message.clip, message.start, hello.clips[message.clip].frames);
  }
}

function see(header, blobs) {
  if (header.type === "goal") goal.show(blobs);
  else if (header.type === "plan") showPlan(blobs);
  else if (header.type === "frame") {
    if (header.time !== null) driver.answered(header.time);
    if (header.action === null) { // a start, or taken over: the server may have forgotten the action
      sent.said = null;
      driver.forget();
    }
    screen.take(header, blobs);
  }
}

function greet(message) {
  hello = message;
  const { model, controls, actions, simulator } = hello;
  const name = `${model.dataset} · ${model.encoder}`;
  document.title = `${name} · wm play`;
  the("title").textContent = name;
  const every = model.interval === 1 ? "" : `, every ${model.interval} steps`;
  const millions = (model.parameters / 1e6).toFixed(1);
  const size = `${model.width} × ${model.height} pixels${every}`;
  the("model").textContent = `${size}, ${millions} M parameters, ${model.device}`;
  the("decoder").textContent = model.decoder === "fitted" ? "by a decoder fitted to the latents" : "";
  the("window").textContent = `${model.window} frames`;
  the("real-figure").hidden = !simulator;
  if (!simulator) tell(`No simulator beside the dream: ${hello.no_simulator}`);
  the("view").style.setProperty("--ratio", model.width / model.height);
  inputs.used = usedCodes(controls);
  inputs.looks = controls.look !== null;
  driver = new Driver(controls, inputs, new Sliders(the("sliders"), controls, actions));
  light = showHints(controls, inputs);
  goal.set = false;
  screen.forget();
  panel.greet(hello);
  the("view").focus({ preventScroll: true });
}

function act(now) {
  const values = driver.act();
  const said = JSON.stringify(values);
  if (said === sent.said && !driver.waits) return;
  const time = inputs.time > sent.time ? inputs.time : now; // gamepads tell no time
  say("action", { time, ...values });
  driver.sent(time);
  sent = { said, time };
}

function figures(header, now) {
  const latency = screen.latency();
  const said = {
    fps: screen.fps(now).toFixed(0),
    latency: latency === null ? "–" : `${latency.toFixed(0)} ms`,
    "model-time": header.milliseconds.model === null ? "–" : `${header.milliseconds.model.toFixed(0)} ms`,
    "latent-error": header.latent_error === null ? "–" : header.latent_error.toFixed(3),
    "pixel-error": header.pixel_error === null ? "–" : (255 * Math.sqrt(header.pixel_error)).toFixed(1),
  };
  for (const [id, text] of Object.entries(said)) the(id).textContent = text;
  traces[0].add(header.latent_error);
  traces[1].add(header.pixel_error);
}

function refresh(now) {
  requestAnimationFrame(refresh);
  if (driver === null) return;
  act(now);
  light(driver.held);
  showLine(driver.line);
  const header = screen.refresh(now);
  if (header === null) return;
  figures(header, now);
}

// After a click the keys drive again; who uses the keyboard stays where they are.
addEventListener("pointerup", ({ target }) => {
  const used = target.closest("button, canvas, input[type=range], summary");
  if (used) the("view").focus({ preventScroll: true });
});
requestAnimationFrame(refresh);
