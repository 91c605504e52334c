// scene.js - what is seen: points, boxes with arrows and trails, range rings, and words beside the boxes. Draws when
// something has changed, at most once per screen refresh.

import { Camera } from "./camera.js";
import { MAX_CLASSES, rgb } from "./gl.js";
import { Lines } from "./lines.js";
import { Points } from "./points.js";

const TRAIL = 40; // positions
const EDGES = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];

const BOX_COLORS = { dark: ["#ffb454", "#ff7ab2", "#7ee787", "#79c0ff", "#d2a8ff", "#ffa198", "#56d4dd", "#e3b341"],
  light: ["#bc4c00", "#bf3989", "#1a7f37", "#0969da", "#8250df", "#cf222e", "#0b7285", "#7d4e00"] };
const POINT_COLORS = { dark: ["#6e7681", "#56a64b", "#b39977", "#e3d26f", "#ffb454", "#ff7ab2", "#7ee787", "#8b949e", "#79c0ff", "#d2a8ff"],
  light: ["#8c959f", "#2c7a2c", "#96703c", "#9a7d00", "#bc4c00", "#bf3989", "#1a7f37", "#57606a", "#0969da", "#8250df"] };
const LOOKS = { dark: { back: "#0d1117", none: "#484f58", grid: "#30363d", words: "#e6edf3", shade: "#0d1117cc" },
  light: { back: "#f4f6f8", none: "#afb8c1", grid: "#c8d1da", words: "#1f2328", shade: "#ffffffd0" } };

// A vector turned by a unit quaternion w, x, y, z.
function turned(q, v) {
  const [w, x, y, z] = q, t = [2 * (y * v[2] - z * v[1]), 2 * (z * v[0] - x * v[2]), 2 * (x * v[1] - y * v[0])];
  return [v[0] + w * t[0] + y * t[2] - z * t[1], v[1] + w * t[1] + z * t[0] - x * t[2], v[2] + w * t[2] + x * t[1] - y * t[0]];
}
const toWorld = (pose, v) => pose ? turned(pose.rotation, v).map((c, i) => c + pose.position[i]) : v;
const toVehicle = (pose, v) => pose ? turned([pose.rotation[0], ...pose.rotation.slice(1).map((c) => -c)], v.map((c, i) => c - pose.position[i])) : v;

