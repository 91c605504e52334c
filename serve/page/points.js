// points.js - the points of a frame, drawn from the frame's own arrays: one upload, one draw call.

import { program, MAX_CLASSES } from "./gl.js";

export const MODES = ["height", "intensity", "class", "time", "ring", "object"];
const MAX_BOXES = 96;

const vertex = `#version 300 es
precision highp float;
layout(location=0) in float x; layout(location=1) in float y; layout(location=2) in float z;
layout(location=3) in float time; layout(location=4) in float intensity; layout(location=5) in float ring;
layout(location=6) in float instance; layout(location=7) in float label;
uniform mat4 matrix; uniform int mode; uniform vec2 span; uniform float size, light, far;
uniform vec3 classes[${MAX_CLASSES}]; uniform vec3 none, back;
uniform vec4 place[${MAX_BOXES}], extent[${MAX_BOXES}]; // x y z and number; half sizes and yaw
uniform int boxes;
out vec3 color;

vec3 turbo(float t) { // polynomial of Mikhailov's colour map
  const vec4 r4 = vec4(0.13572138, 4.61539260, -42.66032258, 132.13108234);
  const vec4 g4 = vec4(0.09140261, 2.19418839, 4.84296658, -14.18503333);
  const vec4 b4 = vec4(0.10667330, 12.64194608, -60.58204836, 110.36276771);
  const vec2 r2 = vec2(-152.94239396, 59.28637943), g2 = vec2(4.27729857, 2.82956604), b2 = vec2(-89.90310912, 27.34824973);
  t = clamp(t, 0.0, 1.0);
  vec4 v4 = vec4(1.0, t, t * t, t * t * t);
  vec2 v2 = v4.zw * v4.z;
  return clamp(vec3(dot(v4, r4) + dot(v2, r2), dot(v4, g4) + dot(v2, g2), dot(v4, b4) + dot(v2, b2)), 0.0, 1.0);
}

vec3 hue(float k) { // far apart for neighbours
  float h = fract(k * 0.61803399) * 6.0;
  return clamp(vec3(abs(h - 3.0) - 1.0, 2.0 - abs(h - 2.0), 2.0 - abs(h - 4.0)), 0.0, 1.0) * 0.75 + 0.25;
}

vec3 object() { // of the box it is in, where the model does not say
  if (instance > 0.0) return hue(instance);
  for (int i = 0; i < boxes; i++) {
    vec3 d = vec3(x, y, z) - place[i].xyz;
    float c = cos(extent[i].w), s = sin(extent[i].w);
    if (all(lessThan(abs(vec3(c * d.x + s * d.y, c * d.y - s * d.x, d.z)), extent[i].xyz))) return hue(place[i].w);
  }
  return none;
}

void main() {
  float value = mode == 0 ? z : mode == 1 ? intensity : mode == 3 ? time : ring;
  float t = (value - span.x) / max(span.y - span.x, 1e-6);
  if (mode == 2) color = label < ${MAX_CLASSES}.0 ? classes[int(label)] : none;
  else if (mode == 5) color = object();
  else color = turbo(0.06 + 0.88 * (mode == 1 ? sqrt(clamp(t, 0.0, 1.0)) : t));
  if (light > 0.5 && mode != 2) color *= 0.82;
  gl_Position = matrix * vec4(x, y, z, 1.0);
  color = mix(color, back, clamp(gl_Position.w / far - 0.35, 0.0, 0.65));
  gl_PointSize = clamp(size * 30.0 / gl_Position.w, size * 0.75, size * 2.5);
}`;

const fragment = `#version 300 es
precision mediump float;
in vec3 color; out vec4 result;
void main() { result = vec4(color, 1.0); }`;

const ARRAYS = (gl) => [["x", gl.FLOAT, 4], ["y", gl.FLOAT, 4], ["z", gl.FLOAT, 4], ["time", gl.UNSIGNED_INT, 4],
  ["intensity", gl.UNSIGNED_SHORT, 2, true], ["ring", gl.UNSIGNED_SHORT, 2], ["instance", gl.UNSIGNED_SHORT, 2], ["class", gl.UNSIGNED_BYTE, 1]];

