"""The 8-bit encoder: exact sums with and without the processor's own instruction, small errors, same bits anywhere."""

import numpy as np
import pytest
from numba import njit

from wmlib.errors import UserError
from wmlib.kernels import tiles
from wmlib.models.inference import FrameEncoder, calibrate
from wmlib.models.vae import build_encoder, random_frames
from wmlib.models.weights import model_weights


@pytest.fixture(scope="module")
def weights():
    weights = model_weights(build_encoder(seed=2))
    random = np.random.default_rng(0)
    weights |= {name: random.normal(0, 0.05, a.shape).astype(np.float32) for name, a in weights.items() if a.ndim == 1}
    return weights | calibrate(weights, random_frames(20, seed=1))


@pytest.fixture(scope="module")
def encoder(weights):
    return FrameEncoder(weights, compute="int8")


@pytest.mark.parametrize("features", [tiles.get_host_cpu_features(), {}])
def test_a_tile_adds_bytes_exactly_on_any_processor(monkeypatch, features):
    monkeypatch.setattr(tiles, "get_host_cpu_features", lambda: features)
    tile = tiles.make_byte_tile([0, 10], [0, 32], whole=False)

    @njit
    def run(x, w, scale, bias, out):
        addresses = (x.ctypes.data, w.ctypes.data, scale.ctypes.data, bias.ctypes.data, out.ctypes.data)
        tile(addresses[0], addresses[1], addresses[2], addresses[3], addresses[4], 2, 3, 40)

    random = np.random.default_rng(0)
    x = random.integers(0, 256, 200, dtype=np.uint8)
    w = random.integers(-128, 128, (6, 32, 4), dtype=np.int8)
    scale, bias = random.random(32).astype(np.float32), random.normal(size=32).astype(np.float32)
    out = np.zeros((2, 32), np.float32)
    run(x, w, scale, bias, out)
    for pixel, start in enumerate((0, 10)):
        patch = np.stack([x[start + 40 * row :][:8] for row in range(3)]).reshape(6, 1, 4).astype(np.int64)
        expected = np.maximum(0, (patch * w).sum((0, 2)) * scale.astype(np.float64) + bias)
        np.testing.assert_allclose(out[pixel], expected, rtol=1e-6, atol=1e-3)


def test_mu_is_close_to_float32(weights, encoder):
    frames = random_frames(40)
    exact, quick = FrameEncoder(weights)(frames), encoder(frames)
    for ours, theirs in zip(quick, exact, strict=True):
        error = np.sqrt(np.square(ours - theirs).mean(0)) / theirs.std(0)
        assert 0 < error.max() < 0.1  # of each dimension's own spread


def test_a_frame_has_the_same_bits_in_any_company(encoder):
    frames = random_frames(30)
    together = np.stack(encoder(frames))
    for chosen in ([29], [3, 1], list(range(29, -1, -1))):
        np.testing.assert_array_equal(np.stack(encoder(frames[chosen])), together[:, chosen])


def test_scales_are_needed(weights):
    plain = {name: array for name, array in weights.items() if not name.endswith("/scale")}
    with pytest.raises(UserError, match="conv1/scale"):
        FrameEncoder(plain, compute="int8")
