"""The loss of M and its gradient, in compiled loops: backpropagation through time without a graph.

The same numbers as TensorFlow's automatic differentiation of the losses in :mod:`wmlib.models.mdnrnn` (a test holds
that), several times faster: a recurrent step is too small a job for a framework that starts each operation anew.

Every array of activations is kept in blocks of 32 channels, (blocks, tokens, 32); token ``t * lanes + lane`` is lane's
step t. Then all products, forward and backward, are the same register tile.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from wmlib.compiled import compiled
from wmlib.kernels.tiles import CHANNELS, exp, make_tile, pack, sigmoid, tanh

TILE = 8  # tokens, or rows of a weight gradient, of one tile
PARTS = 2  # each batch is split so for parallel work; the result does not depend on the number of threads
CHUNK = 64  # tokens of a weight gradient whose numbers stay in the first-level cache

_tokens = make_tile([CHANNELS * p for p in range(TILE)], [CHANNELS * p for p in range(TILE)])
_products = make_tile(list(range(TILE)), [CHANNELS * p for p in range(TILE)], step=CHANNELS, add=True)


@njit(inline="always")
def _multiply(x, x_token, weights, bias, out, out_token, count):
    """out[:, out_token : + count] = x[:, x_token : + count] times packed weights, plus bias (blocks, 32)."""
    rows, row = len(x), x.shape[1] * CHANNELS
    for block in range(len(weights)):
        weight, offset = weights[block].ctypes.data, bias[block].ctypes.data
        source, target = x.ctypes.data + 4 * CHANNELS * x_token, out[block].ctypes.data + 4 * CHANNELS * out_token
        for token in range(0, count, TILE):
            at = 4 * CHANNELS * token
            _tokens(source + at, weight, offset, target + at, CHANNELS, rows, row)


@njit(inline="always")
def _weight_gradient(x, x_token, dy, gradient, dbias):
    """gradient (packed) = transposed x[:, x_token:] times dy; dbias (blocks, 32) = dy summed over its tokens."""
    tokens = dy.shape[1]
    gradient[:] = 0
    for first in range(0, tokens, CHUNK):
        count = min(CHUNK, tokens - first)
        for block in range(len(dy)):
            factor = dy[block].ctypes.data + 4 * CHANNELS * first
            for row in range(len(x)):
                source, target = x[row].ctypes.data + 4 * CHANNELS * (x_token + first), gradient[block].ctypes.data
                for k in range(0, CHANNELS, TILE):
                    place = target + 4 * CHANNELS * (row * CHANNELS + k)
                    _products(source + 4 * k, factor, factor, place, count, 1, 0)
    for block in range(len(dy)):
        dbias[block] = 0
        for token in range(tokens):
            for u in range(CHANNELS):
                dbias[block, u] += dy[block, token, u]


@compiled
def _heads(output, z_next, reward, done, lanes, mixtures, scale, reward_share, done_weight, losses):
    """Replace M's outputs (blocks, tokens, 32) by the gradient of the loss; add up the three losses."""
    steps = z_next.shape[1]
    width = output.shape[1] // steps
    groups = z_next.shape[2] // CHANNELS  # of latent dimensions
    p, r = np.empty((mixtures, CHANNELS), np.float32), np.empty((mixtures, CHANNELS), np.float32)
    deviation, inverse = np.empty((mixtures, CHANNELS), np.float32), np.empty((mixtures, CHANNELS), np.float32)
    top, peak = np.empty(CHANNELS, np.float32), np.empty(CHANNELS, np.float32)
    p_sum, r_sum = np.empty(CHANNELS, np.float32), np.empty(CHANNELS, np.float32)
    one, half = np.float32(1), np.float32(0.5)
    each = np.float32(scale / z_next.shape[2])
    for t in range(steps):
        for lane in range(width):
            token = t * width + lane
            if lane >= lanes:
                output[:, token] = 0
                continue
            for g in range(groups):
                z = z_next[lane, t, g * CHANNELS : (g + 1) * CHANNELS]
                logits = output[g : mixtures * groups : groups, token]  # (mixtures, 32), and so the others
                means = output[mixtures * groups + g : 2 * mixtures * groups : groups, token]
                log_sigmas = output[2 * mixtures * groups + g : 3 * mixtures * groups : groups, token]
                top[:] = logits[0]
                for k in range(1, mixtures):
                    for d in range(CHANNELS):
                        top[d] = max(top[d], logits[k, d])
                p_sum[:] = 0
                peak[:] = -1e30
                for k in range(mixtures):
                    for d in range(CHANNELS):
                        log_sigma = log_sigmas[k, d]
                        logit = logits[k, d] - top[d]
                        inverse[k, d] = exp(-log_sigma)
                        deviation[k, d] = (z[d] - means[k, d]) * inverse[k, d]
                        p[k, d] = exp(logit)
                        p_sum[d] += p[k, d]
                        r[k, d] = logit - log_sigma - half * deviation[k, d] * deviation[k, d]
                        peak[d] = max(peak[d], r[k, d])
                r_sum[:] = 0
                for k in range(mixtures):
                    for d in range(CHANNELS):
                        r[k, d] = exp(r[k, d] - peak[d])
                        r_sum[d] += r[k, d]
                for d in range(CHANNELS):
                    losses[0] += math.log(p_sum[d] / r_sum[d]) - peak[d]
                for k in range(mixtures):
                    for d in range(CHANNELS):
                        share = each * r[k, d] / r_sum[d]
                        logits[k, d] = each * p[k, d] / p_sum[d] - share
                        means[k, d] = -share * deviation[k, d] * inverse[k, d]
                        log_sigmas[k, d] = share * (one - deviation[k, d] * deviation[k, d])
            last = output[3 * mixtures * groups, token]
            error, logit, end = last[0] - reward[lane, t], last[1], done[lane, t]
            losses[1] += error * error
            weight = one + (done_weight - one) * end
            losses[2] += (one - end) * logit + weight * (math.log1p(math.exp(-abs(logit))) + max(-logit, 0.0))
            last[:] = 0
            last[0] = 2 * error * scale * reward_share
            last[1] = scale * ((one - end) - weight * (one - sigmoid(logit)))


