// main.js - the page: connects, shows frames, listens to keys.

import { Link } from "./link.js";
import { Panels } from "./panels.js";
import { MODES } from "./points.js";
import { Scene } from "./scene.js";
import { Timeline } from "./timeline.js";

const el = (id) => document.getElementById(id);
const scene = new Scene(el("view"), el("labels"));
const panels = new Panels(scene);
let hello = null, frozen = false, nFrames = 0;

// ---- frames ----

function show(frame) {
  nFrames++;
  scene.set(frame);
  panels.frame(frame);
  legend();
}

const timeline = new Timeline((index) => link.say({ op: "want", frame: index }), show);

function begin() {
  if (hello.mode === "log") timeline.begin();
  else link.say({ op: "frames", on: !frozen && !document.hidden });
}

const link = new Link({
  hello(word) {
    const same = (name) => JSON.stringify(hello[name]) === JSON.stringify(word[name]); // live, classes may come later
    const again = hello && ["session", "classes", "point_classes"].every(same);
    hello = word;
    scene.classes = word.classes;
    if (!again) {
      panels.reset(word);
      timeline.reset();
      setColor(word.point_classes.length ? "class" : "height");
    }
    panels.connection(true);
    if (again && hello.mode === "log") timeline.seek(timeline.index);
    else begin();
  },
  state(word) {
    panels.state(word);
    if (word.log) timeline.state(word.log);
  },
  instead(word) { timeline.instead(word.wanted, word.frame); },
  frame(frame) {
    if (hello.mode === "log") timeline.frame(frame);
    else if (!frozen) show(frame);
  },
  closed() { panels.connection(false); },
  refused() { if (!el("token").open) el("token").showModal(); },
});

document.addEventListener("visibilitychange", () => { if (hello && hello.mode === "live") begin(); }); // nobody looks: nothing is sent

el("token").addEventListener("close", () => {
  link.token = el("secret").value.trim();
  link.delay = 500;
});

// ---- colours ----

function setColor(name) {
  scene.look.color = name;
  for (const b of el("modes").children) b.setAttribute("aria-checked", b.dataset.name === name);
  legend();
  scene.change();
}

MODES.forEach((name, i) => {
  const b = document.createElement("button");
  b.textContent = name;
  b.dataset.name = name;
  b.title = `key ${i + 1}`;
  b.setAttribute("role", "radio");
  b.onclick = () => setColor(name);
  el("modes").append(b);
});

let legendShown = "";

// What the colours mean; made anew only when that has changed.
function legend() {
  const name = scene.look.color, span = scene.points.spans[name] || [0, 0];
  const unit = { height: (v) => `${v.toFixed(1)} m`, intensity: (v) => v.toFixed(2), time: (v) => `${(v / 1e6).toFixed(0)} ms`, ring: (v) => v.toFixed(0) }[name];
  const key = [name, scene.theme, unit ? span.map(unit) : "", hello && hello.point_classes].join();
  if (key === legendShown) return;
  legendShown = key;
  const box = el("legend");
  box.replaceChildren();
  if (unit) {
    const strip = document.createElement("div"), low = document.createElement("span"), high = document.createElement("span"), axis = document.createElement("div");
    strip.className = `strip ${scene.theme}`;
    low.textContent = unit(span[0]);
    high.textContent = unit(span[1]);
    axis.className = "axis";
    axis.append(low, high);
    box.append(strip, axis);
  } else if (name === "class") {
    const names = document.createElement("div");
    names.className = "names";
    (hello ? hello.point_classes : []).forEach((c, i) => {
      const item = document.createElement("span"), dot = document.createElement("i");
      dot.className = "dot";
      dot.style.background = scene.pointColor(i);
      item.append(dot, c);
      names.append(item);
    });
    box.append(names.childElementCount ? names : "this model gives no point classes");
  } else box.append("points within a box have its colour");
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  try { localStorage.setItem("glint.theme", name); } catch { /* not kept */ }
  scene.setTheme(name);
  legend();
  if (panels.info) panels.found(panels.info);
}

function storedTheme() {
  try { return localStorage.getItem("glint.theme"); } catch { return null; }
}

// ---- keys ----