export class Scene {
  constructor(canvas, words) {
    const gl = this.gl = canvas.getContext("webgl2", { alpha: false, antialias: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("this browser has no WebGL2");
    this.canvas = canvas;
    this.words = words;
    this.ink = words.getContext("2d");
    this.camera = new Camera();
    this.points = new Points(gl);
    this.lines = new Lines(gl);
    this.rings = new Lines(gl);
    this.show = { boxes: true, labels: true, velocity: true, trails: true, rings: true, points: true };
    this.look = { color: "height", pointSize: 2, light: false };
    this.trails = new Map();
    this.classes = [];
    this.frame = null;
    this.chosen = null;
    this.times = []; // ms of the newest draws, and between them
    this.asked = false;
    this.setTheme("dark");
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.mouse();
  }

  // ---- looks ----

  setTheme(name) {
    this.theme = name;
    const look = LOOKS[name];
    this.look.light = name === "light";
    this.look.back = rgb(look.back);
    this.look.none = rgb(look.none);
    this.look.grid = rgb(look.grid);
    const colors = new Float32Array(3 * MAX_CLASSES);
    for (let i = 0; i < MAX_CLASSES; i++) colors.set(rgb(this.pointColor(i)), 3 * i);
    this.look.classColors = colors;
    this.drawRings();
    this.build();
  }

  boxColor(label) {
    const i = Math.max(this.classes.indexOf(label), 0), list = BOX_COLORS[this.theme];
    return list[i % list.length];
  }

  pointColor(i) { return POINT_COLORS[this.theme][i % POINT_COLORS[this.theme].length]; }

  drawRings() {
    const r = this.rings, c = this.look.grid;
    r.clear();
    for (const radius of [10, 20, 30, 40, 50, 75, 100, 150, 200])
      for (let i = 0, n = radius < 40 ? 48 : 96; i < n; i++) {
        const at = (k) => [radius * Math.cos(2 * Math.PI * k / n), radius * Math.sin(2 * Math.PI * k / n), this.ground || 0];
        r.add(at(i), at(i + 1), c, radius % 50 ? 0.55 : 0.9, 1);
      }
    r.add([-3, 0, 0], [3, 0, 0], c, 1, 1);
    r.add([0, -3, 0], [0, 3, 0], c, 1, 1);
    r.upload();
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2), w = Math.round(this.canvas.clientWidth * ratio), h = Math.round(this.canvas.clientHeight * ratio);
    if (this.canvas.width !== w || this.canvas.height !== h)
      for (const c of [this.canvas, this.words]) Object.assign(c, { width: w, height: h });
    Object.assign(this.look, { width: w, height: h, ratio });
    this.change();
  }

  // ---- frames ----

  set(frame) {
    this.remember(frame.info);
    this.frame = frame;
    this.points.set(frame);
    const ground = this.points.spans.height[0];
    if (this.ground === undefined || Math.abs(ground - this.ground) > 0.3) {
      this.ground = ground;
      this.drawRings();
    }
    this.build();
  }

  // Where each track was, in the world where there is one. A step backwards or a jump forgets.
  remember(info) {
    const last = this.frame && this.frame.info.frame;
    if (last === null || info.frame < last || info.frame > last + 10) this.trails.clear();
    const seen = new Set();
    for (const box of info.boxes) {
      if (box.id === undefined) continue;
      seen.add(box.id);
      const trail = this.trails.get(box.id) || [];
      if (!trail.length || trail[trail.length - 1].frame !== info.frame) trail.push({ frame: info.frame, at: toWorld(info.pose, box.center) });
      if (trail.length > TRAIL) trail.shift();
      this.trails.set(box.id, trail);
    }
    for (const id of this.trails.keys()) if (!seen.has(id)) this.trails.delete(id);
  }

  corners(box) {
    const [l, w, h] = box.size.map((s) => s / 2), c = Math.cos(box.yaw), s = Math.sin(box.yaw);
    const at = (x, y, z) => [box.center[0] + c * x - s * y, box.center[1] + s * x + c * y, box.center[2] + z];
    return [at(l, w, -h), at(l, -w, -h), at(-l, -w, -h), at(-l, w, -h), at(l, w, h), at(l, -w, h), at(-l, -w, h), at(-l, w, h), at(l, 0, -h), at(l + 0.6, 0, -h)];
  }

  addBox(box) {
    const p = this.corners(box), chosen = this.chosen !== null && this.isChosen(box);
    const color = rgb(this.boxColor(box.label)), alpha = chosen ? 1 : 0.45 + 0.55 * Math.min(box.score * 1.4, 1), width = chosen ? 3 : 1.6;
    for (const [a, b] of EDGES) this.lines.add(p[a], p[b], color, alpha, width);
    this.lines.add(p[0], p[5], color, alpha * 0.5, 1); // the front is crossed
    this.lines.add(p[1], p[4], color, alpha * 0.5, 1);
    const [vx, vy] = box.velocity;
    if (this.show.velocity && Math.hypot(vx, vy) > 0.3) this.addArrow(box, vx, vy);
  }

  // One second of its way.
  addArrow(box, vx, vy) {
    const a = [box.center[0], box.center[1], box.center[2] - box.size[2] / 2 + 0.1], b = [a[0] + vx, a[1] + vy, a[2]];
    const l = Math.hypot(vx, vy), h = Math.min(0.8, l * 0.4), ux = vx / l, uy = vy / l, color = rgb(LOOKS[this.theme].words);
    this.lines.add(a, b, color, 0.9, 2);
    for (const side of [0.5, -0.5]) this.lines.add(b, [b[0] - h * (ux - side * uy), b[1] - h * (uy + side * ux), b[2]], color, 0.9, 2);
  }

  addTrail(box, pose) {
    const trail = this.trails.get(box.id) || [], color = rgb(this.boxColor(box.label));
    for (let i = 1; i < trail.length; i++)
      this.lines.add(toVehicle(pose, trail[i - 1].at), toVehicle(pose, trail[i].at), color, 0.15 + 0.7 * i / trail.length, 2);
  }

  build() {
    this.lines.clear();
    const info = this.frame && this.frame.info;
    if (info && this.show.boxes)
      for (const box of info.boxes) {
        this.addBox(box);
        if (this.show.trails && box.id !== undefined) this.addTrail(box, info.pose);
      }
    this.lines.upload();
    this.change();
  }

  // ---- drawing ----

  change() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame((now) => this.draw(now));
  }

