// camera.js - a camera around a target, x forward, y left, z up; matrices are columns behind each other.

const FOV = 50 * Math.PI / 180;

export function multiply(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++)
    for (let r = 0; r < 4; r++)
      for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
}

const subtract = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const unit = (a) => { const l = Math.hypot(...a) || 1; return [a[0] / l, a[1] / l, a[2] / l]; };

export class Camera {
  constructor() { this.home(); }

  home() { this.set([6, 0, 0], Math.PI, 0.5, 42); }
  top() { this.set([0, 0, 0], Math.PI, Math.PI / 2 - 0.001, 90); }
  behind() { this.set([10, 0, 0], Math.PI, 0.22, 22); }
  set(target, around, up, distance) { Object.assign(this, { target, around, up, distance }); }

  eye() {
    const c = Math.cos(this.up) * this.distance;
    return [this.target[0] + c * Math.cos(this.around), this.target[1] + c * Math.sin(this.around),
      this.target[2] + this.distance * Math.sin(this.up)];
  }

  turn(dx, dy) {
    this.around -= dx * 0.006;
    this.up = Math.min(Math.max(this.up + dy * 0.006, -0.3), Math.PI / 2 - 0.001);
  }

  // Moves the target with the ground under the mouse, roughly: pixels to metres at the target's distance.
  move(dx, dy, height) {
    const scale = 2 * this.distance * Math.tan(FOV / 2) / height;
    const forward = [-Math.cos(this.around), -Math.sin(this.around)], left = [-forward[1], forward[0]];
    const f = dy * scale / Math.max(Math.sin(Math.abs(this.up)), 0.3), l = dx * scale;
    this.target = [this.target[0] + forward[0] * f + left[0] * l, this.target[1] + forward[1] * f + left[1] * l, this.target[2]];
  }

  zoom(factor) { this.distance = Math.min(Math.max(this.distance * factor, 1), 600); }

  matrix(aspect) {
    const near = Math.max(this.distance * 0.005, 0.05), far = this.distance * 4 + 600, f = 1 / Math.tan(FOV / 2);
    const projection = [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, 2 * far * near / (near - far), 0];
    const eye = this.eye(), z = unit(subtract(eye, this.target));
    const x = unit([-Math.sin(this.around), Math.cos(this.around), 0]), y = cross(z, x);
    return multiply(projection, [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, -dot(x, eye), -dot(y, eye), -dot(z, eye), 1]);
  }
}
