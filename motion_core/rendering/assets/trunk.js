// The trunk of a body: one smooth skin over rings around the spine, from the crotch to the neck.
// `createTrunk(now, pointNames)` gives a geometry and `pose()`, which follows the body points.
"use strict";
window.createTrunk = (now, pointNames) => {
  const AROUND = 24;
  const BETWEEN = 3; // rings drawn for each of RINGS
  // Body points with their weights, metres up the spine from there, half the width, half the depth,
  // metres forward, and how much the ring turns with the shoulders rather than with the hips.
  const RINGS = [
    [{ pelvis: 1 }, -0.135, 0.045, 0.05, 0, 0],
    [{ pelvis: 1 }, -0.1, 0.105, 0.085, -0.004, 0],
    [{ pelvis: 1 }, -0.03, 0.15, 0.112, -0.008, 0],
    [{ spine1: 1 }, -0.02, 0.134, 0.1, 0.002, 0.2],
    [{ spine2: 1 }, -0.03, 0.128, 0.1, 0.006, 0.5],
    [{ spine3: 1 }, 0, 0.15, 0.112, 0.014, 0.8],
    [{ left_chest: 0.5, right_chest: 0.5 }, 0.035, 0.168, 0.108, 0.008, 1],
    [{ left_shoulder: 0.42, right_shoulder: 0.42, neck: 0.16 }, 0.02, 0.142, 0.078, -0.006, 1],
    [{ throat: 0.6, neck: 0.4 }, 0.02, 0.072, 0.06, -0.006, 1],
    [{ neck: 0.55, nape: 0.45 }, 0.02, 0.05, 0.052, 0, 1],
    [{ nape: 1 }, 0.05, 0.046, 0.048, 0.006, 1],
  ].map(([weights, ...sizes]) => [Object.entries(weights).map(([name, share]) => [pointNames.indexOf(name) * 3, share]), ...sizes]);
  const at = (name) => pointNames.indexOf(name) * 3;
  const ends = [at("left_hip"), at("right_hip"), at("left_shoulder"), at("right_shoulder"), at("pelvis"), at("neck")];

  const rows = (RINGS.length - 1) * BETWEEN + 1;
  const corners = new Float32Array(rows * AROUND * 3);
  const circle = Array.from({ length: AROUND }, (_, i) => {
    const [x, z] = [Math.cos((i / AROUND) * 2 * Math.PI), Math.sin((i / AROUND) * 2 * Math.PI)];
    return [Math.sign(x) * Math.abs(x) ** 0.86, Math.sign(z) * Math.abs(z) ** 0.86]; // a little square
  });
  const triangles = [];
  for (let row = 0; row + 1 < rows; row++)
    for (let i = 0; i < AROUND; i++) {
      const [a, b] = [row * AROUND + i, row * AROUND + ((i + 1) % AROUND)];
      triangles.push(a, a + AROUND, b, b, a + AROUND, b + AROUND);
    }
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.Float32BufferAttribute(corners, 3));
  geometry.setIndex(triangles);
  const position = geometry.getAttribute("position");

  const [hips, shoulders, spine] = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()];
  const [across, ahead, rise] = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()];
  const from = (target, a, b) => target.set(now[a] - now[b], now[a + 1] - now[b + 1], now[a + 2] - now[b + 2]).normalize();
  // Of each ring: x, y, z of its centre, half its width and depth, and the share of the shoulders.
  const rings = RINGS.map(() => new Float32Array(6));
  const ring = new Float32Array(6);

  function spline(row) {
    const index = Math.min(Math.floor(row / BETWEEN), rings.length - 2);
    const t = row / BETWEEN - index;
    const [a, b, c, d] = [index - 1, index, index + 1, index + 2].map((i) => rings[Math.min(Math.max(i, 0), rings.length - 1)]);
    for (let k = 0; k < 6; k++) // Catmull and Rom
      ring[k] = b[k] + 0.5 * t * (c[k] - a[k] + t * (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k] + t * (3 * (b[k] - c[k]) + d[k] - a[k])));
  }

  function pose() {
    from(hips, ends[0], ends[1]);
    from(shoulders, ends[2], ends[3]);
    from(spine, ends[5], ends[4]);
    RINGS.forEach(([weights, up, width, depth, forward, share], k) => {
      const target = rings[k];
      target.fill(0);
      for (const [point, weight] of weights) for (let axis = 0; axis < 3; axis++) target[axis] += weight * now[point + axis];
      ahead.copy(hips).lerp(shoulders, share).cross(spine).normalize();
      target[0] += up * spine.x + forward * ahead.x;
      target[1] += up * spine.y + forward * ahead.y;
      target[2] += up * spine.z + forward * ahead.z;
      [target[3], target[4], target[5]] = [width, depth, share];
    });
    for (let row = 0, out = 0; row < rows; row++) {
      const index = Math.min(Math.max(Math.round(row / BETWEEN), 1), rings.length - 2);
      const [below, above] = [rings[index - 1], rings[index + 1]];
      rise.set(above[0] - below[0], above[1] - below[1], above[2] - below[2]).normalize();
      spline(row);
      across.copy(hips).lerp(shoulders, ring[5]).normalize();
      ahead.copy(across).cross(rise).normalize();
      across.copy(rise).cross(ahead);
      for (const [x, z] of circle) {
        const [w, d] = [x * ring[3], z * ring[4]];
        position.array[out++] = ring[0] + across.x * w + ahead.x * d;
        position.array[out++] = ring[1] + across.y * w + ahead.y * d;
        position.array[out++] = ring[2] + across.z * w + ahead.z * d;
      }
    }
    position.needsUpdate = true;
    geometry.computeVertexNormals();
  }

  return { geometry, pose };
};