  // Every point where the graphics can draw them in time. Where pictures come slower than 40 a second while the
  // camera moves, every second or fourth point is drawn until it rests.
  pace(now) {
    const gap = now - this.before;
    this.before = now;
    if (!(gap < 250)) { // the first one of a movement
      this.slow = 0;
      this.thin = Math.max((this.thin || 1) / 2, 1);
      return;
    }
    this.slow = Math.max(0, this.slow + (gap > 25 ? 1 : -0.5));
    if (this.slow < 4) return;
    this.slow = 0;
    this.thin = Math.min((this.thin || 1) * 2, 4);
  }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.moving = false;
      if (this.points.thin > 1) this.change();
    }, 200);
  }

  // The camera has moved.
  move() {
    this.moving = true;
    this.rest();
    this.change();
  }

  draw(now) {
    const gl = this.gl, look = this.look, begun = performance.now();
    this.asked = false;
    if (!look.width || !look.height) return;
    if (this.moving) this.pace(now);
    this.points.thin = this.moving ? this.thin || 1 : 1;
    this.matrix = this.camera.matrix(look.width / look.height);
    look.far = this.camera.distance * 2 + 140;
    gl.viewport(0, 0, look.width, look.height);
    gl.clearColor(...look.back, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    if (this.show.points) this.points.draw(this.matrix, look);
    gl.depthMask(false);
    if (this.show.rings) this.rings.draw(this.matrix, look);
    gl.disable(gl.DEPTH_TEST);
    this.lines.draw(this.matrix, look);
    gl.depthMask(true);
    this.drawWords();
    this.times.push({ at: now, ms: performance.now() - begun });
    if (this.times.length > 120) this.times.shift();
  }

  // Where a place is on the screen, in canvas pixels; null behind the camera.
  project(p) {
    const m = this.matrix, w = m[3] * p[0] + m[7] * p[1] + m[11] * p[2] + m[15];
    if (!m || w < 0.1) return null;
    const x = (m[0] * p[0] + m[4] * p[1] + m[8] * p[2] + m[12]) / w, y = (m[1] * p[0] + m[5] * p[1] + m[9] * p[2] + m[13]) / w;
    return [(x + 1) / 2 * this.look.width, (1 - y) / 2 * this.look.height, w];
  }

  drawWords() {
    const ink = this.ink, look = this.look, ratio = look.ratio, colors = LOOKS[this.theme];
    ink.clearRect(0, 0, look.width, look.height);
    ink.font = `${11 * ratio}px system-ui, "DejaVu Sans", sans-serif`;
    ink.textBaseline = "middle";
    if (this.show.rings) this.drawRanges(ink, colors);
    if (!this.frame || !this.show.labels || !this.show.boxes) return;
    const taken = [];
    const near = this.frame.info.boxes.map((box) => ({ box, at: this.project([box.center[0], box.center[1], box.center[2] + box.size[2] / 2 + 0.3]) }))
      .filter((o) => o.at && o.at[0] > 0 && o.at[0] < look.width && o.at[1] > 0 && o.at[1] < look.height).sort((a, b) => a.at[2] - b.at[2]);
    for (const { box, at } of near) this.drawWord(ink, colors, box, at, taken);
  }

  // Words that would lie on those of a nearer box are left out.
  drawWord(ink, colors, box, at, taken) {
    const ratio = this.look.ratio, speed = Math.hypot(...box.velocity);
    const text = (box.id !== undefined ? `#${box.id} ` : "") + `${box.label} ${box.score.toFixed(2)}` + (speed > 0.3 && this.show.velocity ? `  ${(speed * 3.6).toFixed(0)} km/h` : "");
    const w = ink.measureText(text).width + 8 * ratio, h = 15 * ratio, x = at[0] - w / 2, y = at[1] - h;
    if (taken.some((t) => x < t[0] + t[2] && t[0] < x + w && y < t[1] + t[3] && t[1] < y + h)) return;
    taken.push([x, y, w, h]);
    ink.fillStyle = colors.shade;
    ink.beginPath();
    ink.roundRect(x, y, w, h, 3 * ratio);
    ink.fill();
    ink.fillStyle = this.boxColor(box.label);
    ink.fillText(text, x + 4 * ratio, y + h / 2);
  }

  drawRanges(ink, colors) {
    ink.fillStyle = this.theme === "dark" ? "#6e7681" : "#8c959f";
    for (const radius of [10, 20, 50, 100]) {
      const at = this.project([radius, 0, this.ground || 0]);
      if (at) ink.fillText(`${radius} m`, at[0] + 3 * this.look.ratio, at[1]);
    }
  }

  // ---- mouse ----

  mouse() {
    const held = new Map();
    let moved = 0, spread = 0;
    this.canvas.addEventListener("pointerdown", (e) => { held.set(e.pointerId, e); moved = 0; spread = 0; this.canvas.setPointerCapture(e.pointerId); });
    this.canvas.addEventListener("pointermove", (e) => {
      const was = held.get(e.pointerId);
      if (!was) return;
      const dx = e.clientX - was.clientX, dy = e.clientY - was.clientY;
      moved += Math.abs(dx) + Math.abs(dy);
      held.set(e.pointerId, e);
      if (held.size === 2) {
        const [a, b] = [...held.values()], now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        if (spread) this.camera.zoom(spread / now);
        spread = now;
        this.camera.move(dx / 2, dy / 2, this.canvas.clientHeight);
      } else if (e.buttons & 6 || e.shiftKey) this.camera.move(dx, dy, this.canvas.clientHeight);
      else this.camera.turn(dx, dy);
      this.move();
    });
    const up = (e) => { held.delete(e.pointerId); if (e.type === "pointerup" && moved < 4) this.choose(e); };
    this.canvas.addEventListener("pointerup", up);
    this.canvas.addEventListener("pointercancel", up);
    this.canvas.addEventListener("contextmenu", (e) => e.preventDefault());
    this.canvas.addEventListener("wheel", (e) => { e.preventDefault(); this.camera.zoom(Math.exp(e.deltaY * 0.0012)); this.move(); }, { passive: false });
  }

  isChosen(box) {
    const c = this.chosen;
    return c.id !== undefined ? box.id === c.id : box === c.box;
  }

  choose(e) {
    const r = this.look.ratio;
    let best = 40 * r, found = null;
    for (const box of this.frame ? this.frame.info.boxes : []) {
      const at = this.project(box.center), d = at ? Math.hypot(at[0] - e.offsetX * r, at[1] - e.offsetY * r) : Infinity;
      if (d < best) [best, found] = [d, box];
    }
    this.chosen = found && { id: found.id, box: found };
    if (this.onChosen) this.onChosen();
    this.build();
  }

  chosenBox() {
    return this.chosen && this.frame ? this.frame.info.boxes.find((box) => this.isChosen(box)) || null : null;
  }
}
