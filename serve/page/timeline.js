// timeline.js - a log: which frame is looked at, playing, and asking for the next one before it is due. The program
// keeps frames around the one that was asked for; others take it a moment.

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];
const el = (id) => document.getElementById(id);

export class Timeline {
  // ask(index) asks the program for a frame; show(frame) shows one.
  constructor(ask, show) {
    Object.assign(this, { ask, show });
    this.speed = 1;
    this.reset();
    el("play").onclick = () => this.toggle();
    el("step").onclick = () => this.by(1);
    el("back").onclick = () => this.by(-1);
    el("first").onclick = () => this.seek(0);
    el("speed").onclick = () => this.faster(1, true);
    const track = el("track");
    const at = (e) => { const r = track.getBoundingClientRect(); return Math.round((e.clientX - r.left) / r.width * (this.total() - 1)); };
    track.onpointerdown = (e) => { track.setPointerCapture(e.pointerId); this.dragging = true; this.seek(at(e)); };
    track.onpointermove = (e) => { if (this.dragging) this.seek(at(e)); };
    track.onpointerup = track.onpointercancel = () => { this.dragging = false; };
  }

  reset() {
    Object.assign(this, { playing: false, index: 0, wanted: null, next: null, known: 0, complete: false, progress: -1, stamp: 0n, shownAt: 0, boxes: [] });
    clearTimeout(this.timer);
  }

  begin() { this.want(0); }

  state(log) {
    Object.assign(this, { known: log.frames, complete: log.complete, progress: log.progress });
    if (this.complete && this.wanted !== null && this.wanted >= this.known) this.seek(this.known - 1);
    this.paint();
  }

  // Frames of the log: exact when its end was seen, until then as many as the input read so far lets expect.
  total() {
    if (this.complete || this.progress <= 0) return Math.max(this.known, this.index + 1, 1);
    return Math.max(this.known, Math.round(this.known / this.progress), this.index + 1);
  }

  want(index) {
    this.wanted = index;
    this.ask(index);
  }

  // The log has no frame of that number: another one comes.
  instead(wanted, frame) { if (this.wanted === wanted) this.wanted = frame; }

  seek(index) {
    index = Math.max(0, this.complete ? Math.min(index, this.known - 1) : index);
    this.next = null;
    clearTimeout(this.timer);
    this.want(index);
    this.paint();
  }

  by(n) {
    this.pause();
    this.seek((this.wanted !== null ? this.wanted : this.index) + n);
  }

  faster(n, around) {
    const i = SPEEDS.indexOf(this.speed) + n;
    this.speed = SPEEDS[around ? (i + SPEEDS.length) % SPEEDS.length : Math.min(Math.max(i, 0), SPEEDS.length - 1)];
    el("speed").textContent = `${this.speed}×`;
  }

  toggle() {
    if (this.playing) { this.pause(); return; }
    this.playing = true;
    if (this.complete && this.index >= this.known - 1) this.seek(0);
    else this.ahead();
    this.paint();
  }

  pause() {
    this.playing = false;
    this.next = null;
    clearTimeout(this.timer);
    this.paint();
  }

  // A frame came: shown at once where it was asked for, or when it is due while playing.
  frame(frame) {
    const index = frame.info.frame;
    if (index !== this.wanted) return; // asked for before
    this.wanted = null;
    if (!this.playing || index <= this.index || index > this.index + 8) { this.put(frame); return; }
    const due = this.shownAt + this.gap(frame);
    this.next = frame;
    this.timer = setTimeout(() => { if (this.next === frame) this.put(frame); }, Math.max(0, due - performance.now()));
  }

  gap(frame) {
    const gap = Number(BigInt(frame.info.stamp_ns) - this.stamp) / 1e6;
    return (gap > 0 && gap < 2000 ? gap : 100) / this.speed;
  }

  put(frame) {
    const now = performance.now(), due = this.next ? this.shownAt + this.gap(frame) : now;
    this.shownAt = now - due < 50 ? due : now;
    this.next = null;
    this.index = frame.info.frame;
    this.stamp = BigInt(frame.info.stamp_ns);
    this.boxes[this.index] = frame.info.boxes.length;
    this.show(frame);
    if (this.playing) this.ahead();
    this.paint();
  }

  ahead() {
    if (this.complete && this.index >= this.known - 1) { this.pause(); return; }
    this.want(this.index + 1);
  }

  paint() {
    const total = this.total(), last = Math.max(total - 1, 1), here = this.wanted !== null && !this.playing ? this.wanted : this.index;
    el("known").style.width = `${100 * Math.min(this.known / total, 1)}%`;
    el("here").style.left = `${100 * here / last}%`;
    el("place").textContent = `${here + 1} / ${this.complete ? "" : "~"}${total}`;
    el("play").querySelector("path").setAttribute("d", this.playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M3 1v14l11-7z");
    el("track").setAttribute("aria-valuenow", here);
    this.marks(last);
  }

  // Boxes of the frames that were seen.
  marks(last) {
    const canvas = el("marks"), w = canvas.clientWidth, h = canvas.clientHeight, ink = canvas.getContext("2d");
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    ink.clearRect(0, 0, w, h);
    const most = this.boxes.reduce((a, b) => Math.max(a, b), 1);
    ink.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--dim");
    ink.globalAlpha = 0.5;
    const wide = Math.max(1, Math.min(w / (last + 1) - 1, 12));
    this.boxes.forEach((n, i) => ink.fillRect(i / last * (w - wide), h - n / most * h, wide, n / most * h));
  }
}
