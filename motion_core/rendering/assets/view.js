// The 3D view of the player: people as meshes, floor with grid, shadows and root trails.
// `createMotionView` throws where the browser has no WebGL.
"use strict";
window.createMotionView = ({ scene, people, canvas, state }) => {
  const { frames, ground } = scene;
  const stride = scene.pointNames.length * 3;

  // How far the roots of two people are apart at a frame, on the floor; 0 for one person.
  function separation(frame) {
    if (people.length < 2) return 0;
    const [first, second] = people.map(({ where }) => where.subarray(frame * stride, frame * stride + 3));
    return Math.hypot(first[0] - second[0], first[2] - second[2]);
  }

  let parted = 0;
  for (let frame = 0; frame < frames; frame++) parted = Math.max(parted, separation(frame));
  const shadowReach = 2.6 + Math.min(parted / 2, 4); // metres around the people; 4 are enough
  const TRAIL = 12 * scene.fps; // frames of trail, back and ahead
  const JUMP = 0.5; // metres from frame to frame; longer is a cut and leaves no trail
  const UP = new THREE.Vector3(0, 1, 0);
  const centre = new THREE.Vector3(); // amid the people, on the floor

  const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
  renderer.shadowMap.enabled = true;
  renderer.shadowMap.type = THREE.PCFShadowMap; // softer ones cost more than all the rest
  const world = new THREE.Scene();

  // --- Light ----------------------------------------------------------------------------------

  const sky = new THREE.HemisphereLight(0xffffff, 0xb9bec9, 1.8);
  const key = new THREE.DirectionalLight(0xfff6e8, 2.3);
  const rim = new THREE.DirectionalLight(0xdfe9ff, 0.9);
  // The key light comes from above the first camera's left shoulder, as in the video.
  const reach = Math.hypot(scene.camera.look[0], scene.camera.look[2]);
  const [fx, fz] = [-scene.camera.look[0] / reach, -scene.camera.look[2] / reach];
  const lit = (light, left, up, front) => {
    light.position.set(centre.x + fx * front - fz * left, up, centre.z + fz * front + fx * left);
    light.target.position.copy(centre);
  };
  key.castShadow = true;
  key.shadow.mapSize.set(1024, 1024);
  key.shadow.radius = 3;
  Object.assign(key.shadow.camera, { left: -shadowReach, right: shadowReach, top: shadowReach, bottom: -shadowReach, near: 0.5, far: 20 });
  world.add(sky, key, key.target, rim, rim.target);

  // --- Floor ----------------------------------------------------------------------------------

  const grid = new THREE.ShaderMaterial({
    transparent: true,
    depthWrite: false,
    uniforms: {
      centre: { value: new THREE.Vector2() },
      reach: { value: 1 },
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
      uniform float reach;
      uniform vec3 line, glow;
      varying vec2 place;
      void main() {
        vec2 width = fwidth(place);
        vec2 near = abs(fract(place - 0.5) - 0.5) / width;
        vec2 thin = clamp(1.1 - near, 0.0, 0.85) * clamp(0.35 / width - 0.6, 0.0, 1.0);
        float distance = length(place - centre) / reach;
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
      if (step > JUMP) triangles.push(p, p, p, p, p, p);
      else triangles.push(p, q, r, r, q, s);
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

  const bodies = people.map(({ mesh, bones }) => {
    const figure = createFigure(mesh, bones, frames);
    const body = new THREE.Mesh(figure.geometry, new THREE.MeshStandardMaterial({ roughness: 0.55, vertexColors: true, side: mesh.colours ? 2 : 0 }));
    body.castShadow = true;
    body.frustumCulled = false;
    world.add(body);
    return figure;
  });

  const poseBodies = () => bodies.forEach(({ pose }) => pose(state.moment));

  // --- Foot contacts: rings on the floor under what stands on it ------------------------------

  const touch = new THREE.ShaderMaterial({
    transparent: true,
    depthWrite: false,
    uniforms: { colour: { value: new THREE.Vector3() } },
    vertexShader: `
      varying vec2 place;
      void main() {
        place = uv * 2.0 - 1.0;
        gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
      }`,
    fragmentShader: `
      uniform vec3 colour;
      varying vec2 place;
      void main() {
        float distance = length(place);
        float ring = smoothstep(0.55, 0.72, distance) * smoothstep(1.0, 0.86, distance);
        gl_FragColor = vec4(colour, 0.8 * ring + 0.22 * smoothstep(0.9, 0.2, distance));
      }`,
  });
  const touches = people.map(({ now, contacts }) => ({
    now,
    contacts,
    rings: ["left_heel", "left_toes", "right_heel", "right_toes"].map((name) => {
      const ring = lay(touch, 0.18, ground + 0.006, 3);
      ring.userData.point = scene.pointNames.indexOf(name) * 3;
      return ring;
    }),
  }));

  function showContacts(frame) {
    for (const { now, contacts, rings } of touches)
      rings.forEach((ring, bit) => {
        ring.visible = state.contacts && (contacts[frame] & (1 << bit)) > 0;
        const { point } = ring.userData;
        ring.position.set(now[point], ring.position.y, now[point + 2]);
      });
  }

  // --- Camera ---------------------------------------------------------------------------------

  const camera = new THREE.PerspectiveCamera(30, 1, 0.05, 300);
  const controls = new THREE.OrbitControls(camera, canvas);
  controls.enableDamping = true;
  controls.dampingFactor = 0.12;
  controls.minDistance = 0.6;
  controls.maxDistance = 120;
  controls.maxPolarAngle = Math.PI / 2 - 0.01; // stay above the floor
  const REACH = 1.6; // metres around the point amid the people that stay in view when following
  const followed = new THREE.Vector3(); // what the camera has followed so far
  let spread = 1; // and how far it has stepped back because people part
  const shift = new THREE.Vector3();

  const wide = (frame) => Math.max(1, (separation(frame) / 2 + 0.6) / REACH);

  function findCentre() {
    centre.set(0, 0, 0);
    people.forEach(({ now }) => centre.add(shift.set(now[0], 0, now[2])));
    centre.divideScalar(people.length);
  }

  let frameNow = 0;

  function travel(share) {
    shift.copy(centre).sub(followed).multiplyScalar(share);
    followed.add(shift);
    if (!state.follow) return false;
    camera.position.add(shift);
    controls.target.add(shift);
    const wider = spread + (wide(frameNow) - spread) * share;
    camera.position.sub(controls.target).multiplyScalar(wider / spread).add(controls.target);
    const stepped = Math.abs(wider - spread) > 1e-5;
    spread = wider;
    return shift.lengthSq() > 1e-10 || stepped;
  }

  // The nearest camera of the planned direction that sees everybody all the time, or, following,
  // everybody near. With the direction fixed, "a point is right of the left edge" is linear in the
  // position of the camera, so extremes decide.
  function fitted() {
    const look = shift.fromArray(scene.camera.look).clone();
    const right = new THREE.Vector3().crossVectors(look, UP).normalize();
    const up = new THREE.Vector3().crossVectors(right, look);
    const tan = Math.tan((camera.fov * Math.PI) / 360);
    const [across, above, below] = [tan * camera.aspect * 0.92, tan * 0.74, tan * 0.9]; // words are above
    let [left, most, low, high, nearest] = [Infinity, -Infinity, Infinity, -Infinity, Infinity];
    const point = new THREE.Vector3();
    const near = (value) => Math.min(Math.max(value, -REACH), REACH);
    for (let frame = 0; frame < frames; frame += Math.ceil(frames / 300)) {
      const roots = people.map(({ where }) => frame * stride);
      const amid = [0, 2].map((axis) => people.reduce((sum, { where }, i) => sum + where[roots[i] + axis], 0) / people.length);
      for (const { where, reach } of people)
        for (let k = 0; k < (reach ? 8 : stride / 3); k++) {
          if (reach) point.fromArray([0, 1, 2].map((axis) => where[frame * stride + axis] + reach[(k >> axis) & 1][axis]));
          else point.fromArray(where, frame * stride + k * 3);
          if (state.follow) point.set(near(point.x - amid[0]), point.y, near(point.z - amid[1]));
          const [x, y, z] = [point.dot(right), point.dot(up), point.dot(look)];
          left = Math.min(left, x - 0.12 + across * z);
          most = Math.max(most, x + 0.12 - across * z);
          low = Math.min(low, y - 0.12 + below * z);
          high = Math.max(high, y + 0.12 - above * z);
          nearest = Math.min(nearest, z);
        }
    }
    const back = Math.min((left - most) / (2 * across), (low - high) / (below + above), nearest - 1);
    const height = (low - below * back + high + above * back) / 2;
    return right.multiplyScalar((left + most) / 2).addScaledVector(up, height).addScaledVector(look, back);
  }

  function reset() {
    controls.enableDamping = false; // what is left of a turn or a shift ends here
    controls.update();
    controls.enableDamping = true;
    camera.position.copy(fitted());
    const look = new THREE.Vector3().fromArray(scene.camera.look);
    const middle = new THREE.Vector3().fromArray(scene.camera.middle).sub(camera.position);
    controls.target.copy(camera.position).addScaledVector(look, middle.dot(look));
    spread = 1;
    followed.copy(centre);
    if (state.follow) {
      camera.position.add(centre);
      controls.target.add(centre);
      travel(1);
    }
    controls.update();
  }

  // Where there is no graphics card, pictures take long: then they get coarser, then lose shadows.
  const thrift = { level: 0, sharpness: 1, interval: 0, pictures: 0 };

  function economise(seconds) {
    thrift.interval += (seconds - thrift.interval) * 0.15;
    if (++thrift.pictures < 15 || thrift.interval < 0.06 || thrift.level === 2) return;
    thrift.level += 1;
    thrift.pictures = 0;
    if (thrift.level === 1) thrift.sharpness = Math.min(1, 1 / window.devicePixelRatio);
    else {
      thrift.sharpness *= 0.7;
      key.castShadow = false;
    }
    renderer.setSize(0, 0, false); // so that resize() does its work
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = canvas.parentElement;
    const size = renderer.getSize(new THREE.Vector2());
    if (size.x === width && size.y === height) return false;
    renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2) * thrift.sharpness);
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
      frameNow = frame;
      findCentre();
      if (jumped) travel(1);
      poseBodies();
      showContacts(frame);
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
      if (state.playing) economise(seconds);
      const resized = resize();
      const moved = travel(1 - Math.exp(-seconds / 0.45));
      return controls.update() || moved || resized;
    },

    render() {
      const away = camera.position.distanceTo(controls.target);
      grid.uniforms.reach.value = Math.min(Math.max(away / 8, 1), 3); // who is far off sees far
      renderer.render(world, camera);
    },

    paint(palette) {
      grid.uniforms.line.value.fromArray(srgb(palette.grid));
      grid.uniforms.glow.value.fromArray(srgb(palette.glow));
      touch.uniforms.colour.value.fromArray(srgb(palette.accent));
      shade.color.set(palette.shadow);
      shade.opacity = palette.dark ? 0.6 : 0.38;
      trail.color.set(palette.trail);
      ahead.color.set(palette.trail);
      bodies.forEach(({ paint }, person) => paint(["left", "body", "right"].map((side) => srgb(palette.people[person][side]))));
    },

    screenPosition(position) {
      camera.updateMatrixWorld();
      const seen = new THREE.Vector3().fromArray(position).project(camera);
      const { clientWidth, clientHeight } = canvas;
      return [((seen.x + 1) / 2) * clientWidth, ((1 - seen.y) / 2) * clientHeight];
    },
  };
};
