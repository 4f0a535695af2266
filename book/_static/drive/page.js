/* The page: buttons, keys, canvases. What is computed is computed in the worker. */
(() => {
  "use strict";
  const root = document.getElementById("drive"), here = document.currentScript.src.replace(/[^/]*$/, "");
  if (!root) return;
  const $ = (name) => root.querySelector(`[data-part="${name}"]`);
  const WORLDS = [["vae-zh", "VAE"], ["vaegan-zh", "VAE/GAN"]]; // files of `wmbook drive`, and their names here
  const FIRST = 2; // the start shown first: the middle of a drive
  const STEP = 40; // ms between frames: half the speed of the world, which hands can follow
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let worker, running = false, ended = false, agent = false, start = FIRST, steer = 0, ticket = 0, shown = [];
  let beat = 0; // number of the loop that may go on; a loop that finds another number stops
  const waiting = new Map(), held = new Set();

  const say = (text) => { $("message").textContent = text; $("message").hidden = !text; };
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const paint = (canvas, rgba) => canvas.getContext("2d").putImageData(new ImageData(rgba, 64, 64), 0, 0);

  // --- the worker and its files --------------------------------------------------------------------------------------
  const ask = (task, more) => new Promise((resolve, reject) => {
    waiting.set(++ticket, { resolve, reject });
    worker.postMessage({ id: ticket, task, ...more });
  });
  const load = (file) => new Promise((resolve) => {
    const element = make("script", { src: `${here}${file}.js` });
    element.onload = element.onerror = () => resolve(globalThis.dreamFiles?.[file]);
    document.head.append(element);
  });

  async function open() {
    $("start").disabled = true;
    try {
      worker?.terminate();
      worker = new Worker(URL.createObjectURL(new Blob([`(${dreamWorker})((${dreamEngine})())`], { type: "text/javascript" })));
      worker.onmessage = ({ data }) => {
        const { resolve, reject } = waiting.get(data.id);
        waiting.delete(data.id);
        data.error ? reject(new Error(data.error)) : resolve(data);
      };
      const codes = {}; // of the playground's frames, in each world's numbers
      for (const [file, title] of WORLDS) {
        say(`Loading the world of the ${title} …`);
        codes[file] = (await ask("load", { name: file, file: await load(file) })).codes;
      }
      say("Loading the real frames …");
      const frames = dreamEngine().unpack("frames", await load("frames"));
      if (!$("world").length) furnish(frames, codes);
      root.classList.add("open");
      await again(!calm);
      if (calm) say("You have asked for less motion, so the dream waits: press Go on.");
    } catch (error) { say(error.message); $("start").disabled = false; }
  }

  function furnish(frames, codes) {
    for (const [value, textContent] of WORLDS) $("world").append(make("option", { value, textContent }));
    strip($("starts"), frames.start, (number) => `begin at real frame ${number + 1}`, (number) => { start = number; again(); }, FIRST);
    playground(frames.strip, codes);
  }

  // --- driving -------------------------------------------------------------------------------------------------------
  async function reset() {
    ended = false; steer = 0; say("");
    const seed = root.dataset.seed ? Number(root.dataset.seed) : Math.floor(2 ** 31 * Math.random());
    paint($("view"), (await ask("begin", { name: $("world").value, start, seed })).rgba);
    $("view").dataset.steps = 0;
    $("view").focus({ preventScroll: true });
  }
  async function again(on = true) {
    run(false);
    const mine = beat;
    await reset();
    if (mine === beat) run(on); // nothing else was pressed meanwhile
  }

  const tau = () => 2 ** Number($("tau").value); // each step of the slider is the same factor
  function action() {
    if (agent) return null;
    const wanted = held.has("right") - held.has("left");
    steer += Math.max(-0.2, Math.min(0.2, wanted - steer)); // a wheel takes five frames from the middle to the stop
    return [steer, held.has("up") ? 0.6 : 0, held.has("down") ? 0.6 : 0];
  }

  function run(on) {
    running = on && !ended;
    beat++;
    shown = [];
    $("pause").textContent = running ? "Pause" : "Go on";
    $("pause").disabled = ended;
    if (running) tick(beat);
  }

  async function tick(mine) {
    const began = performance.now();
    try {
      const seen = await ask("step", { action: action(), tau: tau() });
      if (mine !== beat) return;
      show(seen);
    } catch (error) { run(false); say(error.message); return; }
    setTimeout(() => { if (mine === beat) tick(mine); }, Math.max(0, STEP - (performance.now() - began)));
  }

  function show(seen) {
    const view = $("view"), now = performance.now();
    paint(view, seen.rgba);
    shown = [...shown.filter((time) => now - time < 2000), now];
    const fps = shown.length > 1 ? (shown.length - 1) / (now - shown[0]) * 1000 : 0;
    Object.assign(view.dataset, { steps: seen.steps, heading: seen.heading, fps, milliseconds: seen.milliseconds });
    const degrees = Math.round(seen.heading * 180 / Math.PI);
    const texts = {
      reward: seen.reward.toFixed(2), score: seen.score.toFixed(0), end: `${(100 * seen.end).toFixed(1)} %`,
      entropy: `${seen.entropy.toFixed(2)} nats`, speed: `${Math.max(0, seen.speed).toFixed(0)} m/s`,
      heading: degrees ? `${Math.abs(degrees)}° ${degrees > 0 ? "left" : "right"}` : "straight", fps: fps.toFixed(0),
      action: seen.action.map((value) => value.toFixed(1).replace("-0.0", "0.0")).join(" / "),
    };
    for (const [part, text] of Object.entries(texts)) $(part).textContent = text;
    if (seen.end > 0.5) { ended = true; run(false); say("M says that the episode ends here. Press Reset to dream again."); }
  }

  // --- pictures to choose from, and the playground -------------------------------------------------------------------
  function strip(place, pixels, name, chosen, first) {
    for (let number = 0; number < pixels.length / 12288; number++) {
      const canvas = make("canvas", { width: 64, height: 64 }), button = make("button", {}, canvas);
      const rgba = new Uint8ClampedArray(64 * 64 * 4).fill(255);
      for (let p = 0; p < 4096; p++) for (let k = 0; k < 3; k++) rgba[4 * p + k] = pixels[12288 * number + 3 * p + k];
      paint(canvas, rgba);
      button.setAttribute("aria-label", name(number));
      const press = () => { for (const other of place.children) other.setAttribute("aria-pressed", other === button); };
      button.onclick = () => { press(); chosen(number, rgba); };
      place.append(button);
      if (number === first) press();
    }
  }

  // One slider for each latent dimension in use, over a real frame; each world draws what its own numbers say.
  function playground(pixels, codes) {
    const panels = WORLDS.map(([file, title]) => {
      const { active, spread } = globalThis.dreamFiles[file], size = codes[file].length / (pixels.length / 12288);
      const canvas = make("canvas", { width: 64, height: 64 });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `The ${title}'s picture of the numbers set by its sliders`);
      canvas.dataset.part = `drawn-${file}`;
      root.querySelector(".pictures").append(make("div", {}, canvas, title));
      let z, drawing = false, stale = false;
      const draw = async () => {
        stale = true;
        if (drawing) return;
        drawing = true;
        while (stale) { stale = false; paint(canvas, (await ask("draw", { name: file, z })).rgba); }
        drawing = false;
      };
      const sliders = active.map((dimension, rank) => {
        const reach = Math.ceil(3 * spread[rank]); // three standard deviations over real frames
        const slider = make("input", { type: "range", min: -reach, max: reach, step: 0.05 });
        slider.setAttribute("aria-label", `${title}, latent dimension ${dimension}`);
        slider.oninput = () => { z[dimension] = Number(slider.value); draw(); };
        return make("label", {}, `z${dimension}`, slider);
      });
      $("sliders").append(make("div", {}, make("p", { textContent: title }), ...sliders));
      return (number) => {
        z = codes[file].slice(size * number, size * number + size);
        active.forEach((dimension, rank) => { sliders[rank].lastChild.value = z[dimension]; });
        draw();
      };
    });
    strip($("strip"), pixels, (number) => `real frame ${number + 1}`, (number, rgba) => {
      paint($("real"), rgba);
      for (const panel of panels) panel(number);
    });
    $("strip").firstChild.click();
  }

  // --- keys, buttons, sliders ----------------------------------------------------------------------------------------
  const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", a: "left", d: "right", w: "up", s: "down" };
  const named = (event) => KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const take = (on) => { agent = on; $("agent").setAttribute("aria-pressed", on); };
  const press = (key) => { held.add(key); take(false); };
  $("stage").addEventListener("keydown", (event) => {
    if (!named(event) || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    event.preventDefault(); // the page must not scroll
    press(named(event));
  });
  addEventListener("keyup", (event) => held.delete(named(event)));
  addEventListener("blur", () => held.clear());
  for (const button of root.querySelectorAll("[data-key]")) {
    button.addEventListener("pointerdown", (event) => { event.preventDefault(); press(button.dataset.key); });
    for (const kind of ["pointerup", "pointerleave", "pointercancel"])
      button.addEventListener(kind, () => held.delete(button.dataset.key));
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch is not a question
  }
  let interrupted = false;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { interrupted = running; run(false); } else if (interrupted) run(true);
  });
  $("start").onclick = open;
  $("pause").onclick = () => { say(""); run(!running); };
  $("agent").onclick = () => { take(!agent); if (!running) run(true); };
  $("reset").onclick = $("world").onchange = () => again();
  $("tau").oninput = () => { $("tau-value").textContent = tau().toFixed(2); };
  $("tau").addEventListener("pointerup", () => $("view").focus({ preventScroll: true })); // the arrow keys drive again
  $("tau").oninput();
  root.classList.add("ready");
})();
