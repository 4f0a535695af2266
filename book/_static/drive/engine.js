/* V's decoder, M and C in plain JavaScript. One self-contained function, so that a page opened from disk can hand its
   text to a worker. Every array is a Float32Array, row by row, in Keras' layout unless a comment says otherwise. Sizes are
   those of the arrays: another game is other weights. */
function dreamEngine() {
  "use strict";
  const VERSION = 2;

  function half(bits) { // float16 to a number
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
  }

  // A file's numbers by name. Throws one sentence that says what is wrong with it.
  function unpack(name, file) {
    const redo = "Copy book/_static/drive again, or write it anew with `wmbook drive`.";
    if (!file) throw new Error(`The file ${name}.js is missing or cut short. ${redo}`);
    if (file.version !== VERSION)
      throw new Error(`The file ${name}.js has version ${file.version}, this page reads ${VERSION}. ${redo}`);
    let text;
    try { text = atob(file.data); } catch { text = ""; }
    if (text.length !== file.bytes) throw new Error(`The file ${name}.js is cut short. ${redo}`);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const arrays = {};
    for (const [key, { type, shape, offset }] of Object.entries(file.arrays)) {
      const size = shape.reduce((a, b) => a * b, 1);
      arrays[key] = type === "uint8" ? bytes.subarray(offset, offset + size)
        : Float32Array.from(new Uint16Array(bytes.buffer, offset, size), half);
    }
    return arrays;
  }

  // x W + b; W is (inputs, outputs).
  function dense(x, kernel, bias) {
    const outputs = bias.length, y = Float32Array.from(bias);
    for (let i = 0, at = 0; i < x.length; i++, at += outputs) {
      const value = x[i];
      if (value !== 0) for (let o = 0; o < outputs; o++) y[o] += value * kernel[at + o];
    }
    return y;
  }

  const relu = (x) => { for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0; return x; };
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  // Transposed convolution, stride 2: each input pixel paints a square of k x k outputs. The kernel is (ky, in, kx, out),
  // so that a row of the square, k pixels of all channels, lies together both in the kernel and in the picture.
  function paint(x, side, kernel, bias, k) {
    const outputs = bias.length, inputs = x.length / (side * side), width = 2 * side + k - 2, row = k * outputs;
    const y = new Float32Array(width * width * outputs);
    for (let p = 0; p < y.length; p += outputs) y.set(bias, p);
    const places = new Int32Array(inputs + 3), values = new Float32Array(inputs + 3);
    for (let v = 0; v < side; v++) for (let u = 0; u < side; u++) {
      let count = 0; // most inputs are zero after the ReLU: leave them out, and take the others four at a time
      for (let i = 0, at = (v * side + u) * inputs; i < inputs; i++)
        if (x[at + i] !== 0) { places[count] = i * row; values[count++] = x[at + i]; }
      while (count % 4) { places[count] = 0; values[count++] = 0; }
      for (let ky = 0; ky < k; ky++) {
        const to = ((2 * v + ky) * width + 2 * u) * outputs, from = ky * inputs * row;
        for (let i = 0; i < count; i += 4) {
          const a = values[i], b = values[i + 1], c = values[i + 2], d = values[i + 3];
          const A = from + places[i], B = from + places[i + 1], C = from + places[i + 2], D = from + places[i + 3];
          for (let o = 0; o < row; o++)
            y[to + o] += a * kernel[A + o] + b * kernel[B + o] + c * kernel[C + o] + d * kernel[D + o];
        }
      }
    }
    return y;
  }

  // z to a picture (64, 64, 3) in [0, 1].
  function decode(w, z) {
    let x = relu(dense(z, w["seed/kernel"], w["seed/bias"])); // 5 x 5 x 128
    x = relu(paint(x, 5, w["deconv2/kernel"], w["deconv2/bias"], 5)); // 13 x 13 x 64
    x = relu(paint(x, 13, w["deconv3/kernel"], w["deconv3/bias"], 6)); // 30 x 30 x 32
    return paint(x, 30, w["deconv4/kernel"], w["deconv4/bias"], 6).map(sigmoid);
  }

  // One step of the LSTM; gates in Keras' order i, f, g, o. Returns the new [h, c].
  function remember(w, z, action, h, c) {
    const size = h.length, gates = dense([...z, ...action], w["lstm/kernel"], w["lstm/bias"]);
    const before = dense(h, w["lstm/recurrent_kernel"], new Float32Array(4 * size));
    const newH = new Float32Array(size), newC = new Float32Array(size);
    for (let u = 0; u < size; u++) {
      const gate = (g) => gates[g * size + u] + before[g * size + u];
      newC[u] = sigmoid(gate(1)) * c[u] + sigmoid(gate(0)) * Math.tanh(gate(2));
      newH[u] = sigmoid(gate(3)) * Math.tanh(newC[u]);
    }
    return [newH, newC];
  }

  // What M expects after h: the mixture's raw outputs (3, mixtures, latent size), the reward, the probability of the end.
  function predict(w, h) {
    return {
      mixture: dense(h, w["mixture/kernel"], w["mixture/bias"]),
      reward: dense(h, w["reward/kernel"], w["reward/bias"])[0],
      end: sigmoid(dense(h, w["done/kernel"], w["done/bias"])[0]),
    };
  }

  // Draw z: the logits divided by tau, the noise times its root. Also the mean entropy of pi at this tau, in nats.
  function sample(mixture, size, tau, random) {
    const count = mixture.length / (3 * size), z = new Float32Array(size);
    let entropy = 0;
    for (let d = 0; d < size; d++) {
      let peak = -Infinity, total = 0, chosen = 0;
      for (let k = 0; k < count; k++) peak = Math.max(peak, mixture[k * size + d] / tau);
      const pi = [];
      for (let k = 0; k < count; k++) total += pi[k] = Math.exp(mixture[k * size + d] / tau - peak);
      let left = random() * total;
      for (let k = 0; k < count; k++) { const p = pi[k] / total; if (p > 1e-12) entropy -= p * Math.log(p) / size; }
      while (chosen < count - 1 && (left -= pi[chosen]) >= 0) chosen++;
      const mu = mixture[(count + chosen) * size + d], sigma = Math.exp(mixture[(2 * count + chosen) * size + d]);
      z[d] = mu + sigma * Math.sqrt(tau) * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    }
    return { z, entropy };
  }

  // C: a linear map of [z, h]; W (inputs, actions), then b (actions). A car's three are steer, gas and brake.
  function act(w, z, h) {
    const x = [...z, ...h], end = w.controller.length / (x.length + 1) * x.length;
    const y = dense(x, w.controller.subarray(0, end), w.controller.subarray(end)).map(Math.tanh);
    return y.length === 3 ? [y[0], (y[1] + 1) / 2, Math.max(0, y[2])] : [...y];
  }

  // Uniform numbers from a seed (mulberry32).
  function randomFrom(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  // A dream that begins in a stored state.
  function begin(w, number, seed) {
    const count = w["start/h"].length / (w["lstm/bias"].length / 4);
    const row = (name) => {
      const size = w[name].length / count;
      return w[name].slice(number * size, (number + 1) * size);
    };
    return { z: row("start/z"), h: row("start/h"), c: row("start/c"), random: randomFrom(seed), score: 0, steps: 0 };
  }

  // C (action null) or the reader acts, M answers: the dream one step on, and what can be read from it.
  function step(w, dream, action, tau) {
    action ??= act(w, dream.z, dream.h);
    [dream.h, dream.c] = remember(w, dream.z, action, dream.h, dream.c);
    const { mixture, reward, end } = predict(w, dream.h), { z, entropy } = sample(mixture, dream.z.length, tau, dream.random);
    dream.z = z;
    dream.score += reward;
    dream.steps++;
    const [speed, heading] = dense([...z, ...dream.h], w["readout/kernel"], w["readout/bias"]);
    return { action, reward, end, entropy, speed, heading, score: dream.score, steps: dream.steps };
  }

  return { VERSION, unpack, decode, remember, predict, sample, act, begin, step };
}
if (typeof module !== "undefined") module.exports = dreamEngine;
