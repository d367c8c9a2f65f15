// The interactive player. It reads the scene from the page, draws the people with three.js and
// offers `window.motionPlayer` to scripts and tests. Positions are metres, y up.
"use strict";
(async () => {
  const scene = JSON.parse(document.getElementById("scene").textContent);
  const { fps, frames, pointNames, jointNames, captions, palettes } = scene;
  const points = pointNames.length;
  const element = (id) => document.getElementById(id);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // --- The motion -----------------------------------------------------------------------------

  function bytes(base64) {
    const text = atob(base64);
    const values = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) values[i] = text.charCodeAt(i);
    return values;
  }

  // What is deflated anywhere in the scene becomes bytes: `deflated` becomes `data`.
  async function inflate(value) {
    if (typeof value !== "object" || value === null) return;
    if (typeof value.deflated !== "string") return Promise.all(Object.values(value).map(inflate));
    const stream = new Blob([bytes(value.deflated)]).stream().pipeThrough(new DecompressionStream("deflate"));
    value.data = new Uint8Array(await new Response(stream).arrayBuffer());
  }

  try {
    await inflate(scene);
  } catch (error) {
    console.info("motion player:", error.message); // a browser of before 2023
    element("fallback").hidden = false;
    return;
  }

  // Numbers (rows, width) from how they change from row to row: whole multiples of `unit` as
  // zigzag varints, 7 bits a byte, low bits first. A row is a frame, a vertex or a triangle.
  function unpacked({ data, unit, rows, width }) {
    const values = new Float64Array(rows * width);
    const running = new Int32Array(width);
    for (let i = 0, at = 0; i < values.length; i++) {
      let code = 0;
      let shift = 0;
      let byte;
      do {
        byte = data[at++];
        code |= (byte & 127) << shift;
        shift += 7;
      } while (byte & 128);
      values[i] = (running[i % width] += (code >>> 1) ^ -(code & 1)) * unit;
    }
    return values;
  }

  const meshes = scene.meshes.map((mesh) => ({
    normals: new Int8Array(mesh.normals.data.buffer),
    triangles: unpacked(mesh.triangles), // three vertices each
    influences: mesh.influences.data, // of a vertex: four bones, and 255ths that it follows each
    sides: mesh.sides && bytes(mesh.sides), // of a vertex: 255ths from left limbs to right ones
    colours: mesh.colours && bytes(mesh.colours), // or its red, green and blue
  }));

  const people = scene.people.map(({ points: packed, trail, contacts, mesh, vertices, bones, reach }) => {
    const where = unpacked(packed); // (frames, points, 3); those after the root relative to it
    for (let i = 0; i < where.length; i += points * 3)
      for (let j = 3; j < points * 3; j++) where[i + j] += where[i + (j % 3)];
    return {
      where,
      mesh: { ...meshes[mesh], vertices: unpacked(vertices) },
      bones: {
        parents: bones.parents,
        pivots: bones.pivots,
        turns: unpacked(bones.turns), // (frames, bones, 4): quaternions
        places: bones.places.map((way) => way && unpacked(way)), // (frames, 3), or null: on its parent
      },
      reach, // two corners of a box about the hips in which a character always is, or null
      trail: trail && unpacked(trail), // (frames, 2) x and z on the floor, or null
      contacts: bytes(contacts), // (frames): bits of left heel and toes, right heel and toes
      now: new Float32Array(points * 3), // where the body points are at the moment shown
    };
  });

  const coordinate = (person, frame, point, axis) => people[person].where[(frame * points + point) * 3 + axis];

  // Between frames, positions are interpolated linearly.
  function bringTo(moment) {
    const length = points * 3;
    const before = clamp(Math.floor(moment), 0, frames - 1) * length;
    const after = Math.min(before + length, (frames - 1) * length);
    const share = moment - Math.floor(moment);
    for (const { where, now } of people)
      for (let i = 0; i < length; i++) now[i] = where[before + i] + (where[after + i] - where[before + i]) * share;
  }

  // --- State ----------------------------------------------------------------------------------

  const state = {
    moment: 0, // frames, with a fraction while playing
    playing: false,
    speed: 1,
    loop: true,
    follow: scene.camera.follow,
    contacts: true,
    theme: window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  };
  let view = null; // null where there is no WebGL
  let dirty = true;

  const shownFrame = () => clamp(Math.floor(state.moment + 1e-6), 0, frames - 1);

  function seek(frame) {
    state.moment = clamp(Math.round(Number(frame)) || 0, 0, frames - 1);
    refresh(true);
  }

  function refresh(jumped) {
    bringTo(state.moment);
    if (view) view.show(shownFrame(), jumped);
    showTime();
    dirty = true;
  }

  function play() {
    if (state.moment >= frames - 1) state.moment = 0;
    state.playing = frames > 1;
    showTime();
  }

  function pause() {
    state.playing = false;
    state.moment = shownFrame();
    refresh(false);
  }

  function advance(seconds) {
    state.moment += seconds * fps * state.speed;
    const jumped = state.moment > frames - 1;
    if (jumped && state.loop) state.moment %= Math.max(frames - 1, 1);
    else if (jumped) {
      state.moment = frames - 1;
      state.playing = false;
    }
    refresh(jumped);
  }

  // --- Words, timeline and controls -----------------------------------------------------------

  const clockText = (frame) => {
    const seconds = frame / fps;
    return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
  };
  const timeline = element("timeline");
  const head = document.createElement("div");
  const tracks = captions.map((spans, person) => {
    const row = make("track", timeline);
    const blocks = (spans.length ? spans : [{ start: 0, end: frames, text: "" }]).map((span) => {
      const block = make("segment", row);
      block.style.left = `${(span.start / frames) * 100}%`;
      block.style.width = `${((span.end - span.start) / frames) * 100}%`;
      return { ...span, block };
    });
    const done = make("done", row);
    for (const { text, block } of blocks) {
      const label = make("label", row); // above what shows the time that is done
      label.title = label.textContent = text;
      label.style.left = block.style.left;
      label.style.width = block.style.width;
    }
    for (const { frame, bad } of scene.seams[person])
      make(bad ? "seam bad" : "seam", row).style.left = `${(frame / frames) * 100}%`;
    return { row, blocks, done, here: null };
  });
  let wordsShown = null;

  function make(name, parent) {
    const made = document.createElement("div");
    made.className = name;
    parent.append(made);
    return made;
  }

  function buildTimeline() {
    head.id = "head";
    timeline.append(head);
    timeline.setAttribute("aria-valuemax", frames - 1);
    const fit = () =>
      tracks.forEach(({ row, blocks }) => {
        const room = timeline.clientWidth / blocks.length; // pixels
        row.classList.toggle("crowded", room < 24);
        row.classList.toggle("packed", room < 5);
      });
    window.addEventListener("resize", fit);
    fit();
  }

  let frameShown = -1;
  let playingShown = null;

  function showTime() {
    const frame = shownFrame();
    const reached = clamp(state.moment + (state.moment >= frames - 1 ? 1 : 0), 0, frames);
    const share = `${((reached / frames) * 100).toFixed(3)}%`;
    head.style.left = share;
    for (const { done } of tracks) done.style.setProperty("--done", share);
    if (state.playing !== playingShown) document.body.classList.toggle("playing", (playingShown = state.playing));
    if (frame === frameShown) return;
    frameShown = frame;
    for (const track of tracks) {
      const here = track.blocks.find(({ start, end }) => frame >= start && frame < end);
      if (here === track.here) continue;
      if (track.here) track.here.block.classList.remove("here");
      if (here && track.blocks.length > 1) here.block.classList.add("here");
      track.here = here;
    }
    element("clock").textContent = `${clockText(frame)} / ${clockText(frames)}`;
    timeline.setAttribute("aria-valuenow", frame);
    timeline.setAttribute("aria-valuetext", clockText(frame));
    const now = captions.map((spans) => spans.find((s) => frame >= s.start && frame < s.end));
    if (wordsShown && now.every((span, person) => span === wordsShown[person])) return;
    wordsShown = now;
    showWords(now);
  }

  function showWords(now) {
    const lines = now.flatMap((span, person) => {
      if (!span) return [];
      const line = document.createElement("p");
      if (captions.length > 1) {
        make("who", line).style.background = palettes[state.theme].people[person].left;
      }
      line.append(span.text);
      return [line];
    });
    element("words").replaceChildren(...lines);
  }

  function setTheme(theme) {
    state.theme = theme;
    const palette = palettes[theme];
    for (const name of ["sky", "floor", "panel", "text", "muted", "track", "accent", "seam", "bad"])
      document.documentElement.style.setProperty(`--${name}`, palette[name]);
    document.documentElement.style.colorScheme = theme;
    if (wordsShown) showWords(wordsShown);
    if (view) view.paint(palette);
    dirty = true;
  }

  function toggle(name) {
    state[name] = !state[name];
    const button = element(name);
    if (button) button.setAttribute("aria-pressed", state[name]);
    refresh(true);
  }

  function changeSpeed(step) {
    const choice = element("speed");
    choice.selectedIndex = clamp(choice.selectedIndex + step, 0, choice.options.length - 1);
    state.speed = Number(choice.value);
  }

  const actions = {
    " ": () => (state.playing ? pause() : play()),
    ArrowLeft: (event) => step(event.shiftKey ? -fps : -1),
    ArrowRight: (event) => step(event.shiftKey ? fps : 1),
    ",": () => toSegment(-1),
    ".": () => toSegment(1),
    Home: () => seek(0),
    End: () => seek(frames - 1),
    "[": () => changeSpeed(-1),
    "]": () => changeSpeed(1),
    l: () => toggle("loop"),
    f: () => toggle("follow"),
    c: () => toggle("contacts"),
    r: () => view && view.reset(),
    t: () => setTheme(state.theme === "dark" ? "light" : "dark"),
    "?": () => element("keys").showModal(),
  };

  function step(count) {
    state.playing = false;
    seek(shownFrame() + count);
  }

  // The segment before (its own start first) or after the moment shown, of the first person.
  function toSegment(direction) {
    const starts = captions[0].map(({ start }) => start);
    const frame = shownFrame();
    const next = direction > 0 ? starts.find((start) => start > frame) : starts.findLast((start) => start < frame);
    if (next !== undefined) seek(next);
  }

  function listen() {
    const buttons = { play: " ", back: "ArrowLeft", next: "ArrowRight", loop: "l", follow: "f", reset: "r", theme: "t", help: "?" };
    for (const [id, key] of Object.entries(buttons)) element(id).addEventListener("click", actions[key]);
    element("speed").addEventListener("change", (event) => (state.speed = Number(event.target.value)));
    element("follow").setAttribute("aria-pressed", state.follow);
    window.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.tagName === "SELECT" || element("keys").open) return;
      if (event.key === " " && event.target.tagName === "BUTTON") return; // it presses the button
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (actions[key]) actions[key](event);
      else if (/^[1-9]$/.test(key) && captions[0][key - 1]) seek(captions[0][key - 1].start);
      else return;
      event.preventDefault();
    });
    const scrub = (event) => {
      const box = timeline.getBoundingClientRect();
      state.playing = false;
      seek(Math.floor(((event.clientX - box.left) / box.width) * frames));
    };
    element("keys").addEventListener("click", (event) => {
      if (event.target === element("keys")) element("keys").close(); // beside the box
    });
    timeline.addEventListener("pointerdown", (event) => {
      timeline.setPointerCapture(event.pointerId);
      scrub(event);
    });
    timeline.addEventListener("pointermove", (event) => {
      if (timeline.hasPointerCapture(event.pointerId)) scrub(event);
    });
  }

  // --- Start ----------------------------------------------------------------------------------

  buildTimeline();
  listen();
  bringTo(0);
  try {
    view = window.createMotionView({ scene, people, canvas: element("view"), state });
  } catch (error) {
    console.info("motion player:", error.message);
    element("fallback").hidden = false;
    for (const id of ["follow", "reset"]) element(id).hidden = true;
  }
  setTheme(state.theme);
  refresh(true);

  if (!window.matchMedia("(prefers-reduced-motion: reduce)").matches) play();
  let last = null;
  let drawn = false;
  function tick(time) {
    const seconds = last === null ? 0 : Math.min((time - last) / 1000, 0.25);
    last = time;
    if (state.playing) advance(seconds);
    if (view) {
      dirty = view.update(seconds) || dirty;
      if (dirty) view.render();
    }
    dirty = false;
    if (!drawn) performance.mark("motion drawn"); // what benchmarks/viewer.py waits for
    drawn = true;
    requestAnimationFrame(tick);
  }
  requestAnimationFrame(tick);
  window.addEventListener("resize", () => {
    dirty = true;
  });

  window.motionPlayer = {
    frames,
    fps,
    jointNames,
    webgl: view !== null,
    get frame() {
      return shownFrame();
    },
    get playing() {
      return state.playing;
    },
    get caption() {
      return wordsShown.map((span) => (span ? span.text : ""));
    },
    seek(frame) {
      state.playing = false;
      seek(frame);
    },
    play,
    pause,
    setTheme,
    // Where a joint (index or name) is at a frame: [x, y, z] in metres.
    jointPosition(frame, joint, person = 0) {
      const index = typeof joint === "string" ? jointNames.indexOf(joint) : joint;
      return [0, 1, 2].map((axis) => coordinate(person, frame, index, axis));
    },
    // Where a joint is seen now: [x, y] in CSS pixels from the canvas's upper left corner.
    screenPosition(joint, person = 0) {
      const index = typeof joint === "string" ? jointNames.indexOf(joint) : joint;
      return view && view.screenPosition(people[person].now.subarray(index * 3, index * 3 + 3));
    },
  };
})();
