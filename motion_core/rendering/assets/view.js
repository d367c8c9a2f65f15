// The 3D view of the player: people of round cones, floor with grid, shadows and root trails.
// `createMotionView` throws where the browser has no WebGL.
"use strict";
window.createMotionView = ({ scene, people, canvas, following }) => {
  const { frames, ground, parts } = scene;

  // How far, at most, people are from the point amid them; 4 m are enough for shadows.
  function apart([first, second]) {
    let most = 0;
    for (let i = 0; second && i < frames * 3; i += 3)
      most = Math.max(most, Math.hypot(first.root[i] - second.root[i], first.root[i + 2] - second.root[i + 2]) / 2);
    return Math.min(most, 4);
  }

  const shadowReach = 2.6 + apart(people); // metres around the people
  const TRAIL = 12 * scene.fps; // frames of trail, back and ahead
  const JUMP = 0.5; // metres from frame to frame; longer is a cut and leaves no trail
  const UP = new THREE.Vector3(0, 1, 0);
  const centre = new THREE.Vector3(); // amid the people, on the floor

  const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
  renderer.shadowMap.enabled = true;
  renderer.shadowMap.type = THREE.VSMShadowMap;
  const world = new THREE.Scene();

  // --- Light ----------------------------------------------------------------------------------

  const sky = new THREE.HemisphereLight(0xffffff, 0xb9bec9, 1.8);
  const key = new THREE.DirectionalLight(0xfff6e8, 2.3);
  const rim = new THREE.DirectionalLight(0xdfe9ff, 0.9);
  // The key light comes from above the first camera's left shoulder, as in the video.
  const first = { x: scene.camera.position[0] - scene.camera.target[0], z: scene.camera.position[2] - scene.camera.target[2] };
  const reach = Math.hypot(first.x, first.z);
  const [fx, fz] = [first.x / reach, first.z / reach];
  const lit = (light, left, up, front) => {
    light.position.set(centre.x + fx * front - fz * left, up, centre.z + fz * front + fx * left);
    light.target.position.copy(centre);
  };
  key.castShadow = true;
  key.shadow.mapSize.set(1024, 1024);
  key.shadow.radius = 7;
  key.shadow.blurSamples = 16;
  Object.assign(key.shadow.camera, { left: -shadowReach, right: shadowReach, top: shadowReach, bottom: -shadowReach, near: 0.5, far: 20 });
  world.add(sky, key, key.target, rim, rim.target);

  // --- Floor ----------------------------------------------------------------------------------

  const grid = new THREE.ShaderMaterial({
    transparent: true,
    depthWrite: false,
    uniforms: {
      centre: { value: new THREE.Vector2() },
      line: { value: new THREE.Vector3() },
      glow: { value: new THREE.Vector3() },
    },
    vertexShader: `
      varying vec2 place;
      void main() {
        vec4 position4 = modelMatrix * vec4(position, 1.0);
        place = position4.xz;
        gl_Position = projectionMatrix * viewMatrix * position4;
      }`,
    fragmentShader: `
      uniform vec2 centre;
      uniform vec3 line, glow;
      varying vec2 place;
      void main() {
        vec2 width = fwidth(place);
        vec2 near = abs(fract(place - 0.5) - 0.5) / width;
        vec2 thin = clamp(1.1 - near, 0.0, 0.85) * clamp(0.35 / width - 0.6, 0.0, 1.0);
        float distance = length(place - centre);
        float ink = max(thin.x, thin.y) * clamp(1.15 - distance / 8.0, 0.0, 1.0);
        float pool = exp(-distance * distance / 22.0);
        gl_FragColor = vec4(mix(glow, line, ink), max(pool, ink));
      }`,
  });
  const shade = new THREE.ShadowMaterial();
  const lay = (material, size, height, order) => {
    const plane = new THREE.Mesh(new THREE.PlaneGeometry(size, size), material);
    plane.rotation.x = -Math.PI / 2;
    plane.position.y = height;
    plane.renderOrder = order;
    world.add(plane);
    return plane;
  };
  const floors = [lay(grid, 60, ground - 0.002, 0), lay(shade, shadowReach * 1.9, ground, 1)];
  floors[1].receiveShadow = true;

  // --- Root trails: ribbons on the floor, some seconds back and, paler, ahead -----------------

  function ribbon(path) {
    const half = 0.016;
    const corners = new Float32Array(frames * 6);
    const triangles = []; // two for each step from one frame to the next
    for (let i = 0; i < frames; i++) {
      const a = Math.max(i - 1, 0) * 2;
      const b = Math.min(i + 1, frames - 1) * 2;
      const dx = path[b] - path[a];
      const dz = path[b + 1] - path[a + 1];
      const length = Math.hypot(dx, dz) || 1;
      const [x, z] = [path[i * 2], path[i * 2 + 1]];
      corners.set([x - (dz / length) * half, ground + 0.004, z + (dx / length) * half], i * 6);
      corners.set([x + (dz / length) * half, ground + 0.004, z - (dx / length) * half], i * 6 + 3);
      if (i === 0) continue;
      const step = Math.hypot(x - path[i * 2 - 2], z - path[i * 2 - 1]);
      const [p, q, r, s] = [i * 2 - 2, i * 2 - 1, i * 2, i * 2 + 1];
      triangles.push(...(step > JUMP ? [p, p, p, p, p, p] : [p, q, r, r, q, s]));
    }
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.Float32BufferAttribute(corners, 3));
    geometry.setIndex(triangles);
    return geometry;
  }
  const trail = new THREE.MeshBasicMaterial({ side: 2, depthWrite: false, transparent: true, opacity: 0.95 });
  const ahead = new THREE.MeshBasicMaterial({ side: 2, depthWrite: false, transparent: true, opacity: 0.22 });
  const walked = people.filter((person) => person.trail).map((person) => {
    const past = ribbon(person.trail);
    const future = past.clone();
    for (const [piece, material] of [[past, trail], [future, ahead]]) {
      const mesh = new THREE.Mesh(piece, material);
      mesh.frustumCulled = false;
      mesh.renderOrder = 2;
      world.add(mesh);
    }
    return { past, future };
  });

  // --- Bodies ---------------------------------------------------------------------------------

  // A round cone along +y: two spheres and the cone that touches both.
  function roundCone(startRadius, endRadius, length) {
    const touch = Math.asin(Math.min(Math.max((startRadius - endRadius) / length, -0.98), 0.98));
    const profile = [];
    const arc = (radius, height, from, to) => {
      for (let i = 0; i <= 12; i++) {
        const angle = from + ((to - from) * i) / 12;
        profile.push(new THREE.Vector2(Math.max(radius * Math.cos(angle), 0), height + radius * Math.sin(angle)));
      }
    };
    arc(startRadius, 0, -Math.PI / 2, touch);
    arc(endRadius, length, touch, Math.PI / 2);
    return new THREE.LatheGeometry(profile, 28);
  }

  const from = new THREE.Vector3();
  const along = new THREE.Vector3();
  const bodies = people.map(({ now }) => {
    const materials = Object.fromEntries(
      ["body", "left", "right"].map((side) => [side, new THREE.MeshStandardMaterial({ roughness: 0.55 })]),
    );
    const meshes = parts.map(([start, end, startRadius, endRadius, side]) => {
      const a = start * 3;
      const b = end * 3;
      const length = Math.max(Math.hypot(now[b] - now[a], now[b + 1] - now[a + 1], now[b + 2] - now[a + 2]), 0.01);
      const mesh = new THREE.Mesh(roundCone(startRadius, endRadius, length), materials[side]);
      mesh.castShadow = true;
      mesh.frustumCulled = false;
      mesh.userData = { a, b, length };
      world.add(mesh);
      return mesh;
    });
    return { now, materials, meshes };
  });

  function poseBodies() {
    bodies.forEach(({ now, meshes }) =>
      meshes.forEach((mesh) => {
        const { a, b, length } = mesh.userData;
        from.fromArray(now, a);
        along.fromArray(now, b).sub(from);
        const stretch = along.length();
        mesh.position.copy(from);
        mesh.scale.set(1, Math.max(stretch, 1e-4) / length, 1);
        if (stretch > 1e-4) mesh.quaternion.setFromUnitVectors(UP, along.divideScalar(stretch));
      }),
    );
  }

  // --- Camera ---------------------------------------------------------------------------------

  const camera = new THREE.PerspectiveCamera(30, 1, 0.05, 300);
  const controls = new THREE.OrbitControls(camera, canvas);
  controls.enableDamping = true;
  controls.dampingFactor = 0.12;
  controls.minDistance = 0.6;
  controls.maxDistance = 80;
  controls.maxPolarAngle = Math.PI / 2 - 0.01; // stay above the floor
  const followed = new THREE.Vector3(); // what the camera has followed so far
  const shift = new THREE.Vector3();

  function findCentre() {
    centre.set(0, 0, 0);
    people.forEach(({ now }) => centre.add(shift.set(now[0], 0, now[2])));
    centre.divideScalar(people.length);
  }

  function travel(share) {
    shift.copy(centre).sub(followed).multiplyScalar(share);
    followed.add(shift);
    if (!following()) return false;
    camera.position.add(shift);
    controls.target.add(shift);
    return shift.lengthSq() > 1e-10;
  }

  function reset() {
    controls.enableDamping = false; // what is left of a turn or a shift ends here
    controls.update();
    controls.enableDamping = true;
    const { position, target } = scene.camera;
    controls.target.fromArray(target);
    camera.position.fromArray(position).sub(controls.target);
    camera.position.multiplyScalar(Math.max(1, 1.75 / camera.aspect)).add(controls.target); // narrow: step back
    if (following()) {
      camera.position.add(centre);
      controls.target.add(centre);
    }
    followed.copy(centre);
    controls.update();
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = canvas.parentElement;
    const size = renderer.getSize(new THREE.Vector2());
    if (size.x === width && size.y === height) return false;
    renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    renderer.setSize(width, height, false);
    camera.aspect = width / Math.max(height, 1);
    camera.updateProjectionMatrix();
    return true;
  }

  const srgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);

  findCentre();
  resize();
  reset();

  return {
    reset,

    // The people have moved to this frame; a jump takes the camera along at once.
    show(frame, jumped) {
      findCentre();
      if (jumped) travel(1);
      poseBodies();
      for (const floor of floors) floor.position.set(centre.x, floor.position.y, centre.z);
      grid.uniforms.centre.value.set(centre.x, centre.z);
      lit(key, 3, 5, 3.4);
      lit(rim, -3, 3, -4);
      const start = Math.max(frame - TRAIL, 0);
      walked.forEach(({ past, future }) => {
        past.setDrawRange(start * 6, (frame - start) * 6);
        future.setDrawRange(frame * 6, TRAIL * 6);
      });
    },

    // Returns whether the picture has changed.
    update(seconds) {
      const resized = resize();
      const moved = travel(1 - Math.exp(-seconds / 0.45));
      return controls.update() || moved || resized;
    },

    render() {
      renderer.render(world, camera);
    },

    paint(palette) {
      grid.uniforms.line.value.fromArray(srgb(palette.grid));
      grid.uniforms.glow.value.fromArray(srgb(palette.glow));
      shade.color.set(palette.shadow);
      shade.opacity = palette.dark ? 0.6 : 0.38;
      trail.color.set(palette.trail);
      ahead.color.set(palette.trail);
      bodies.forEach(({ materials }, person) => {
        for (const [side, colour] of Object.entries(palette.people[person])) materials[side].color.set(colour);
      });
    },

    screenPosition(position) {
      camera.updateMatrixWorld();
      const seen = new THREE.Vector3().fromArray(position).project(camera);
      const { clientWidth, clientHeight } = canvas;
      return [((seen.x + 1) / 2) * clientWidth, ((1 - seen.y) / 2) * clientHeight];
    },
  };
};
