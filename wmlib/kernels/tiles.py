"""Building blocks of our own compiled loops: register tiles for sums of products, and elementary functions.

The inner loop is written in the compiler's own language. One *tile* is a handful of output pixels (or lanes) times 32
output channels. Its sums live in registers, as many of them at a time as the processor has room for, and every number
read is used for many products. Products are added one after the other with fused multiply-add, in an order that is part
of the code, so the result has the same bits on every processor, for every batch size and in every company.

Weights are packed as (output channels / 32, products, 32), so that a tile reads them front to back.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

CHANNELS = 32  # output channels of one tile: two vectors of sixteen
_FLOAT, _LONG = ir.FloatType(), ir.IntType(64)
_INT = ir.IntType(32)
_VECTOR, _INTEGERS = ir.VectorType(_FLOAT, 16), ir.VectorType(_INT, 16)
_HALVES = range(CHANNELS // 16)
_FEATURES = get_host_cpu_features()
MOST_FLOATS, MOST_BYTES = 6, 3  # sums of sixteen that AVX2's registers hold beside the weights; bytes' are in two parts


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
            for places, halves in _passes(pixels, outputs, MOST_FLOATS):
                _emit_tile(builder, arguments, places, halves, step, relu, add)
            return context.get_dummy_value()

        return types.void(*(types.intp,) * 7), generate

    return tile


def make_byte_tile(pixels: list[int], outputs: list[int], whole: bool):
    """As :func:`make_tile` for 8-bit numbers: ``tile(x, w, scale, bias, out, run, rows, row_stride)``.

    ``x`` holds unsigned and ``w`` signed bytes, four of them summed up per product; sums are exact 32-bit integers.
    ``out = max(0, scale[c] * sum + bias[c])``, as bytes rounded and cut off at 255 if ``whole``, else as float32.
    Offsets and distances count bytes in ``x`` and numbers in ``out``; ``run`` counts groups of four bytes.
    """

    @intrinsic
    def tile(typing, x, w, scale, bias, out, run, rows, row_stride):
        def generate(context, builder, signature, arguments):
            for places, halves in _passes(pixels, outputs, MOST_BYTES):
                _emit_byte_tile(builder, arguments, places, halves, whole)
            return context.get_dummy_value()

        return types.void(*(types.intp,) * 8), generate

    return tile


def _passes(pixels, outputs, most):
    """Yield [(pixel, output)] and halves of the channels whose sums are formed at once: those that fit in registers.

    A vector of sixteen is one of the 32 registers of AVX-512, of which weights and the number at hand need few. With
    less it is two registers of sixteen: more than ``most`` sums of a half would be written and read at every product.
    """
    places = list(zip(pixels, outputs, strict=True))
    if _FEATURES.get("avx512f"):
        yield places, _HALVES
        return
    count = -(-len(places) // most)
    bounds = [part * len(places) // count for part in range(count + 1)]
    for first, end in zip(bounds, bounds[1:], strict=False):
        for half in _HALVES:
            yield places[first:end], (half,)


def _vector(b, address, offset, kind):
    """Load ``kind`` from ``offset`` bytes behind an address."""
    return b.load(b.inttoptr(b.add(address, _LONG(offset)), kind.as_pointer()), align=1, typ=kind)


def _repeat(b, value):
    """A vector of sixteen times the same number."""
    kind = ir.VectorType(value.type, 16)
    single = b.insert_element(ir.Constant(kind, ir.Undefined), value, _INT(0))
    return b.shuffle_vector(single, ir.Constant(kind, ir.Undefined), ir.Constant(_INTEGERS, [0] * 16))


def _emit_tile(b, arguments, places, halves, step, relu, add):
    x, w, bias, out, run, rows, row_stride = arguments
    kind = ir.FunctionType(_VECTOR, (_VECTOR,) * 3)
    fma = cgutils.get_or_insert_function(b.module, kind, "llvm.fma.v16f32")
    start = [
        _vector(b, out, 4 * output + 64 * half, _VECTOR) if add else _vector(b, bias, 64 * half, _VECTOR)
        for _, output in places
        for half in halves
    ]
    sums = _emit_products(
        b,
        (x, w, run, rows, b.mul(row_stride, _LONG(4))),
        [4 * pixel for pixel, _ in places],
        halves,
        4 * step,
        _FLOAT,
        start,
        lambda number, weight, total: b.call(fma, (number, weight, total)),
    )
    zero = ir.Constant(_VECTOR, [0.0] * 16)
    for value, (offset, half) in zip(sums, _targets(places, halves), strict=True):
        if relu:
            value = b.select(b.fcmp_ordered(">", value, zero), value, zero)
        place = b.inttoptr(b.add(out, _LONG(4 * offset + 64 * half)), _VECTOR.as_pointer())
        b.store(value, place, align=4)


def _targets(places, halves):
    """Where each sum goes: [(output, half)], in the order of the sums."""
    return [(output, half) for _, output in places for half in halves]


def _emit_byte_tile(b, arguments, places, halves, whole):
    x, w, scale, bias, out, run, rows, row_stride = arguments
    zero, top = ir.Constant(_VECTOR, [0.0] * 16), ir.Constant(_VECTOR, [255.0] * 16)
    rounding = cgutils.get_or_insert_function(b.module, ir.FunctionType(_VECTOR, [_VECTOR]), "llvm.rint.v16f32")
    fma = cgutils.get_or_insert_function(b.module, ir.FunctionType(_VECTOR, (_VECTOR,) * 3), "llvm.fma.v16f32")
    sums = _emit_products(
        b,
        (x, w, run, rows, row_stride),
        [pixel for pixel, _ in places],
        halves,
        4,
        _INT,
        [ir.Constant(_INTEGERS, [0] * 16) for _ in _targets(places, halves)],
        lambda bytes_, weight, total: _sum_of_four(b, bytes_, weight, total),
    )
    scales, biases = ([_vector(b, array, 64 * half, _VECTOR) for half in _HALVES] for array in (scale, bias))
    for total, (offset, half) in zip(sums, _targets(places, halves), strict=True):
        value = b.call(fma, (b.sitofp(total, _VECTOR), scales[half], biases[half]))
        value = b.select(b.fcmp_ordered(">", value, zero), value, zero)
        if whole:
            value = b.call(rounding, (b.select(b.fcmp_ordered("<", value, top), value, top),))
            value = b.trunc(b.fptosi(value, _INTEGERS), ir.VectorType(ir.IntType(8), 16))
        width = 1 if whole else 4
        place = b.inttoptr(b.add(out, _LONG(width * (offset + 16 * half))), value.type.as_pointer())
        b.store(value, place, align=1)


def _sum_of_four(b, bytes_, weights, total):
    """total + products of four unsigned with four signed bytes, in each of sixteen lanes: exact, whatever the CPU."""
    if _FEATURES.get("avx512vnni"):
        kind = ir.FunctionType(_INTEGERS, (_INTEGERS,) * 3)
        instruction = cgutils.get_or_insert_function(b.module, kind, "llvm.x86.avx512.vpdpbusd.512")
        return b.call(instruction, (total, bytes_, weights))
    if _FEATURES.get("avx2"):  # the same as sums of two, once for the even bytes and once for the odd ones
        words = ir.VectorType(ir.IntType(16), 32)
        x, w = (b.bitcast(vector, words) for vector in (bytes_, weights))
        eight, low = ir.Constant(words, [8] * 32), ir.Constant(words, [255] * 32)
        even = b.and_(x, low), b.ashr(b.shl(w, eight), eight)
        for unsigned, signed in (even, (b.lshr(x, eight), b.ashr(w, eight))):
            total = b.add(total, _sum_of_two(b, unsigned, signed))
        return total
    for shift in (0, 8, 16, 24):  # and in four steps
        amount, low = ir.Constant(_INTEGERS, [24 - shift] * 16), ir.Constant(_INTEGERS, [24] * 16)
        unsigned = b.lshr(b.shl(bytes_, amount), low)
        total = b.add(total, b.mul(unsigned, b.ashr(b.shl(weights, amount), low)))
    return total


def _sum_of_two(b, x, w):
    """Products of 32 words each, neighbours added: sixteen integers. AVX2 has it for half as many."""
    half, result = ir.VectorType(ir.IntType(16), 16), ir.VectorType(_INT, 8)
    kind = ir.FunctionType(result, (half,) * 2)
    instruction = cgutils.get_or_insert_function(b.module, kind, "llvm.x86.avx2.pmadd.wd")
    parts = []
    for first in (0, 16):
        which = ir.Constant(_INTEGERS, list(range(first, first + 16)))
        halves = [b.shuffle_vector(v, ir.Constant(v.type, ir.Undefined), which) for v in (x, w)]
        parts.append(b.call(instruction, halves))
    return b.shuffle_vector(*parts, ir.Constant(_INTEGERS, list(range(16))))


def _emit_products(b, arguments, pixels, halves, step, kind, start, multiply):
    """The loops of a tile: sums of the products of a patch's numbers with the weights. Offsets in bytes."""
    x, w, run, rows, row_stride = arguments
    vector = ir.VectorType(kind, 16)
    before, body, after = b.block, b.append_basic_block("row"), b.append_basic_block("rows_done")
    inner, inner_done = b.append_basic_block("products"), b.append_basic_block("products_done")

    b.branch(body)
    b.position_at_end(body)  # for each row of the patch
    row, row_x, row_w = b.phi(_LONG), b.phi(_LONG), b.phi(_LONG)
    row_sums = [b.phi(vector) for _ in start]
    b.branch(inner)

    b.position_at_end(inner)  # for each number of the row
    k, x_k, w_k = b.phi(_LONG), b.phi(_LONG), b.phi(_LONG)
    sums = [b.phi(vector) for _ in start]
    weights = [_vector(b, w_k, 64 * half, vector) for half in halves]
    updated = []
    for pixel in pixels:
        number = _repeat(b, _vector(b, x_k, pixel, kind))
        updated += [multiply(number, weight, sums[len(updated) + i]) for i, weight in enumerate(weights)]
    next_k, next_x, next_w = b.add(k, _LONG(1)), b.add(x_k, _LONG(step)), b.add(w_k, _LONG(4 * CHANNELS))
    b.cbranch(b.icmp_signed("<", next_k, run), inner, inner_done)
    loop = [(k, _LONG(0), next_k), (x_k, row_x, next_x), (w_k, row_w, next_w)]
    for phi, first, following in [*loop, *zip(sums, row_sums, updated, strict=True)]:
        phi.add_incoming(first, body)
        phi.add_incoming(following, inner)

    b.position_at_end(inner_done)
    next_row, next_row_x = b.add(row, _LONG(1)), b.add(row_x, row_stride)
    b.cbranch(b.icmp_signed("<", next_row, rows), body, after)
    loop = [(row, _LONG(0), next_row), (row_x, x, next_row_x), (row_w, w, next_w)]
    for phi, first, following in [*loop, *zip(row_sums, start, updated, strict=True)]:
        phi.add_incoming(first, before)
        phi.add_incoming(following, inner_done)
    b.position_at_end(after)
    return updated


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
