"""What a rollout computes most, in loops of its own: V's encoder and M's step, float32, one thread.

NumPy and TensorFlow reach about half of what a core can multiply when they convolve 64x64 pictures. Here the inner
loop is written in the compiler's own language. One *tile* is a handful of output pixels (or lanes) times 32 output
channels: its sums live in registers, and every number read is used for 32 products. Products are added one after the
other with fused multiply-add, in an order that is part of the code, so the result has the same bits on every
processor, for every batch size and in every company.

Weights are packed as (output channels / 32, products, 32), so that a tile reads them front to back.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

CHANNELS = 32  # output channels of one tile: two registers of AVX-512
GROUP = 12  # frames that share one reading of the weights: a multiple of 6; their pictures fit the second-level cache
LANES = 12  # lanes of one tile of M's step
_FLOAT, _LONG = ir.FloatType(), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, 16)


def pack(kernel: np.ndarray) -> np.ndarray:
    """Weights (..., outputs) to (outputs / 32, products, 32)."""
    flat = kernel.reshape(-1, kernel.shape[-1] // CHANNELS, CHANNELS)
    return np.ascontiguousarray(flat.transpose(1, 0, 2), np.float32)


def make_tile(pixels: list[int], outputs: list[int], rows: int, row_stride: int, step: int, relu: bool):
    """Compile-time constants in, a function ``tile(x, w, bias, out, run)`` for Numba out; the first four are addresses.

    ``out[outputs[p] + c] = act(bias[c] + sum_{r, k} x[pixels[p] + r row_stride + k step] w[(r run + k) 32 + c])``
    for c < 32, r < rows, k < run. Offsets and distances count float32 numbers.

    Args:
        pixels: where each output pixel's patch begins in ``x``.
        outputs: where each output pixel begins in ``out``.
        rows: picture rows of a patch.
        row_stride: distance of two picture rows.
        step: distance of two numbers of the same row.
        relu: whether negative results become zero.
    """

    @intrinsic
    def tile(typing, x, w, bias, out, run):
        def generate(context, builder, signature, arguments):
            _emit_tile(builder, arguments, pixels, outputs, rows, row_stride, step, relu)
            return context.get_dummy_value()

        return types.void(*(types.intp,) * 5), generate

    return tile


def _emit_tile(b, arguments, pixels, outputs, rows, row_stride, step, relu):
    x, w, bias, out, run = arguments
    halves = range(CHANNELS // 16)
    kind = ir.FunctionType(_VECTOR, (_VECTOR,) * 3)
    fma = cgutils.get_or_insert_function(b.module, kind, "llvm.fma.v16f32")

    def at(address, offset, kind=_VECTOR):  # pointer to ``offset`` numbers behind an address
        return b.inttoptr(b.add(address, _LONG(4 * offset)), kind.as_pointer())

    def load(address, offset, kind=_VECTOR):
        return b.load(at(address, offset, kind), align=4, typ=kind)

    start = [load(bias, 16 * half) for _ in pixels for half in halves]
    before, body, after = b.block, b.append_basic_block("row"), b.append_basic_block("rows_done")
    inner, inner_done = b.append_basic_block("products"), b.append_basic_block("products_done")

    b.branch(body)
    b.position_at_end(body)  # for each row of the patch
    row = b.phi(_LONG)
    row_x, row_w = b.phi(_LONG), b.phi(_LONG)
    row_sums = [b.phi(_VECTOR) for _ in start]
    b.branch(inner)

    b.position_at_end(inner)  # for each number of the row
    k, x_k, w_k = b.phi(_LONG), b.phi(_LONG), b.phi(_LONG)
    sums = [b.phi(_VECTOR) for _ in start]
    weights = [load(w_k, 16 * half) for half in halves]
    updated = []
    for index, pixel in enumerate(pixels):
        lane = b.insert_element(ir.Constant(_VECTOR, ir.Undefined), load(x_k, pixel, _FLOAT), ir.IntType(32)(0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16)
        spread = b.shuffle_vector(lane, ir.Constant(_VECTOR, ir.Undefined), mask)
        updated += [b.call(fma, (spread, weights[half], sums[2 * index + half])) for half in halves]
    next_k, next_x, next_w = b.add(k, _LONG(1)), b.add(x_k, _LONG(4 * step)), b.add(w_k, _LONG(4 * CHANNELS))
    b.cbranch(b.icmp_signed("<", next_k, run), inner, inner_done)
    for phi, first, following in [
        (k, _LONG(0), next_k),
        (x_k, row_x, next_x),
        (w_k, row_w, next_w),
        *zip(sums, row_sums, updated, strict=True),
    ]:
        phi.add_incoming(first, body)
        phi.add_incoming(following, inner)

    b.position_at_end(inner_done)
    next_row, next_row_x = b.add(row, _LONG(1)), b.add(row_x, _LONG(4 * row_stride))
    b.cbranch(b.icmp_signed("<", next_row, _LONG(rows)), body, after)
    for phi, first, following in [
        (row, _LONG(0), next_row),
        (row_x, x, next_row_x),
        (row_w, w, next_w),
        *zip(row_sums, start, updated, strict=True),
    ]:
        phi.add_incoming(first, before)
        phi.add_incoming(following, inner_done)

    b.position_at_end(after)
    zero = ir.Constant(_VECTOR, [0.0] * 16)
    for index, offset in enumerate(outputs):
        for half in halves:
            value = updated[2 * index + half]
            if relu:
                value = b.select(b.fcmp_ordered(">", value, zero), value, zero)
            b.store(value, at(out, offset + 16 * half), align=4)


# The encoder's layers: 64 -> 31 -> 14 -> 6 -> 2 pixels, 3 -> 32 -> 64 -> 128 -> 256 channels, patches of 4 x 4 pixels.
_conv1 = make_tile([6 * p for p in range(11)], [32 * p for p in range(11)], 4, 64 * 3, 1, True)
_conv2 = make_tile([64 * p for p in range(14)], [64 * p for p in range(14)], 4, 31 * 32, 1, True)
_conv3 = make_tile(
    [2 * 14 * 64 * y + 128 * x for y in range(2) for x in range(6)], [128 * p for p in range(12)], 4, 14 * 64, 1, True
)
_conv4 = make_tile(
    [6 * 6 * 128 * n + 2 * 6 * 128 * y + 256 * x for n in range(3) for y in range(2) for x in range(2)],
    [256 * p for p in range(12)],
    4,
    6 * 128,
    1,
    True,
)
_code = make_tile([1024 * n for n in range(6)], [64 * n for n in range(6)], 1, 0, 1, False)
_lstm = make_tile(list(range(LANES)), [CHANNELS * lane for lane in range(LANES)], 1, 0, LANES, False)


def encoder_buffers() -> tuple[np.ndarray, ...]:
    """Working memory of :func:`encode_frames`: a picture, then the outputs of the five layers."""
    sizes = (64 * 64 * 3, 31 * 31 * 32, GROUP * 14 * 14 * 64, GROUP * 6 * 6 * 128, GROUP * 1024, GROUP * 64)
    return tuple(np.zeros(size, np.float32) for size in sizes)


@njit(cache=True, nogil=True)
def encode_frames(frames, weights, biases, buffers):
    """V's encoder: uint8 frames (n, 64, 64, 3) to float32 (n, 64), mu before log-variance.

    Args:
        weights: packed, of the four convolutions and of the two outputs side by side.
        biases: of the same five.
        buffers: :func:`encoder_buffers`; never shared between threads.
    """
    count = len(frames)
    result = np.empty((count, 64), np.float32)
    picture, x1, x2, x3, x4, code = buffers
    w1, w2, w3, w4, w5 = weights
    b1, b2, b3, b4, b5 = biases
    picture_at, x1_at, x2_at, x3_at = picture.ctypes.data, x1.ctypes.data, x2.ctypes.data, x3.ctypes.data
    x4_at, code_at = x4.ctypes.data, code.ctypes.data
    for first in range(0, count, GROUP):
        size = min(GROUP, count - first)
        for n in range(size):
            flat = frames[first + n].ravel()
            for i in range(flat.size):
                picture[i] = flat[i]
            for y in range(31):
                for x in (0, 10, 20):  # 11 pixels each; two are computed twice
                    source, target = picture_at + 4 * (2 * y * 192 + 6 * x), x1_at + 4 * 32 * (31 * y + x)
                    _conv1(source, w1.ctypes.data, b1.ctypes.data, target, 12)
            for c in range(2):
                weight, bias = w2.ctypes.data + 4 * 512 * CHANNELS * c, b2.ctypes.data + 4 * CHANNELS * c
                for y in range(14):
                    target = x2_at + 4 * (14 * 14 * 64 * n + 14 * 64 * y + CHANNELS * c)
                    _conv2(x1_at + 4 * 2 * y * 31 * 32, weight, bias, target, 128)
        for c in range(4):
            weight, bias = w3.ctypes.data + 4 * 1024 * CHANNELS * c, b3.ctypes.data + 4 * CHANNELS * c
            for n in range(size):
                for y in range(3):  # two rows of pixels each
                    source = x2_at + 4 * (14 * 14 * 64 * n + 4 * y * 14 * 64)
                    _conv3(source, weight, bias, x3_at + 4 * (6 * 6 * 128 * n + 12 * 128 * y + CHANNELS * c), 256)
        for c in range(8):
            weight, bias = w4.ctypes.data + 4 * 2048 * CHANNELS * c, b4.ctypes.data + 4 * CHANNELS * c
            for n in range(0, size, 3):  # three frames each; what lies behind the last frame is computed and ignored
                _conv4(x3_at + 4 * 6 * 6 * 128 * n, weight, bias, x4_at + 4 * (1024 * n + CHANNELS * c), 512)
        for c in range(2):
            weight, bias = w5.ctypes.data + 4 * 1024 * CHANNELS * c, b5.ctypes.data + 4 * CHANNELS * c
            for n in range(0, size, 6):
                _code(x4_at + 4 * 1024 * n, weight, bias, code_at + 4 * (64 * n + CHANNELS * c), 1024)
        result[first : first + size] = code.reshape(GROUP, 64)[:size]
    return result


@njit(inline="always", error_model="numpy")
def tanh(x):
    """Hyperbolic tangent as a ratio of polynomials, error below 4e-7: plain arithmetic, equal on every processor."""
    x = min(max(x, np.float32(-8.3)), np.float32(8.3))
    s = x * x
    p = np.float32(1.4649094323026986e-08)
    p = p * s + np.float32(2.15091174573103e-05)
    p = p * s + np.float32(0.0035492076904143966)
    p = p * s + np.float32(0.13425903205990858)
    p = p * s + np.float32(0.9999999907684779)
    q = np.float32(8.295456134046508e-07)
    q = q * s + np.float32(0.000337401295394132)
    q = q * s + np.float32(0.026080097163792264)
    q = q * s + np.float32(0.46759228073052056)
    q = q * s + np.float32(1.0)
    return x * p / q


@njit(inline="always", error_model="numpy")
def sigmoid(x):
    """Logistic function."""
    half = np.float32(0.5)
    return half * tanh(half * x) + half


@njit(cache=True, nogil=True, error_model="numpy")  # no test for division by zero: loops become vectors
def lstm_step(z, a, h, c, weights, bias, new_h, new_c):
    """One step of an LSTM for any number of lanes, into ``new_h`` and ``new_c`` (lanes, hidden), float32.

    ``weights`` (4 * blocks, inputs, 32) and ``bias`` (4 * blocks, 32): for each block of 32 units the input, forget,
    candidate and output gates in turn.
    """
    lanes, inputs, hidden = len(z), weights.shape[1], h.shape[1]
    gates = np.empty((4, LANES, CHANNELS), np.float32)
    ends = (z.shape[1], z.shape[1] + a.shape[1])
    all_columns = np.zeros((-(-lanes // LANES), inputs, LANES), np.float32)  # a tile reads one number of all its lanes
    for lane in range(lanes):
        columns = all_columns[lane // LANES]
        for i in range(ends[0]):
            columns[i, lane % LANES] = z[lane, i]
        for i in range(a.shape[1]):
            columns[ends[0] + i, lane % LANES] = a[lane, i]
        for i in range(hidden):
            columns[ends[1] + i, lane % LANES] = h[lane, i]
    for block in range(-(-hidden // CHANNELS)):
        units = min(CHANNELS, hidden - block * CHANNELS)
        for group in range(len(all_columns)):
            for gate in range(4):
                b = 4 * block + gate
                source, target = all_columns[group].ctypes.data, gates[gate].ctypes.data
                _lstm(source, weights[b].ctypes.data, bias[b].ctypes.data, target, inputs)
            for i in range(min(LANES, lanes - group * LANES)):
                lane = group * LANES + i
                for u in range(units):
                    unit = block * CHANNELS + u
                    memory = sigmoid(gates[1, i, u]) * c[lane, unit] + sigmoid(gates[0, i, u]) * tanh(gates[2, i, u])
                    new_c[lane, unit] = memory
                    new_h[lane, unit] = sigmoid(gates[3, i, u]) * tanh(memory)
