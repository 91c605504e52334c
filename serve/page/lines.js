// lines.js - lines of any width: each segment is an instance of one rectangle, widened on the screen, whose edges fade
// (which costs less than multisampling everything).

import { program } from "./gl.js";

const vertex = `#version 300 es
precision highp float;
layout(location=0) in vec3 a; layout(location=1) in vec3 b; layout(location=2) in vec4 tint; layout(location=3) in float width;
uniform mat4 matrix; uniform vec2 pixels; uniform float ratio;
out vec4 color; out float across, half_width;
void main() {
  vec4 p = matrix * vec4(a, 1.0), q = matrix * vec4(b, 1.0);
  if (p.w < 0.05 && q.w < 0.05) { gl_Position = vec4(0.0, 0.0, 2.0, 1.0); return; }
  if (p.w < 0.05) p = mix(q, p, (q.w - 0.05) / (q.w - p.w));
  if (q.w < 0.05) q = mix(p, q, (p.w - 0.05) / (p.w - q.w));
  vec2 way = (q.xy / q.w - p.xy / p.w) * pixels;
  vec2 side = length(way) > 1e-4 ? normalize(vec2(-way.y, way.x)) : vec2(0.0, 1.0);
  vec4 end = (gl_VertexID & 1) == 0 ? p : q;
  float s = gl_VertexID < 2 ? -1.0 : 1.0;
  half_width = 0.5 * max(width * ratio, 1.0) + 0.5;
  across = s * half_width;
  gl_Position = end + vec4(side * across * 2.0 / pixels * end.w, 0.0, 0.0);
  color = tint;
}`;

const fragment = `#version 300 es
precision mediump float;
in vec4 color; in float across, half_width; out vec4 result;
void main() { result = vec4(color.rgb, color.a * clamp(half_width - abs(across), 0.0, 1.0)); }`;

const FLOATS = 11;

export class Lines {
  constructor(gl) {
    this.gl = gl;
    this.program = program(gl, vertex, fragment);
    this.buffer = gl.createBuffer();
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    [[0, 3, 0], [1, 3, 12], [2, 4, 24], [3, 1, 40]].forEach(([i, size, offset]) => {
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, size, gl.FLOAT, false, 4 * FLOATS, offset);
      gl.vertexAttribDivisor(i, 1);
    });
    gl.bindVertexArray(null);
    this.values = new Float32Array(FLOATS * 1024);
    this.n = this.drawn = 0;
  }

  clear() { this.n = 0; }

  add(a, b, color, alpha, width) {
    if ((this.n + 1) * FLOATS > this.values.length) {
      const more = new Float32Array(this.values.length * 2);
      more.set(this.values);
      this.values = more;
    }
    this.values.set([a[0], a[1], a[2], b[0], b[1], b[2], color[0], color[1], color[2], alpha, width], this.n++ * FLOATS);
  }

  upload() {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, this.values.subarray(0, this.n * FLOATS), gl.DYNAMIC_DRAW);
    this.drawn = this.n;
  }

  draw(matrix, look) {
    const gl = this.gl, u = this.program.uniforms;
    if (!this.drawn) return;
    gl.useProgram(this.program.id);
    gl.uniformMatrix4fv(u.matrix, false, matrix);
    gl.uniform2f(u.pixels, look.width, look.height);
    gl.uniform1f(u.ratio, look.ratio);
    gl.bindVertexArray(this.array);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.drawn);
    gl.bindVertexArray(null);
  }
}
