// The interactive player. It reads the scene from the page, draws the people with three.js and
// offers `window.motionPlayer` to scripts and tests. Positions are metres, y up.
"use strict";
(() => {
  const scene = JSON.parse(document.getElementById("scene").textContent);
  const { fps, frames, pointNames, jointNames, captions, palettes } = scene;
  const points = pointNames.length;
  const element = (id) => document.getElementById(id);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // --- The motion -----------------------------------------------------------------------------

  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
  const people = scene.people.map(({ root, offsets, scale, trail }) => ({
    root: new Float32Array(bytes(root)), // (frames, 3)
    offsets: new Int16Array(bytes(offsets)), // (frames, points, 3) from the root, in units of scale
    scale,
    trail: trail && new Float32Array(bytes(trail)), // (frames, 2) x and z on the floor, or null
    now: new Float32Array(points * 3), // where the body points are at the moment shown
  }));

  function coordinate(person, frame, point, axis) {
    const { root, offsets, scale } = people[person];
    return root[frame * 3 + axis] + offsets[(frame * points + point) * 3 + axis] * scale;
  }

  // Between frames, positions are interpolated linearly.
  function bringTo(moment) {
    const before = clamp(Math.floor(moment), 0, frames - 1);
    const after = Math.min(before + 1, frames - 1);
    const share = moment - before;
    people.forEach(({ root, offsets, scale, now }) => {
      const length = points * 3;
      for (let i = 0; i < length; i++) {
        const a = root[before * 3 + (i % 3)] + offsets[before * length + i] * scale;
        const b = root[after * 3 + (i % 3)] + offsets[after * length + i] * scale;
        now[i] = a + (b - a) * share;
      }
    });
  }

  // --- State ----------------------------------------------------------------------------------

  const state = {
    moment: 0, // frames, with a fraction while playing
    playing: false,
    speed: 1,
    loop: true,
    follow: scene.camera.follow,
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
  const segments = [];
  let wordsShown = null;

  function buildTimeline() {
    captions.forEach((spans) => {
      const track = document.createElement("div");
      track.className = "track";
      (spans.length ? spans : [{ start: 0, end: frames, text: "" }]).forEach((span) => {
        const block = document.createElement("div");
        const label = document.createElement("span");
        block.className = "segment";
        block.title = label.textContent = span.text;
        block.style.left = `${(span.start / frames) * 100}%`;
        block.style.width = `calc(${((span.end - span.start) / frames) * 100}% - ${span.end < frames ? 2 : 0}px)`;
        block.append(label);
        track.append(block);
        segments.push({ ...span, block });
      });
      timeline.append(track);
    });
    head.id = "head";
    timeline.append(head);
    timeline.setAttribute("aria-valuemax", frames - 1);
  }

  function showTime() {
    const frame = shownFrame();
    const reached = clamp(state.moment + (state.moment >= frames - 1 ? 1 : 0), 0, frames);
    segments.forEach(({ start, end, block }) => {
      block.style.setProperty("--done", clamp((reached - start) / (end - start), 0, 1));
      block.classList.toggle("here", frame >= start && frame < end);
    });
    head.style.left = `${(reached / frames) * 100}%`;
    element("clock").textContent = `${clockText(frame)} / ${clockText(frames)}`;
    timeline.setAttribute("aria-valuenow", frame);
    timeline.setAttribute("aria-valuetext", clockText(frame));
    document.body.classList.toggle("playing", state.playing);
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
        const mark = document.createElement("span");
        mark.className = "who";
        mark.style.background = palettes[state.theme].people[person].left;
        line.append(mark);
      }
      line.append(span.text);
      return [line];
    });
    element("words").replaceChildren(...lines);
  }

  function setTheme(theme) {
    state.theme = theme;
    const palette = palettes[theme];
    for (const name of ["sky", "floor", "panel", "text", "muted", "track", "accent"])
      document.documentElement.style.setProperty(`--${name}`, palette[name]);
    document.documentElement.style.colorScheme = theme;
    if (wordsShown) showWords(wordsShown);
    if (view) view.paint(palette);
    dirty = true;
  }

  function toggle(name) {
    state[name] = !state[name];
    element(name).setAttribute("aria-pressed", state[name]);
    refresh(true);
  }

  function changeSpeed(step) {
    const choice = element("speed");
    choice.selectedIndex = clamp(choice.selectedIndex + step, 0, choice.options.length - 1);
    state.speed = Number(choice.value);
  }

  const actions = {
    " ": () => (state.playing ? pause() : play()),
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    Home: () => seek(0),
    End: () => seek(frames - 1),
    "[": () => changeSpeed(-1),
    "]": () => changeSpeed(1),
    l: () => toggle("loop"),
    f: () => toggle("follow"),
    r: () => view && view.reset(),
    t: () => setTheme(state.theme === "dark" ? "light" : "dark"),
  };

  function step(count) {
    state.playing = false;
    seek(shownFrame() + count);
  }

  function listen() {
    const buttons = { play: " ", back: "ArrowLeft", next: "ArrowRight", loop: "l", follow: "f", reset: "r", theme: "t" };
    for (const [id, key] of Object.entries(buttons)) element(id).addEventListener("click", actions[key]);
    element("speed").addEventListener("change", (event) => (state.speed = Number(event.target.value)));
    element("follow").setAttribute("aria-pressed", state.follow);
    window.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.tagName === "SELECT") return;
      if (event.key === " " && event.target.tagName === "BUTTON") return; // it presses the button
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (actions[key]) actions[key]();
      else if (/^[1-9]$/.test(key) && captions[0][key - 1]) seek(captions[0][key - 1].start);
      else return;
      event.preventDefault();
    });
    const scrub = (event) => {
      const box = timeline.getBoundingClientRect();
      state.playing = false;
      seek(Math.floor(((event.clientX - box.left) / box.width) * frames));
    };
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
    view = window.createMotionView({ scene, people, canvas: element("view"), following: () => state.follow });
  } catch (error) {
    console.info("motion player:", error.message);
    element("fallback").hidden = false;
    element("tools").hidden = true;
  }
  setTheme(state.theme);
  refresh(true);

  if (!window.matchMedia("(prefers-reduced-motion: reduce)").matches) play();
  let last = null;
  function tick(time) {
    const seconds = last === null ? 0 : Math.min((time - last) / 1000, 0.25);
    last = time;
    if (state.playing) advance(seconds);
    if (view) {
      dirty = view.update(seconds) || dirty;
      if (dirty) view.render();
    }
    dirty = false;
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
