// What the page's engine computes, as JSON: `node parity.js engine.js world.js input.json`. See test_parity.py.
const fs = require("fs"), vm = require("vm");
const [enginePath, worldPath, inputPath] = process.argv.slice(2);
const engine = require(require("path").resolve(enginePath))();
vm.runInThisContext(fs.readFileSync(worldPath, "utf8"));
const input = JSON.parse(fs.readFileSync(inputPath, "utf8")), [name, file] = Object.entries(globalThis.dreamFiles)[0];
const w = engine.unpack(name, file), memory = [];
let h = new Float32Array(256), c = new Float32Array(256);
for (let t = 0; t < input.actions.length; t++) {
  [h, c] = engine.remember(w, input.z[t], input.actions[t], h, c);
  memory.push({ h: [...h], ...engine.predict(w, h), act: engine.act(w, input.z[t], h) });
}
for (const step of memory) step.mixture = [...step.mixture];
const turned = [-1, 1].map((steer) => {
  const dream = engine.begin(w, 2, 1);
  let seen;
  for (let t = 0; t < 15; t++) seen = engine.step(w, dream, [steer, 0, 0], 0.5);
  return seen.heading;
});
const pictures = input.z.slice(0, 4).map((z) => [...engine.decode(w, Float32Array.from(z))]);
const began = performance.now();
for (let t = 0; t < 20; t++) engine.decode(w, Float32Array.from(input.z[t]));
console.log(JSON.stringify({ memory, pictures, turned, milliseconds: (performance.now() - began) / 20 }));
