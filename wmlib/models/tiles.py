"""Building blocks of our own compiled loops: register tiles for sums of products, and elementary functions.

The inner loop is written in the compiler's own language. One *tile* is a handful of output pixels (or lanes) times 32
output channels: its sums live in registers, and every number read is used for 32 products. Products are added one
after the other with fused multiply-add, in an order that is part of the code, so the result has the same bits on every
processor, for every batch size and in every company.

Weights are packed as (output channels / 32, products, 32), so that a tile reads them front to back.

Numba caches the compiled functions of the modules that use these blocks: after a change here, delete their
``__pycache__``.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

CHANNELS = 32  # output channels of one tile: two registers of AVX-512
_FLOAT, _LONG = ir.FloatType(), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, 16)


def pack(kernel: np.ndarray) -> np.ndarray:
    """Weights (..., outputs) to (outputs / 32, products, 32)."""
    flat = kernel.reshape(-1, kernel.shape[-1] // CHANNELS, CHANNELS)
    return np.ascontiguousarray(flat.transpose(1, 0, 2), np.float32)


def make_tile(pixels: list[int], outputs: list[int], step: int = 1, relu: bool = False, add: bool = False):
    """Compile-time constants in, ``tile(x, w, bias, out, run, rows, row_stride)`` for Numba out.

    The first four arguments of the tile are addresses of float32 numbers:

    ``out[outputs[p] + c] = act(bias[c] + sum_{r, k} x[pixels[p] + r row_stride + k step] w[(r run + k) 32 + c])``
    for c < 32, r < rows, k < run. Offsets and distances count float32 numbers.

    Args:
        pixels: where each output pixel's patch begins in ``x``.
        outputs: where each output pixel begins in ``out``.
        step: distance of two numbers of the same row.
        relu: whether negative results become zero.
        add: whether sums start from what ``out`` holds, instead of from the bias.
    """

    @intrinsic
    def tile(typing, x, w, bias, out, run, rows, row_stride):
        def generate(context, builder, signature, arguments):
            _emit_tile(builder, arguments, pixels, outputs, step, relu, add)
            return context.get_dummy_value()

        return types.void(*(types.intp,) * 7), generate

    return tile


def _emit_tile(b, arguments, pixels, outputs, step, relu, add):
    x, w, bias, out, run, rows, row_stride = arguments
    row_bytes = b.mul(row_stride, _LONG(4))
    halves = range(CHANNELS // 16)
    kind = ir.FunctionType(_VECTOR, (_VECTOR,) * 3)
    fma = cgutils.get_or_insert_function(b.module, kind, "llvm.fma.v16f32")

    def at(address, offset, kind=_VECTOR):  # pointer to ``offset`` numbers behind an address
        return b.inttoptr(b.add(address, _LONG(4 * offset)), kind.as_pointer())

    def load(address, offset, kind=_VECTOR):
        return b.load(at(address, offset, kind), align=4, typ=kind)

    start = [load(out, o + 16 * half) if add else load(bias, 16 * half) for o in outputs for half in halves]
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
    next_row, next_row_x = b.add(row, _LONG(1)), b.add(row_x, row_bytes)
    b.cbranch(b.icmp_signed("<", next_row, rows), body, after)
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


@intrinsic
def _float_of_bits(typing, bits):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _FLOAT)

    return types.float32(types.int32), generate


@njit(inline="always", error_model="numpy")
def exp(x):
    """Exponential function, relative error below 3e-7, for results a float32 can hold."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)  # x - n log 2, in two parts: no digit is lost
    p = np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1.0)
    p = p * r + np.float32(1.0)
    return p * _float_of_bits((np.int32(n) + np.int32(127)) << np.int32(23))


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
