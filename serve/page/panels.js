// panels.js - the words and bars around the picture: latency per stage, the frame's waterfall, what was found, lost,
// and is not as it should be.

const HISTORY = 120; // frames
export const STAGE_COLORS = { capture: "#8b949e", decode: "#58a6ff", frame: "#39c5cf", align: "#3fb950", voxelize: "#a5d6a7", encode: "#d4a72c",
  attend: "#f0883e", bev: "#f85149", head: "#db61a2", nms: "#a371f7", track: "#7f86ff", publish: "#6e7681" };

const el = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
};
const ms = (us) => us >= 99950 ? `${(us / 1000).toFixed(0)} ms` : us >= 9950 ? `${(us / 1000).toFixed(1)} ms` : us >= 1000 ? `${(us / 1000).toFixed(2)} ms` : `${us.toFixed(0)} µs`;
const median = (v) => v.length ? [...v].sort((a, b) => a - b)[v.length >> 1] : 0;
const number = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");

export class Panels {
  constructor(scene) {
    this.scene = scene;
    this.stages = new Map();
    this.totals = [];
    this.dropped = 0;
    this.connected = false;
    this.lastAt = performance.now();
    this.silent = "";
  }

  reset(hello) {
    this.hello = hello;
    this.stages.clear();
    this.totals = [];
    el("bars").replaceChildren();
    el("title").textContent = hello.title;
    document.title = `${hello.title || "live"} - Glint`;
    document.body.classList.toggle("log", hello.mode === "log");
    el("timeline").classList.toggle("hidden", hello.mode !== "log");
  }

  connection(on) {
    this.connected = on;
    el("mode").textContent = on ? this.hello && this.hello.mode === "log" ? "log" : "live" : "not connected";
    el("mode").className = on ? "tag on" : "tag off";
  }

  // Live, silence is news.
  watch() {
    if (!this.connected || !this.hello || this.hello.mode !== "live" || this.frozen || document.hidden) { this.lastAt = performance.now(); return; }
    const silent = (performance.now() - this.lastAt) / 1000, text = silent > 1.5 ? `no frame for ${silent.toFixed(0)} s` : "";
    if (!this.info) el("stamp").textContent = "waiting for the first frame";
    if (this.silent === text) return;
    this.silent = text;
    this.health();
  }

  state(word) {
    this.dropped = word.dropped;
    this.health();
  }

  frame(frame) {
    const info = this.info = frame.info;
    this.lastAt = performance.now();
    this.silent = "";
    if (!this.hello.title && info.source && el("title").textContent !== info.source) el("title").textContent = info.source;
    el("frame").textContent = `frame ${info.frame}`;
    el("stamp").textContent = info.stamp_ns !== "0" ? new Date(Number(BigInt(info.stamp_ns) / 1000000n)).toISOString().replace("T", " ").replace("Z", " UTC") : "";
    el("counts").textContent = `${number(frame.n)} points` + (info.source && this.hello.title ? `, ${info.source}` : "");
    this.latency(info);
    this.found(info);
    this.lost(info);
    this.health();
    this.chosen();
  }

  // ---- time ----

  latency(info) {
    // Live, capture is the time in which the sweep was measured and came in: latency counts from its last packet.
    const work = Object.entries(info.latency_us).reduce((sum, [name, us]) => name === "capture" ? sum : sum + us, 0);
    this.totals.push(info.total_us || work);
    if (this.totals.length > HISTORY) this.totals.shift();
    el("total").textContent = ms(info.total_us || work);
    let longest = 1;
    for (const name of this.hello.stages) {
      if (info.latency_us[name] === undefined) continue;
      const stage = this.stages.get(name) || this.addStage(name);
      stage.values.push(info.latency_us[name]);
      if (stage.values.length > HISTORY) stage.values.shift();
      stage.median = median(stage.values);
      if (name !== "capture") longest = Math.max(longest, ...stage.values);
    }
    for (const [name, stage] of this.stages) {
      const value = info.latency_us[name] || 0;
      stage.bar.style.width = `${Math.min(100 * value / longest, 100)}%`;
      stage.tick.style.left = `${Math.min(100 * stage.median / longest, 99)}%`;
      stage.number.textContent = ms(value);
    }
    this.waterfall(info, work);
    this.history();
  }

  addStage(name) {
    const row = make("div", "row"), bar = make("div", "bar"), fill = make("i"), tick = make("u"), num = make("span", "num");
    fill.style.background = STAGE_COLORS[name] || "#8b949e";
    bar.append(fill, tick);
    row.append(make("span", "", name), bar, num);
    row.title = `${name}: this frame; the tick is the median of ${HISTORY}`;
    const stage = { bar: fill, tick, number: num, values: [], row };
    this.stages.set(name, stage);
    const order = this.hello.stages.filter((s) => this.stages.has(s));
    el("bars").replaceChildren(...order.map((s) => this.stages.get(s).row));
    return stage;
  }

