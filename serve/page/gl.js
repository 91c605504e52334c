// gl.js - the little of WebGL2 that everything here needs.

export const MAX_CLASSES = 32;

// A program with its uniforms by name.
export function program(gl, vertex, fragment) {
  const id = gl.createProgram();
  for (const [type, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(id, shader);
  }
  gl.linkProgram(id);
  if (!gl.getProgramParameter(id, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(id));
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(id, gl.ACTIVE_UNIFORMS); i++) {
    const name = gl.getActiveUniform(id, i).name.replace("[0]", "");
    uniforms[name] = gl.getUniformLocation(id, name);
  }
  return { id, uniforms };
}

// "#rrggbb" as three numbers 0..1.
export const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