const toggle = (what) => { scene.show[what] = !scene.show[what]; scene.build(); };
const camera = (how) => { scene.camera[how](); scene.change(); };
const isLog = () => hello && hello.mode === "log";

function freeze() {
  frozen = !frozen;
  panels.frozen = frozen;
  begin();
  el("mode").textContent = frozen ? "paused" : "live";
}

const keys = [
  [["Space"], "play or pause", () => isLog() ? timeline.toggle() : freeze()],
  [["ArrowRight", "ArrowLeft"], "one frame on, back", (e) => isLog() && timeline.by((e.key === "ArrowRight" ? 1 : -1) * (e.shiftKey ? 10 : 1)), "← → (Shift: 10)"],
  [["Home", "End"], "first, last frame", (e) => isLog() && timeline.seek(e.key === "Home" ? 0 : timeline.total() - 1)],
  [["[", "]"], "slower, faster", (e) => timeline.faster(e.key === "]" ? 1 : -1)],
  [["1", "2", "3", "4", "5", "6"], "colour: " + MODES.join(", "), (e) => setColor(MODES[e.key - 1]), "1 … 6"],
  [["+", "-"], "larger, smaller points", (e) => { scene.look.pointSize = Math.min(Math.max(scene.look.pointSize * (e.key === "+" ? 1.25 : 0.8), 0.5), 8); scene.change(); }],
  [["b"], "boxes", () => toggle("boxes")],
  [["l"], "words beside boxes", () => toggle("labels")],
  [["v"], "velocities", () => toggle("velocity")],
  [["t"], "trails", () => toggle("trails")],
  [["g"], "range rings", () => toggle("rings")],
  [["p"], "points", () => toggle("points")],
  [["r"], "view: start", () => camera("home")],
  [["o"], "view: from above", () => camera("top")],
  [["f"], "view: behind the vehicle", () => camera("behind")],
  [["d"], "light or dark", () => setTheme(scene.theme === "dark" ? "light" : "dark")],
  [["i"], "picture alone", () => document.body.classList.toggle("bare")],
  [["Escape"], "choose nothing", () => { scene.chosen = null; panels.chosen(); scene.build(); }],
  [["?", "h"], "this help", () => help()],
];

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target instanceof HTMLInputElement || el("help").open) return;
  const name = e.key === " " ? "Space" : e.key.length === 1 ? e.key.toLowerCase() : e.key, found = keys.find(([names]) => names.includes(name));
  if (!found || (name === "Space" && e.target instanceof HTMLButtonElement)) return;
  e.preventDefault();
  found[2](e);
});

function help() {
  const cells = [];
  for (const [names, text, , shown] of [...keys, [["drag"], "turn"], [["right drag"], "move (also Shift and drag)"], [["wheel"], "nearer, farther"], [["click"], "choose a box"]]) {
    const left = document.createElement("span"), right = document.createElement("span");
    for (const name of shown ? [shown] : names) {
      const k = document.createElement("kbd");
      k.textContent = name.length === 1 ? name.toUpperCase() : name;
      left.append(k, " ");
    }
    right.textContent = text;
    cells.push(left, right);
  }
  el("keys").replaceChildren(...cells);
  el("help").showModal();
}

el("ask").onclick = help;
el("theme").onclick = () => setTheme(scene.theme === "dark" ? "light" : "dark");
scene.onChosen = () => panels.chosen();

// ---- how fast ----

function pace() {
  const t = scene.times, n = t.length;
  if (n < 2) return { fps: 0, ms: 0 };
  const gaps = t.slice(1).map((x, i) => x.at - t[i].at).sort((a, b) => a - b), work = t.map((x) => x.ms).sort((a, b) => a - b);
  return { fps: 1000 / gaps[gaps.length >> 1], gap: gaps[gaps.length >> 1], gap99: gaps[Math.floor(gaps.length * 0.99)], ms: work[n >> 1], ms99: work[Math.floor(n * 0.99)] };
}

setInterval(() => { panels.watch(); const p = pace(); el("fps").textContent = p.fps ? `${p.ms.toFixed(1)} ms per picture` : ""; }, 1000);

setTheme(storedTheme() || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));

// For tests and the curious.
window.glint = { scene, panels, timeline, link, pace, get frames() { return nFrames; }, get hello() { return hello; } };