@compiled
def _part(x, z_next, reward, done, constants, weights, work, gradients, losses):
    """Loss and gradient of some lanes; see :class:`MemoryGradient` for the arguments."""
    mixtures, scale, reward_share, done_weight = constants
    lstm, lstm_bias, recurrent_back, head, head_bias, head_back, zero = weights
    seen, gates, c, output, dh, dh_back = work
    lanes, steps = x.shape[0], x.shape[1]
    width, hidden_blocks = gates.shape[1] // steps, len(c)
    input_blocks = len(seen) - hidden_blocks
    one = np.float32(1)
    for t in range(steps):  # seen: [z, a] of step t and h before it
        for lane in range(lanes):
            for i in range(x.shape[2]):
                seen[i // CHANNELS, t * width + lane, i % CHANNELS] = x[lane, t, i]
    seen[input_blocks:, :width] = 0
    c[:, :width] = 0
    for t in range(steps):
        now, after = t * width, (t + 1) * width
        _multiply(seen, now, lstm, lstm_bias, gates, now, width)
        for b in range(hidden_blocks):
            for token in range(now, after):
                for u in range(CHANNELS):
                    i, f = sigmoid(gates[b, token, u]), sigmoid(gates[hidden_blocks + b, token, u])
                    g, o = tanh(gates[2 * hidden_blocks + b, token, u]), sigmoid(gates[3 * hidden_blocks + b, token, u])
                    memory = f * c[b, token, u] + i * g
                    gates[b, token, u], gates[hidden_blocks + b, token, u] = i, f
                    gates[2 * hidden_blocks + b, token, u], gates[3 * hidden_blocks + b, token, u] = g, o
                    c[b, token + width, u] = memory
                    seen[input_blocks + b, token + width, u] = o * tanh(memory)
    h = seen[input_blocks:]
    _multiply(h, width, head, head_bias, output, 0, steps * width)
    _heads(output, z_next, reward, done, lanes, mixtures, scale, reward_share, done_weight, losses)
    _multiply(output, 0, head_back, zero, dh, 0, steps * width)
    dc = np.zeros((hidden_blocks, width, CHANNELS), np.float32)
    dh_back[:] = 0
    for t in range(steps - 1, -1, -1):
        for b in range(hidden_blocks):
            for lane in range(width):
                token = t * width + lane
                for u in range(CHANNELS):
                    i, f = gates[b, token, u], gates[hidden_blocks + b, token, u]
                    g, o = gates[2 * hidden_blocks + b, token, u], gates[3 * hidden_blocks + b, token, u]
                    squashed = tanh(c[b, token + width, u])
                    d_h = dh[b, token, u] + dh_back[b, lane, u]
                    d_c = dc[b, lane, u] + d_h * o * (one - squashed * squashed)
                    dc[b, lane, u] = d_c * f
                    gates[b, token, u] = d_c * g * i * (one - i)
                    gates[hidden_blocks + b, token, u] = d_c * c[b, token, u] * f * (one - f)
                    gates[2 * hidden_blocks + b, token, u] = d_c * i * (one - g * g)
                    gates[3 * hidden_blocks + b, token, u] = d_h * squashed * o * (one - o)
        _multiply(gates, t * width, recurrent_back, zero, dh_back, 0, width)
    _weight_gradient(seen, 0, gates, gradients[0], gradients[1])
    _weight_gradient(h, width, output, gradients[2], gradients[3])


class MemoryGradient:
    """Loss and gradient of M; keeps its working memory from batch to batch.

    Args:
        hidden, mixtures, latent: M's sizes; the last a multiple of 32.
        reward_share, done_weight: see :mod:`wmlib.models.mdnrnn`.

    Raises:
        ValueError: another size of z.
    """

    def __init__(self, hidden: int, mixtures: int, latent: int, reward_share: float, done_weight: float):
        if latent % CHANNELS:
            raise ValueError(f"{latent} latent dimensions: this kernel needs a multiple of {CHANNELS}")
        self.hidden, self.mixtures, self.latent = hidden, mixtures, latent
        self.constants = reward_share, done_weight
        self.blocks = -(-hidden // CHANNELS)
        self.work: list[tuple] = []

    def __call__(self, x, z_next, reward, done, *weights: np.ndarray) -> list[np.ndarray]:
        """Losses and gradients of a batch.

        Args:
            x: [z, a] (batch, time, 35); z_next: (batch, time, 32); reward, done: (batch, time); all float32.
            weights: kernel, recurrent kernel and bias of the LSTM, then kernel and bias of mixture, reward and done.

        Returns:
            nll, reward error and done cross-entropy as one array (3,), then the gradients in the order of the weights.
        """
        batch, steps = reward.shape
        self.input_blocks = -(-x.shape[2] // CHANNELS)
        packed = self._pack(weights)
        bounds = [round(part * batch / PARTS) for part in range(PARTS + 1)]
        self._allocate(max(b - a for a, b in zip(bounds, bounds[1:], strict=False)), steps)
        losses = np.zeros((PARTS, 3))
        reward_share, done_weight = (np.float32(value) for value in self.constants)
        constants = self.mixtures, np.float32(1 / (batch * steps)), reward_share, done_weight

        def part(index: int) -> None:
            rows = slice(bounds[index], bounds[index + 1])
            *work, gradients = self.work[index]
            arguments = (np.ascontiguousarray(array[rows]) for array in (x, z_next, reward, done))
            _part(*arguments, constants, packed, tuple(work), gradients, losses[index])

        with ThreadPoolExecutor(PARTS) as pool:
            list(pool.map(part, range(PARTS)))
        gradients = [sum(arrays) for arrays in zip(*(work[-1] for work in self.work), strict=True)]
        nll, reward_error, done_loss = losses.sum(0) / (batch * steps)
        nll = nll / self.latent + 0.5 * math.log(2 * math.pi)
        return [np.array([nll, reward_error, done_loss], np.float32), *self._unpack(gradients, x.shape[2])]

    def _allocate(self, lanes: int, steps: int) -> None:
        width = -(-lanes // TILE) * TILE
        tokens, blocks = width * steps, self.blocks
        inputs, outputs = self.input_blocks + blocks, 3 * self.mixtures * self.latent // CHANNELS + 1
        shapes = (inputs, tokens + width), (4 * blocks, tokens), (blocks, tokens + width), (outputs, tokens)
        shapes += (blocks, tokens), (blocks, width)
        if self.work and self.work[0][1].shape[1] == tokens and self.work[0][-2].shape[1] == width:
            return
        self.work = []
        for _ in range(PARTS):
            work = [np.zeros((*shape, CHANNELS), np.float32) for shape in shapes]
            gradients = (
                np.empty((4 * blocks, inputs * CHANNELS, CHANNELS), np.float32),
                np.empty((4 * blocks, CHANNELS), np.float32),
                np.empty((outputs, blocks * CHANNELS, CHANNELS), np.float32),
                np.empty((outputs, CHANNELS), np.float32),
            )
            self.work.append((*work, gradients))

    def _pack(self, weights: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Keras' arrays to packed blocks, hidden units and inputs filled up with zeros."""
        kernel, recurrent, bias, *heads = weights
        hidden, padded, outputs = self.hidden, self.blocks * CHANNELS, 3 * self.mixtures * self.latent
        lstm = np.zeros((self.input_blocks * CHANNELS + padded, 4, padded), np.float32)
        lstm[: len(kernel), :, :hidden] = kernel.reshape(-1, 4, hidden)
        lstm[self.input_blocks * CHANNELS :][:hidden, :, :hidden] = recurrent.reshape(-1, 4, hidden)
        lstm = lstm.reshape(len(lstm), -1)
        lstm_bias = np.zeros((4, padded), np.float32)
        lstm_bias[:, :hidden] = bias.reshape(4, hidden)
        head = np.zeros((padded + 1, outputs + CHANNELS), np.float32)
        head[:hidden, : outputs + 2] = np.concatenate(heads[0::2], axis=1)
        head[padded, : outputs + 2] = np.concatenate(heads[1::2])
        blocks = [array.reshape(-1, CHANNELS) for array in (lstm_bias, head[padded])]
        back = np.ascontiguousarray(lstm[self.input_blocks * CHANNELS :].T)
        zero = np.zeros((max(len(blocks[0]), len(blocks[1])), CHANNELS), np.float32)
        head = head[:padded]
        return pack(lstm), blocks[0], pack(back), pack(head), blocks[1], pack(np.ascontiguousarray(head.T)), zero

    def _unpack(self, gradients: list[np.ndarray], inputs: int) -> list[np.ndarray]:
        """Inverse of :meth:`_pack` for gradients; ``inputs`` is the size of [z, a]."""
        hidden, padded, outputs = self.hidden, self.blocks * CHANNELS, 3 * self.mixtures * self.latent
        lstm, lstm_bias, head, head_bias = gradients
        lstm = lstm.transpose(1, 0, 2).reshape(-1, 4, padded)[:, :, :hidden].reshape(-1, 4 * hidden)
        head = head.transpose(1, 0, 2).reshape(padded, -1)[:hidden]
        edges = 0, outputs, outputs + 1, outputs + 2
        parts = []
        for first, end in zip(edges, edges[1:], strict=False):
            parts += [head[:, first:end], head_bias.reshape(-1)[first:end]]
        bias = lstm_bias.reshape(4, padded)[:, :hidden].reshape(-1)
        recurrent = self.input_blocks * CHANNELS
        return [lstm[:inputs], lstm[recurrent : recurrent + hidden], bias, *parts]
