"""A tile gives the same bits however many of its sums the processor has registers for."""

import numpy as np
import pytest
from numba import njit

from wmlib.kernels import tiles

PIXELS, OUTPUTS = [3 * p for p in range(11)], [32 * p for p in range(11)]


@pytest.mark.parametrize("features", [{}, {"avx512f": True}], ids=["few registers", "many registers"])
def test_a_tile_of_floats(monkeypatch, features):
    random = np.random.default_rng(0)
    x, w = random.normal(size=60).astype(np.float32), random.normal(size=(20, 32)).astype(np.float32)
    bias, out = random.normal(size=32).astype(np.float32), np.full((11, 32), np.nan, np.float32)
    monkeypatch.setattr(tiles, "_FEATURES", features)
    tile = tiles.make_tile(PIXELS, OUTPUTS, relu=True)
    _call(lambda *arrays: tile(*arrays, 10, 2, 17), x, w, bias, out)
    expected = [np.concatenate([x[p : p + 10], x[p + 17 : p + 27]]) @ w + bias for p in PIXELS]
    np.testing.assert_allclose(out, np.maximum(expected, 0), atol=1e-5)
    native = np.empty_like(out)
    monkeypatch.undo()
    tile = tiles.make_tile(PIXELS, OUTPUTS, relu=True)
    _call(lambda *arrays: tile(*arrays, 10, 2, 17), x, w, bias, native)
    np.testing.assert_array_equal(out, native)


@pytest.mark.parametrize("features", [{}, {"avx512f": True}, None], ids=["few registers", "many registers", "here"])
def test_a_tile_of_bytes_is_exact(monkeypatch, features):
    random = np.random.default_rng(0)
    x, w = random.integers(0, 256, 200, np.uint8), random.integers(-128, 128, (20, 32, 4), np.int8)
    scale, bias, out = np.ones(32, np.float32), np.zeros(32, np.float32), np.full((11, 32), np.nan, np.float32)
    if features is not None:
        monkeypatch.setattr(tiles, "_FEATURES", features)
    tile = tiles.make_byte_tile(PIXELS, OUTPUTS, whole=False)
    _call(lambda *arrays: tile(*arrays, 10, 2, 71), x, w, scale, bias, out)
    patches = [np.concatenate([x[p : p + 40], x[p + 71 : p + 111]]).reshape(20, 4).astype(int) for p in PIXELS]
    np.testing.assert_array_equal(out, np.maximum([np.einsum("kb,kcb->c", patch, w) for patch in patches], 0))


def _call(tile, *arrays):
    addresses = [array.ctypes.data for array in arrays]
    body = njit(tile)
    body(*addresses)
