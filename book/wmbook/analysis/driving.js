// Measures what book/drive.md says of the dream, with the page's own engine, as JSON:
//   node book/wmbook/analysis/driving.js > book/results/drive.json
const fs = require("fs"), path = require("path"), vm = require("vm");
const folder = path.join(__dirname, "../../_static/drive"), engine = require(path.join(folder, "engine.js"))();
const STARTS = [2, 3, 4, 5], SEEDS = [1, 2]; // the starts in the middle of a drive; a dream for each pair
const HELD = 15; // steps that a key is held, at temperature 0.5
const HEATS = [1 / 16, 1, 4, 16]; // from end to end of the page's slider
const STEPS = 100, BACK = 50; // of the agent at each temperature, then at 0.5
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const round = (value) => Number(value.toFixed(3));
const pairs = STARTS.flatMap((start) => SEEDS.map((seed) => [start, seed]));

const apart = (a, b) => mean(a.map((value, i) => Math.abs(value - b[i]))); // of a pixel in [0, 1]

// Pixels that are road: grey of middle brightness.
function road(picture) {
  return Array.from({ length: 4096 }, (_, p) => {
    const [r, g, b] = picture.subarray(3 * p, 3 * p + 3);
    return Math.max(r, g, b) - Math.min(r, g, b) < 0.1 && r > 0.25 && r < 0.6;
  });
}

// Where the road lies ahead of the car, left (-1), straight or right (1) held: its mean column in the upper half.
function steering(w) {
  const columns = pairs.map(([start, seed]) => [-1, 0, 1].map((wheel) => {
    const dream = engine.begin(w, start, seed);
    for (let t = 1; t <= HELD; t++) engine.step(w, dream, [wheel * Math.min(1, 0.2 * t), 0, 0], 0.5);
    return mean(road(engine.decode(w, dream.z)).slice(0, 2048).flatMap((on, p) => (on ? [p % 64] : [])));
  }));
  return {
    dreams: columns.length,
    left_swings_right: columns.filter(([left, none]) => left > none).length,
    right_swings_left: columns.filter(([, none, right]) => right < none).length,
    pixels: round(mean(columns.map(([left, , right]) => left - right))),
  };
}

function heat(w, tau) {
  const dreams = pairs.map(([start, seed]) => {
    const dream = engine.begin(w, start, seed), changes = [], shares = [];
    for (let t = 10; t <= STEPS; t += 10) {
      for (let k = 0; k < 9; k++) engine.step(w, dream, null, tau);
      const before = engine.decode(w, dream.z);
      engine.step(w, dream, null, tau);
      const after = engine.decode(w, dream.z);
      changes.push(apart(before, after));
      if (t === STEPS / 2) dream.middle = after;
      if (t > STEPS / 2) shares.push(mean(road(after)));
    }
    for (let k = 0; k < BACK; k++) engine.step(w, dream, null, 0.5);
    const back = mean(road(engine.decode(w, dream.z)));
    return { change: mean(changes), road: mean(shares), road_back: back, middle: dream.middle };
  });
  const same = dreams.flatMap((one, i) => (i % SEEDS.length ? [apart(one.middle, dreams[i - 1].middle)] : []));
  const over = (key) => round(mean(dreams.map((one) => one[key])));
  return {
    tau, dreams: dreams.length,
    change: over("change"), // between neighbouring frames
    between: round(mean(same)), // two dreams of one start, half-way
    road: over("road"), road_back: over("road_back"), // share of the picture
  };
}

const record = { megabytes: 0, worlds: {} };
for (const file of fs.readdirSync(folder)) record.megabytes += fs.statSync(path.join(folder, file)).size / 1e6;
record.megabytes = round(record.megabytes);
for (const name of ["vae-zh", "vaegan-zh"]) {
  vm.runInThisContext(fs.readFileSync(path.join(folder, `${name}.js`), "utf8"));
  const file = globalThis.dreamFiles[name], w = engine.unpack(name, file);
  const [speed, heading] = file.r2;
  record.worlds[name] = { r2: { speed, heading }, steering: steering(w), heat: HEATS.map((tau) => heat(w, tau)) };
}
console.log(JSON.stringify(record, null, 2));
