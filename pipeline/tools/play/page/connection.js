// One WebSocket, opened again when it is lost.

import { unpack } from "./wire.js";

const WAITS = [500, 1000, 2000, 4000]; // milliseconds before each further try
const FORBIDDEN = 1008; // close code: trying again will not help

/** What an address has to show to a server that demands a token. */
export const token = new URLSearchParams(location.search).get("token");

/** An address of this server with the token, if there is one. */
export function withToken(path) {
  return token === null ? path : `${path}?token=${encodeURIComponent(token)}`;
}

export class Connection {
  #socket = null;
  #tries = 0;
  #reason = "";

  /** Handlers: `text(message)`, `binary(header, blobs)` and `status(text, state)`. */
  constructor(handlers) {
    this.handlers = handlers;
    this.open();
  }

  open() {
    const address = new URL(withToken("ws"), location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.hash = "";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = ({ code }) => this.#lost(code);
    this.#socket = socket;
  }

  /** Send a message; dropped while there is no connection. */
  say(type, values = {}) {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type, ...values }));
    }
  }

  /** Send a picture. */
  async sendPicture(file) {
    const content = await file.arrayBuffer();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(content);
  }

  #take(data) {
    if (typeof data !== "string") {
      const { header, blobs } = unpack(data);
      this.handlers.binary(header, blobs);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "bye") {
      this.#reason = message.reason;
      return;
    }
    if (message.type === "hello") {
      this.#tries = 0;
      this.#reason = "";
      this.handlers.status("connected", "good");
    }
    this.handlers.text(message);
  }

  #lost(code) {
    if (code === FORBIDDEN) {
      this.handlers.status(`refused: ${this.#reason || "not allowed"}`, "bad");
      return;
    }
    const wait = WAITS[Math.min(this.#tries++, WAITS.length - 1)];
    const said = this.#reason || "the server is gone";
    this.handlers.status(`${said}; trying again`, "bad");
    setTimeout(() => this.open(), wait);
  }
}
