// A body as a mesh whose vertices follow bones.
// `createFigure(mesh, bones, frames)` gives a geometry and `pose(moment)`, which brings it to a
// moment in frames, with a fraction. Between frames bones turn the short way.
"use strict";
window.createFigure = (mesh, bones, frames) => {
  const { vertices, normals, triangles, influences } = mesh;
  const { parents, pivots, turns, places } = bones;
  const count = parents.length;
  const points = vertices.length / 3;

  const geometry = new THREE.BufferGeometry();
  const attribute = (name, values) => geometry.setAttribute(name, new THREE.Float32BufferAttribute(values, 3)).getAttribute(name);
  const position = attribute("position", new Float32Array(points * 3));
  const normal = attribute("normal", new Float32Array(points * 3));
  const colour = attribute("color", new Float32Array(points * 3));
  geometry.setIndex(Array.from(triangles));

  const moves = new Float32Array(count * 12); // rows of 3 by 4 matrices from rest to the moment
  const where = new Float32Array(count * 3);
  const [before, after] = [0, 1]; // places in `frame`
  const frame = [0, 0];

  function turnBone(bone, share) {
    const a = (frame[before] * count + bone) * 4;
    const b = (frame[after] * count + bone) * 4;
    let same = 0;
    for (let i = 0; i < 4; i++) same += turns[a + i] * turns[b + i];
    const other = same < 0 ? -share : share;
    let [x, y, z, w] = [0, 1, 2, 3].map((i) => (1 - share) * turns[a + i] + other * turns[b + i]);
    const length = Math.hypot(x, y, z, w) || 1;
    [x, y, z, w] = [x / length, y / length, z / length, w / length];
    const at = bone * 12;
    moves[at] = 1 - 2 * (y * y + z * z);
    moves[at + 1] = 2 * (x * y - z * w);
    moves[at + 2] = 2 * (x * z + y * w);
    moves[at + 4] = 2 * (x * y + z * w);
    moves[at + 5] = 1 - 2 * (x * x + z * z);
    moves[at + 6] = 2 * (y * z - x * w);
    moves[at + 8] = 2 * (x * z - y * w);
    moves[at + 9] = 2 * (y * z + x * w);
    moves[at + 10] = 1 - 2 * (x * x + y * y);
  }

  function placeBone(bone, share) {
    const parent = parents[bone];
    for (let axis = 0; axis < 3; axis++) {
      let value = pivots[bone * 3 + axis];
      if (places[bone]) {
        const way = places[bone];
        value = (1 - share) * way[frame[before] * 3 + axis] + share * way[frame[after] * 3 + axis];
      } else if (parent >= 0) {
        value = where[parent * 3 + axis];
        for (let i = 0; i < 3; i++) value += moves[parent * 12 + axis * 4 + i] * (pivots[bone * 3 + i] - pivots[parent * 3 + i]);
      }
      where[bone * 3 + axis] = value;
    }
    for (let axis = 0; axis < 3; axis++) {
      const row = bone * 12 + axis * 4;
      let shift = where[bone * 3 + axis];
      for (let i = 0; i < 3; i++) shift -= moves[row + i] * pivots[bone * 3 + i];
      moves[row + 3] = shift;
    }
  }

  const blend = new Float32Array(12);

  function pose(moment) {
    frame[before] = Math.min(Math.max(Math.floor(moment), 0), frames - 1);
    frame[after] = Math.min(frame[before] + 1, frames - 1);
    const share = moment - Math.floor(moment);
    for (let bone = 0; bone < count; bone++) {
      turnBone(bone, share);
      placeBone(bone, share);
    }
    for (let point = 0, out = 0; point < points; point++, out += 3) {
      blend.fill(0);
      for (let i = point * 8; i < point * 8 + 4 && influences[i + 4] > 0; i++) {
        const [at, weight] = [influences[i] * 12, influences[i + 4] / 255];
        for (let k = 0; k < 12; k++) blend[k] += weight * moves[at + k];
      }
      const [x, y, z] = [vertices[out], vertices[out + 1], vertices[out + 2]];
      const [u, v, w] = [normals[out], normals[out + 1], normals[out + 2]];
      for (let axis = 0; axis < 3; axis++) {
        const row = axis * 4;
        position.array[out + axis] = blend[row] * x + blend[row + 1] * y + blend[row + 2] * z + blend[row + 3];
        normal.array[out + axis] = blend[row] * u + blend[row + 1] * v + blend[row + 2] * w;
      }
    }
    position.needsUpdate = normal.needsUpdate = true;
  }

  // Colours of a theme, as red, green and blue 0 to 1 for left, trunk and right; or the mesh's own.
  function paint([left, body, right]) {
    const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const pass = (value, start) => Math.min(Math.max((value - start) / 0.3, 0), 1);
    for (let point = 0; point < points; point++)
      for (let axis = 0; axis < 3; axis++) {
        let value;
        if (mesh.colours) value = mesh.colours[point * 3 + axis] / 255;
        else {
          const [first, second] = [pass(mesh.sides[point] / 255, 0.1), pass(mesh.sides[point] / 255, 0.6)];
          value = left[axis] + (body[axis] - left[axis]) * first + (right[axis] - body[axis]) * second;
        }
        colour.array[point * 3 + axis] = linear(value);
      }
    colour.needsUpdate = true;
  }

  return { geometry, pose, paint };
};