  // Stages one after the other, from the last packet on; what is left of the total was waiting.
  waterfall(info, work) {
    const whole = Math.max(info.total_us, work, 1), rows = [];
    let at = 0;
    const add = (name, us, className) => {
      const row = make("div", className), bar = make("i");
      bar.style.left = `${100 * at / whole}%`;
      bar.style.width = `${100 * us / whole}%`;
      if (name) bar.style.background = STAGE_COLORS[name] || "#8b949e";
      row.title = `${name || "waiting"} ${ms(us)}`;
      row.append(bar);
      rows.push(row);
      at += us;
    };
    const outside = Math.max(info.total_us - work, 0);
    for (const name of this.hello.stages) if (info.latency_us[name] !== undefined && name !== "capture") add(name, info.latency_us[name], "fall");
    if (outside > whole * 0.01) add("", outside, "fall wait");
    const axis = make("div", "axis");
    axis.append(make("span", "", "0"), make("span", "", ms(whole)));
    el("waterfall").replaceChildren(...rows, axis);
  }

  history() {
    const canvas = el("history"), ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, ink = canvas.getContext("2d");
    Object.assign(canvas, { width: w * ratio, height: h * ratio });
    ink.scale(ratio, ratio);
    const most = Math.max(...this.totals, 1), style = getComputedStyle(document.documentElement), step = w / HISTORY;
    ink.fillStyle = style.getPropertyValue("--mark");
    this.totals.forEach((t, i) => {
      const top = Math.max(1, t / most * (h - 2));
      ink.globalAlpha = i === this.totals.length - 1 ? 1 : 0.55;
      ink.fillRect((HISTORY - this.totals.length + i) * step, h - top, Math.max(step - 0.6, 1), top);
    });
  }

  // ---- what was found and lost ----

  pair(name, value, className, color) {
    const row = make("div", `pair ${className || ""}`), left = make("span", "");
    if (color) {
      const dot = make("i", "dot");
      dot.style.background = color;
      left.append(dot);
    }
    left.append(name);
    row.append(left, make("span", "", value));
    return row;
  }

  found(info) {
    const counts = new Map(this.hello.classes.map((c) => [c, 0]));
    for (const box of info.boxes) counts.set(box.label, (counts.get(box.label) || 0) + 1);
    el("boxes").textContent = info.boxes.length;
    el("classes").replaceChildren(...[...counts].map(([name, n]) => this.pair(name, n, n ? "" : "zero", this.scene.boxColor(name))));
  }

  lost(info) {
    const l = info.loss, bad = (n) => n ? "bad" : "zero", rows = [];
    el("packets").classList.toggle("hidden", !l.received);
    rows.push(this.pair("received", number(l.received)), this.pair("decoded", number(l.decoded)));
    for (const name of ["lost", "dropped", "malformed", "foreign", "duplicate"]) rows.push(this.pair(name, number(l[name]), name === "foreign" || name === "duplicate" ? l[name] ? "" : "zero" : bad(l[name])));
    if (info.coverage >= 0) rows.push(this.pair("of the turn", `${(100 * info.coverage).toFixed(1)} %`, info.coverage < 0.98 ? "bad" : ""));
    for (const [name, text] of [["points_clipped", "points clipped"], ["frames_dropped", "frames dropped"], ["frames_without_pose", "without pose"]])
      if (l[name]) rows.push(this.pair(text, number(l[name]), "bad"));
    el("loss").replaceChildren(...rows);
  }

  health() {
    const chips = [], info = this.info;
    const chip = (text, kind, title) => { const c = make("span", `chip ${kind}`, text); c.title = title || text; chips.push(c); };
    if (this.silent && info) chip(this.silent, "bad", "the sensor, the network or the program has stopped");
    for (const name of info ? info.health : []) chip(name.replaceAll("_", " ") + (name === "sensor_missing" ? `: ${info.missing}` : ""), name === "sensor_missing" || name === "late" ? "bad" : "warn", "of this frame");
    if (info && !info.health.length && !this.silent) chip("frame good", "good", "nothing was lost or late");
    if (this.dropped) chip(`${number(this.dropped)} frames not shown`, "warn", "this page was slower than the sensor; the pipeline did not wait");
    el("health").replaceChildren(...chips);
  }

  chosen() {
    const box = this.scene.chosenBox(), panel = el("chosen");
    panel.classList.toggle("hidden", !box);
    if (!box) return;
    panel.style.top = `${el("head").getBoundingClientRect().bottom + 8}px`;
    const title = make("h2", "", box.label), speed = Math.hypot(...box.velocity);
    if (box.id !== undefined) title.append(make("span", "", `track ${box.id}`));
    panel.replaceChildren(title, this.pair("score", box.score.toFixed(3)), this.pair("distance", `${Math.hypot(box.center[0], box.center[1]).toFixed(1)} m`),
      this.pair("centre", box.center.map((c) => c.toFixed(1)).join(" ")), this.pair("size", box.size.map((c) => c.toFixed(1)).join(" × ") + " m"),
      ...(box.id === undefined ? [] : [this.pair("seen for", `${box.age.toFixed(1)} s`), this.pair("not seen since", `${box.unseen.toFixed(1)} s`, box.unseen ? "bad" : "zero")]),
      this.pair("heading", `${(box.yaw * 180 / Math.PI).toFixed(0)}°`), this.pair("speed", `${(speed * 3.6).toFixed(1)} km/h`));
  }
}
