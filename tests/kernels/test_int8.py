"""The 8-bit encoder: small errors, the same bits in any company."""

import numpy as np
import pytest

from wmlib.errors import UserError
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
