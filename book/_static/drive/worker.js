/* Runs the engine beside the page, so that the page stays responsive. Its text is handed to a Blob worker. */
function dreamWorker(engine) {
  "use strict";
  const worlds = {};
  let world, dream, clock = 0;
  const picture = (pixels) => {
    const rgba = new Uint8ClampedArray(64 * 64 * 4).fill(255);
    for (let p = 0; p < 4096; p++) for (let k = 0; k < 3; k++) rgba[4 * p + k] = 255 * pixels[3 * p + k];
    return rgba;
  };
  const tasks = {
    load({ name, file }) { worlds[name] = engine.unpack(name, file); return { codes: worlds[name]["strip/z"] }; },
    begin({ name, start, seed }) {
      world = worlds[name];
      dream = engine.begin(world, start, seed);
      return { rgba: picture(engine.decode(world, dream.z)) };
    },
    step({ action, tau }) {
      const began = performance.now(), seen = engine.step(world, dream, action, tau);
      const rgba = picture(engine.decode(world, dream.z));
      clock = performance.now() - began;
      return { ...seen, rgba, milliseconds: clock };
    },
    draw({ name, z }) { return { rgba: picture(engine.decode(worlds[name], z)) }; },
  };
  onmessage = ({ data }) => {
    try { postMessage({ id: data.id, ...tasks[data.task](data) }); }
    catch (error) { postMessage({ id: data.id, error: error.message }); }
  };
}
