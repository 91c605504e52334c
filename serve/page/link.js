// link.js - the connection to the program: words are JSON, frames are binary (serve/page_frame.h).

const MAGIC = 0x31464c47; // "GLF1"
const pad = (bytes) => (bytes + 3) & ~3;

// A frame: its JSON, and where each array is in `bytes`, which goes to the graphics card as it is.
export function parseFrame(buffer) {
  const head = new Uint32Array(buffer, 0, 4);
  if (head[0] !== MAGIC) throw new Error("not a frame of this program");
  const info = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, head[1])));
  const n = head[2], at = {};
  let offset = 0;
  for (const [name, size] of [["x", 4], ["y", 4], ["z", 4], ["time", 4], ["intensity", 2], ["ring", 2], ["instance", 2], ["class", 1]]) {
    at[name] = offset;
    offset += pad(size * n);
  }
  const start = 16 + head[1];
  return { info, n, at, hasClasses: (head[3] & 1) !== 0, bytes: new Uint8Array(buffer, start, offset),
    floats: (name) => new Float32Array(buffer, start + at[name], n),
    shorts: (name) => new Uint16Array(buffer, start + at[name], n),
    words: (name) => new Uint32Array(buffer, start + at[name], n) };
}

// Calls on.open, on.hello(object), on.state(object), on.instead(object), on.frame(frame), on.closed(refused); connects again by itself.
export class Link {
  constructor(on) {
    this.on = on;
    this.token = new URLSearchParams(location.search).get("token") || "";
    this.delay = 500;
    this.connect();
  }

  connect() {
    const url = new URL("/", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.token) url.searchParams.set("token", this.token);
    let opened = false;
    const socket = this.socket = new WebSocket(url, "glint.v1");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { opened = true; this.delay = 500; };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = () => {
      this.on.closed();
      if (!opened) this.askWhy();
      setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(this.delay * 2, 8000);
    };
  }

  // A browser does not say why a WebSocket was refused; the same request without one does.
  async askWhy() {
    try {
      const query = this.token ? "?token=" + encodeURIComponent(this.token) : "";
      if ((await fetch("/health" + query)).status === 403) this.on.refused();
    } catch { /* the program is gone */ }
  }

  take(data) {
    if (typeof data !== "string") {
      this.on.frame(parseFrame(data));
      return;
    }
    const word = JSON.parse(data);
    if (word.op === "hello") this.on.hello(word);
    if (word.op === "state") this.on.state(word);
    if (word.op === "instead") this.on.instead(word);
  }

  say(object) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(object));
  }
}
