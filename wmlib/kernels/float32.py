"""What a rollout computes most, in loops of its own: V's encoder, M's step and dreams, float32, one thread.

NumPy and TensorFlow reach about half of what a core can multiply when they convolve 64x64 pictures; these loops come
close to all of it. See :mod:`wmlib.kernels.tiles` for how, and why results are the same everywhere.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from wmlib.compiled import compiled
from wmlib.kernels.tiles import CHANNELS, exp, make_tile, sigmoid, tanh

GROUP = 12  # frames that share one reading of the weights: a multiple of 6; their pictures fit the second-level cache
LANES = 12  # lanes of one tile of M's step


# The encoder's layers: 64 -> 31 -> 14 -> 6 -> 2 pixels, 3 -> 32 -> 64 -> 128 -> 256 channels, patches of 4 x 4 pixels.
# Where the pixels of a tile begin in a layer's input and in its output, in float32 as in bytes:
PLACES = {
    "conv1": ([6 * p for p in range(11)], [32 * p for p in range(11)]),
    "conv2": ([64 * p for p in range(14)], [64 * p for p in range(14)]),
    "conv3": ([2 * 14 * 64 * y + 128 * x for y in range(2) for x in range(6)], [128 * p for p in range(12)]),
    "conv4": (
        [6 * 6 * 128 * n + 2 * 6 * 128 * y + 256 * x for n in range(3) for y in range(2) for x in range(2)],
        [256 * p for p in range(12)],
    ),
    "code": ([1024 * n for n in range(6)], [64 * n for n in range(6)]),
}
_conv1, _conv2, _conv3, _conv4 = (make_tile(*PLACES[f"conv{n}"], relu=True) for n in (1, 2, 3, 4))
_code = make_tile(*PLACES["code"])
_lanes = make_tile(list(range(LANES)), [CHANNELS * lane for lane in range(LANES)], step=LANES)


def encoder_buffers(latent: int) -> tuple[np.ndarray, ...]:
    """Working memory of :func:`encode_frames`: a picture, then the outputs of the five layers."""
    sizes = (64 * 64 * 3, 31 * 31 * 32, GROUP * 14 * 14 * 64, GROUP * 6 * 6 * 128, GROUP * 1024, GROUP * 2 * latent)
    return tuple(np.zeros(size, np.float32) for size in sizes)


@njit(inline="always")
def encode_heads(x, weights, bias, code, result):
    """The last layer: ``x`` (GROUP * 1024,) of at most GROUP frames to mu and log-variance, into ``result``."""
    size = len(result)
    for c in range(len(weights)):  # codes lie in pages of 64 numbers a frame
        weight, offset = weights.ctypes.data + 4 * 1024 * CHANNELS * c, bias.ctypes.data + 4 * CHANNELS * c
        for n in range(0, size, 6):
            place = 64 * (GROUP * (c // 2) + n) + CHANNELS * (c % 2)
            _code(x.ctypes.data + 4 * 1024 * n, weight, offset, code.ctypes.data + 4 * place, 1024, 1, 0)
    for page in range(len(weights) // 2):
        codes = code[64 * GROUP * page : 64 * GROUP * (page + 1)].reshape(GROUP, 64)
        result[:, 64 * page : 64 * (page + 1)] = codes[:size]


@compiled
def encode_frames(frames, weights, biases, buffers):
    """V's encoder: uint8 frames (n, 64, 64, 3) to float32 (n, 2 * latent), mu before log-variance.

    Args:
        weights: packed, of the four convolutions and of the two outputs side by side.
        biases: of the same five.
        buffers: :func:`encoder_buffers`; never shared between threads.
    """
    count = len(frames)
    result = np.empty((count, len(weights[4]) * CHANNELS), np.float32)
    picture, x1, x2, x3, x4, code = buffers
    w1, w2, w3, w4, w5 = weights
    b1, b2, b3, b4, b5 = biases
    picture_at, x1_at, x2_at, x3_at = picture.ctypes.data, x1.ctypes.data, x2.ctypes.data, x3.ctypes.data
    x4_at = x4.ctypes.data
    for first in range(0, count, GROUP):
        size = min(GROUP, count - first)
        for n in range(size):
            flat = frames[first + n].ravel()
            for i in range(flat.size):
                picture[i] = flat[i]
            for y in range(31):
                for x in (0, 10, 20):  # 11 pixels each; two are computed twice
                    source, target = picture_at + 4 * (2 * y * 192 + 6 * x), x1_at + 4 * 32 * (31 * y + x)
                    _conv1(source, w1.ctypes.data, b1.ctypes.data, target, 12, 4, 192)
            for c in range(2):
                weight, bias = w2.ctypes.data + 4 * 512 * CHANNELS * c, b2.ctypes.data + 4 * CHANNELS * c
                for y in range(14):
                    target = x2_at + 4 * (14 * 14 * 64 * n + 14 * 64 * y + CHANNELS * c)
                    _conv2(x1_at + 4 * 2 * y * 31 * 32, weight, bias, target, 128, 4, 31 * 32)
        for c in range(4):
            weight, bias = w3.ctypes.data + 4 * 1024 * CHANNELS * c, b3.ctypes.data + 4 * CHANNELS * c
            for n in range(size):
                for y in range(3):  # two rows of pixels each
                    source = x2_at + 4 * (14 * 14 * 64 * n + 4 * y * 14 * 64)
                    _conv3(
                        source,
                        weight,
                        bias,
                        x3_at + 4 * (6 * 6 * 128 * n + 12 * 128 * y + CHANNELS * c),
                        256,
                        4,
                        14 * 64,
                    )
        for c in range(8):
            weight, bias = w4.ctypes.data + 4 * 2048 * CHANNELS * c, b4.ctypes.data + 4 * CHANNELS * c
            for n in range(0, size, 3):  # three frames each; what lies behind the last frame is computed and ignored
                _conv4(
                    x3_at + 4 * 6 * 6 * 128 * n, weight, bias, x4_at + 4 * (1024 * n + CHANNELS * c), 512, 4, 6 * 128
                )
        encode_heads(x4, w5, b5, code, result[first : first + size])
    return result


@njit(inline="always")
def _stack(x, columns, row):
    """Copy x (lanes, n) to rows ``row`` to ``row + n`` of columns (groups, rows, LANES)."""
    for lane in range(len(x)):
        group = columns[lane // LANES]
        for i in range(x.shape[1]):
            group[row + i, lane % LANES] = x[lane, i]


@compiled  # no test for division by zero: loops become vectors
def lstm_step(z, a, h, c, weights, bias, new_h, new_c):
    """One step of an LSTM for any number of lanes, into ``new_h`` and ``new_c`` (lanes, hidden), float32.

    ``weights`` (4 * blocks, inputs, 32) and ``bias`` (4 * blocks, 32): for each block of 32 units the input, forget,
    candidate and output gates in turn.
    """
    lanes, inputs, hidden = len(z), weights.shape[1], h.shape[1]
    gates = np.empty((4, LANES, CHANNELS), np.float32)
    columns = np.zeros((-(-lanes // LANES), inputs, LANES), np.float32)  # a tile reads one number of all its lanes
    _stack(z, columns, 0)
    _stack(a, columns, z.shape[1])
    _stack(h, columns, z.shape[1] + a.shape[1])
    for block in range(-(-hidden // CHANNELS)):
        units = min(CHANNELS, hidden - block * CHANNELS)
        for group in range(len(columns)):
            for gate in range(4):
                b = 4 * block + gate
                source, target = columns[group].ctypes.data, gates[gate].ctypes.data
                _lanes(source, weights[b].ctypes.data, bias[b].ctypes.data, target, inputs, 1, 0)
            for i in range(min(LANES, lanes - group * LANES)):
                lane = group * LANES + i
                for u in range(units):
                    unit = block * CHANNELS + u
                    memory = sigmoid(gates[1, i, u]) * c[lane, unit] + sigmoid(gates[0, i, u]) * tanh(gates[2, i, u])
                    new_c[lane, unit] = memory
                    new_h[lane, unit] = sigmoid(gates[3, i, u]) * tanh(memory)


@compiled
def sample_heads(h, weights, bias, tau, random, z, reward, done):
    """Draw the next z (lanes, latent) at temperature tau, predict reward and done logit (lanes,), into the last three.

    ``weights`` (3 * mixtures * latent / 32 + 1, hidden, 32) and ``bias``: logits of all mixtures, means, log standard
    deviations; in the last block reward and done. ``random`` is a NumPy generator.
    """
    lanes, hidden = h.shape
    groups = z.shape[1] // CHANNELS  # of latent dimensions
    mixtures = (len(weights) - 1) // (3 * groups)
    columns = np.zeros((-(-lanes // LANES), hidden, LANES), np.float32)
    _stack(h, columns, 0)
    output = np.empty((len(columns), len(weights), LANES, CHANNELS), np.float32)
    for b in range(len(weights)):
        for group in range(len(columns)):
            source, target = columns[group].ctypes.data, output[group, b].ctypes.data
            _lanes(source, weights[b].ctypes.data, bias[b].ctypes.data, target, hidden, 1, 0)
    cool, scale = np.float32(1 / tau), np.float32(np.sqrt(tau))
    pi = np.empty((mixtures, CHANNELS), np.float32)
    total, noise = np.empty(CHANNELS, np.float32), np.empty(CHANNELS, np.float32)
    for lane in range(lanes):
        head = output[lane // LANES, :, lane % LANES]  # (blocks, 32)
        reward[lane], done[lane] = head[3 * mixtures * groups, 0], head[3 * mixtures * groups, 1]
        for g in range(groups):
            logits = head[g : mixtures * groups : groups]  # (mixtures, 32)
            total[:] = logits[0]
            for k in range(1, mixtures):
                for d in range(CHANNELS):
                    total[d] = max(total[d], logits[k, d])
            for k in range(mixtures):
                for d in range(CHANNELS):
                    pi[k, d] = exp(cool * (logits[k, d] - total[d]))
            total[:] = 0
            for k in range(mixtures):
                for d in range(CHANNELS):
                    total[d] += pi[k, d]
            for d in range(CHANNELS):
                left, k = np.float32(random.random()) * total[d] - pi[0, d], 0
                while left >= 0 and k < mixtures - 1:
                    k += 1
                    left -= pi[k, d]
                noise[d] = scale * np.float32(random.standard_normal())
                total[d] = head[(2 * mixtures + k) * groups + g, d]
                z[lane, g * CHANNELS + d] = head[(mixtures + k) * groups + g, d]
            for d in range(CHANNELS):
                z[lane, g * CHANNELS + d] += exp(total[d]) * noise[d]


@compiled
def linear_layers(parameters, x, hidden, actions):
    """C for every lane, into actions (lanes, 3), or (lanes, 1) without bias; layout of parameters (lanes, P) as
    :mod:`wmlib.models.controller`."""
    inputs = x.shape[1]
    if actions.shape[1] == 1:
        for lane in range(len(x)):
            total = np.float32(0)
            for i in range(inputs):
                total += x[lane, i] * parameters[lane, i]
            actions[lane, 0] = tanh(total)
        return
    layer = np.empty(max(hidden, 1), np.float32)
    for lane in range(len(x)):
        row, source, size = parameters[lane], x[lane], inputs
        if hidden:
            layer[:] = row[inputs * hidden : (inputs + 1) * hidden]
            for i in range(inputs):
                for j in range(hidden):
                    layer[j] += source[i] * row[i * hidden + j]
            for j in range(hidden):
                layer[j] = tanh(layer[j])
            row, source, size = row[(inputs + 1) * hidden :], layer, hidden
        s0, s1, s2 = row[3 * size], row[3 * size + 1], row[3 * size + 2]
        for i in range(size):
            s0 += source[i] * row[3 * i]
            s1 += source[i] * row[3 * i + 1]
            s2 += source[i] * row[3 * i + 2]
        actions[lane, 0] = tanh(s0)
        actions[lane, 1] = (tanh(s1) + np.float32(1)) * np.float32(0.5)
        actions[lane, 2] = min(max(tanh(s2), np.float32(0)), np.float32(1))


@compiled
def dream(
    parameters,
    hidden_units,
    sees,
    weights,
    eyes,
    sight,
    tau,
    random,
    now,
    h,
    c,
    seen_h,
    seen_c,
    z,
    actions,
    rewards,
    done,
):
    """Steps of C and M in turn, ``rewards`` and ``done`` (steps, lanes) filled in.

    ``now`` (lanes, latent), ``h`` and ``c`` (lanes, hidden) are M's state, before and after. ``z`` (steps + 1, lanes,
    latent) and ``actions`` (steps, lanes, actions) are filled too if they are that long. C sees ``sees`` states of M:
    none, h, or c and h. They are ``seen_h`` and ``seen_c``: h and c themselves, or the state of another M that watches,
    whose LSTM has the weights and biases ``eyes``. Of z it sees ``sight[0] * z + sight[1]``.
    """
    apart = seen_h.ctypes.data != h.ctypes.data
    lstm_weights, lstm_bias, head_weights, head_bias = weights
    lanes, latent = now.shape
    hidden = h.shape[1]
    new_h, new_c = np.empty_like(h), np.empty_like(c)
    action = np.empty((lanes, actions.shape[2]), np.float32)
    seen = np.empty((lanes, latent + sees * hidden), np.float32)
    for t in range(len(rewards)):
        for lane in range(lanes):
            for d in range(latent):
                seen[lane, d] = sight[0, d] * now[lane, d] + sight[1, d]
        if sees == 2:
            seen[:, latent : latent + hidden] = seen_c
        if sees:
            seen[:, latent + (sees - 1) * hidden :] = seen_h
        linear_layers(parameters, seen, hidden_units, action)
        lstm_step(now, action, h, c, lstm_weights, lstm_bias, new_h, new_c)
        h[:], c[:] = new_h, new_c
        if apart:
            lstm_step(now, action, seen_h, seen_c, eyes[0], eyes[1], new_h, new_c)
            seen_h[:], seen_c[:] = new_h, new_c
        sample_heads(h, head_weights, head_bias, tau, random, now, rewards[t], done[t])
        if len(z) > t + 1:
            actions[t] = action
            z[t + 1] = now
