/* The page: buttons, keys, canvases. What is computed is computed in the worker. */
(() => {
  "use strict";
  const root = document.getElementById("drive"), here = document.currentScript.src.replace(/[^/]*$/, "");
  if (!root) return;
  const $ = (name) => root.querySelector(`[data-part="${name}"]`);
  const WORLDS = [["vae-zh", "VAE"], ["vaegan-zh", "VAE/GAN"]];
  const STEP = 40; // ms between frames: half the speed of the world, which hands can follow
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let worker, frames, running = false, ended = false, agent = false, steer = 0, next = 0, ticket = 0, name = "vae-zh";
  let busy = false, shown = [];
  const waiting = new Map(), held = new Set();

  const say = (text) => { $("message").textContent = text; $("message").hidden = !text; };
  const ask = (task, more) => new Promise((resolve, reject) => {
    waiting.set(++ticket, { resolve, reject });
    worker.postMessage({ id: ticket, task, ...more });
  });
  const script = (file) => new Promise((resolve) => {
    const element = document.createElement("script");
    element.src = `${here}${file}.js`;
    element.onload = element.onerror = () => resolve(globalThis.dreamFiles?.[file]);
    document.head.append(element);
  });
  const paint = (canvas, rgba) => canvas.getContext("2d").putImageData(new ImageData(rgba, 64, 64), 0, 0);

  async function open() {
    $("start").disabled = true;
    say("Loading …");
    try {
      const blob = new Blob([`(${dreamWorker})((${dreamEngine})())`], { type: "text/javascript" });
      worker = new Worker(URL.createObjectURL(blob));
      worker.onmessage = ({ data }) => {
        const { resolve, reject } = waiting.get(data.id);
        waiting.delete(data.id);
        data.error ? reject(new Error(data.error)) : resolve(data);
      };
      for (const [file] of WORLDS) await ask("load", { name: file, file: await script(file) });
      frames = dreamEngine().unpack("frames", await script("frames"));
      root.classList.add("open");
      say("");
      playground();
      await reset();
      run(!calm);
      $("view").focus({ preventScroll: true });
    } catch (error) { say(error.message); $("start").disabled = false; }
  }

  async function reset() {
    ended = false; steer = 0; say("");
    const start = Number($("from").value);
    const seed = root.dataset.seed ? Number(root.dataset.seed) : Math.floor(2 ** 31 * Math.random());
    paint($("view"), (await ask("begin", { name, start, seed })).rgba);
    $("view").dataset.steps = 0;
  }

  function action() {
    if (agent) return null;
    const wanted = held.has("right") - held.has("left");
    steer += Math.max(-0.2, Math.min(0.2, wanted - steer)); // a wheel takes five frames from the middle to the stop
    return [steer, held.has("up") ? 0.6 : 0, held.has("down") ? 0.6 : 0];
  }

  async function tick() {
    if (!running) return;
    const began = performance.now();
    if (!busy) {
      busy = true;
      try { show(await ask("step", { action: action(), tau: Number($("tau").value) })); }
      catch (error) { say(error.message); run(false); }
      busy = false;
    }
    next = setTimeout(tick, Math.max(0, STEP - (performance.now() - began)));
  }

  function run(on) {
    running = on && !ended;
    clearTimeout(next);
    $("pause").textContent = running ? "Pause" : "Go on";
    if (running) tick();
  }

  function show(seen) {
    const view = $("view"), now = performance.now();
    paint(view, seen.rgba);
    shown = [...shown.filter((time) => now - time < 2000), now];
    const fps = shown.length > 1 ? (shown.length - 1) / (now - shown[0]) * 1000 : 0;
    Object.assign(view.dataset, { steps: seen.steps, heading: seen.heading, fps, milliseconds: seen.milliseconds });
    const degrees = seen.heading * 180 / Math.PI;
    const texts = {
      reward: seen.reward.toFixed(2), score: seen.score.toFixed(0), end: `${(100 * seen.end).toFixed(1)} %`,
      entropy: `${seen.entropy.toFixed(2)} nats`, speed: `${seen.speed.toFixed(0)} m/s`,
      heading: `${Math.abs(degrees).toFixed(0)}° ${degrees > 0 ? "left" : "right"}`, fps: fps.toFixed(0),
      action: seen.action.map((value) => value.toFixed(1)).join(" / "),
    };
    for (const [part, text] of Object.entries(texts)) $(part).textContent = text;
    if (seen.end > 0.5) { ended = true; run(false); say("M says that the episode ends here. Press Reset to dream again."); }
  }

  // One slider for each latent dimension in use, over a real frame; both worlds draw what theirs says.
  function playground() {
    for (const [file, title] of WORLDS) {
      const facts = globalThis.dreamFiles[file], panel = $(`sliders-${file}`), canvas = $(`drawn-${file}`);
      const codes = dreamEngine().unpack(file, facts)["strip/z"];
      let z, drawing = false, again = false;
      const draw = async () => {
        if (drawing) { again = true; return; }
        drawing = true;
        do { again = false; paint(canvas, (await ask("draw", { name: file, z })).rgba); } while (again);
        drawing = false;
      };
      const sliders = facts.active.map((dimension, rank) => {
        const label = document.createElement("label"), slider = document.createElement("input");
        label.textContent = `z${dimension}`;
        Object.assign(slider, { type: "range", min: -3, max: 3, step: 0.05 });
        slider.setAttribute("aria-label", `${title}, latent dimension ${dimension}`);
        slider.oninput = () => { z[dimension] = Number(slider.value); draw(); };
        label.append(slider);
        panel.append(label);
        return [dimension, slider];
      });
      root.addEventListener("frame", ({ detail }) => {
        z = codes.slice(32 * detail, 32 * detail + 32);
        for (const [dimension, slider] of sliders) slider.value = z[dimension];
        draw();
      });
    }
    const count = frames.strip.length / (64 * 64 * 3);
    for (let number = 0; number < count; number++) {
      const button = document.createElement("button"), canvas = document.createElement("canvas");
      canvas.width = canvas.height = 64;
      button.setAttribute("aria-label", `real frame ${number + 1}`);
      const rgba = new Uint8ClampedArray(64 * 64 * 4).fill(255);
      for (let p = 0; p < 4096; p++) for (let k = 0; k < 3; k++) rgba[4 * p + k] = frames.strip[12288 * number + 3 * p + k];
      paint(canvas, rgba);
      button.append(canvas);
      button.onclick = () => {
        for (const other of $("strip").children) other.setAttribute("aria-pressed", other === button);
        root.dispatchEvent(new CustomEvent("frame", { detail: number }));
      };
      $("strip").append(button);
    }
    $("strip").firstChild.click();
  }

  const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", a: "left", d: "right", w: "up", s: "down" };
  const press = (key, down) => {
    if (down) { held.add(key); take(false); } else held.delete(key);
  };
  const take = (on) => { agent = on; $("agent").setAttribute("aria-pressed", on); };
  for (const kind of ["keydown", "keyup"]) $("stage").addEventListener(kind, (event) => {
    const key = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!key || event.ctrlKey || event.metaKey || event.target.matches("input, select")) return;
    event.preventDefault(); event.stopPropagation();
    press(key, kind === "keydown");
  });
  for (const button of root.querySelectorAll("[data-key]")) {
    button.addEventListener("pointerdown", (event) => { event.preventDefault(); press(button.dataset.key, true); });
    for (const kind of ["pointerup", "pointerleave", "pointercancel"])
      button.addEventListener(kind, () => press(button.dataset.key, false));
  }
  addEventListener("blur", () => held.clear());
  document.addEventListener("visibilitychange", () => { if (document.hidden && worker) run(false); });
  $("start").onclick = open;
  $("pause").onclick = () => run(!running);
  $("agent").onclick = () => { take(!agent); if (!running) run(true); };
  $("reset").onclick = $("from").onchange = async () => { run(false); await reset(); run(true); $("view").focus(); };
  $("world").onchange = async () => { name = $("world").value; run(false); await reset(); run(true); };
  $("tau").oninput = () => { $("tau-value").textContent = Number($("tau").value).toFixed(2); };
  root.classList.add("ready");
})();