export class Points {
  constructor(gl) {
    this.gl = gl;
    this.program = program(gl, vertex, fragment);
    this.buffer = gl.createBuffer();
    this.array = gl.createVertexArray();
    this.n = 0;
    this.thin = 1;
    this.bytes = 0;
    this.spans = {};
  }

  set(frame) {
    const gl = this.gl;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    if (frame.bytes.length > this.bytes) this.bytes = Math.ceil(frame.bytes.length * 1.25);
    gl.bufferData(gl.ARRAY_BUFFER, this.bytes, gl.DYNAMIC_DRAW); // the card may still read the old ones
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, frame.bytes);
    this.at = frame.at;
    this.n = frame.n;
    this.point();
    gl.bindVertexArray(null);
    this.measure(frame);
    this.enclose(frame.info.boxes);
  }

  enclose(list) {
    const place = new Float32Array(4 * MAX_BOXES), extent = new Float32Array(4 * MAX_BOXES), n = Math.min(list.length, MAX_BOXES);
    for (let i = 0; i < n; i++) {
      const b = list[i];
      place.set([...b.center, b.id !== undefined ? b.id : i + 1], 4 * i);
      extent.set([...b.size.map((s) => s / 2 + 0.05), b.yaw], 4 * i);
    }
    this.boxes = { n, place, extent };
  }

  // Where the arrays are; every thin-th value of each.
  point() {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    ARRAYS(gl).forEach(([name, type, size, normalized], i) => {
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, 1, type, !!normalized, this.thin * size, this.at[name]);
    });
    this.pointed = this.thin;
  }

  // What the colours span: some hundred points tell, and it follows slowly.
  measure(frame) {
    const z = this.sample(frame.floats("z")), i = this.sample(frame.shorts("intensity")), t = this.sample(frame.words("time")), r = this.sample(frame.shorts("ring"));
    const at = (v, share) => v.length ? v[Math.min(v.length - 1, Math.floor(share * v.length))] : 0;
    this.follow("height", at(z, 0.02) - 0.2, at(z, 0.97) + 0.5);
    this.follow("intensity", 0, Math.max(at(i, 0.97) / 65535, 0.02));
    this.spans.time = [0, at(t, 1) || 1];
    this.spans.ring = [0, at(r, 1) || 1];
  }

  sample(values) {
    const step = Math.max(1, Math.floor(values.length / 800)), out = [];
    for (let i = 0; i < values.length; i += step) out.push(values[i]);
    return out.sort((a, b) => a - b);
  }

  follow(name, low, high) {
    const old = this.spans[name], k = 0.1;
    this.spans[name] = old ? [old[0] + k * (low - old[0]), old[1] + k * (high - old[1])] : [low, high];
  }

  draw(matrix, look) {
    const gl = this.gl, u = this.program.uniforms;
    if (!this.n) return;
    gl.useProgram(this.program.id);
    gl.uniformMatrix4fv(u.matrix, false, matrix);
    gl.uniform1i(u.mode, MODES.indexOf(look.color));
    gl.uniform2fv(u.span, this.spans[look.color] || [0, 1]);
    gl.uniform1f(u.size, look.pointSize * look.ratio);
    gl.uniform1f(u.light, look.light ? 1 : 0);
    gl.uniform1f(u.far, look.far);
    gl.uniform3fv(u.classes, look.classColors);
    gl.uniform3fv(u.none, look.none);
    gl.uniform3fv(u.back, look.back);
    gl.uniform1i(u.boxes, this.boxes.n);
    gl.uniform4fv(u.place, this.boxes.place);
    gl.uniform4fv(u.extent, this.boxes.extent);
    gl.bindVertexArray(this.array);
    if (this.pointed !== this.thin) this.point();
    gl.drawArrays(gl.POINTS, 0, Math.floor(this.n / this.thin));
    gl.bindVertexArray(null);
  }
}
