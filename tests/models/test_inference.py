"""What rollouts use: equal to the Keras models, and a frame's or lane's answer independent of its company."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from wmlib.errors import UserError
from wmlib.models.inference import FrameEncoder, MemoryStep, calibrate
from wmlib.models.vae import build_encoder, random_frames
from wmlib.models.weights import model_weights


@pytest.fixture(scope="module")
def encoder():
    return build_encoder(seed=2)


@pytest.fixture(scope="module")
def frame_encoder(encoder):
    return FrameEncoder(model_weights(encoder))


def lstm_weights(hidden: int = 256) -> dict:
    random = np.random.default_rng(0)
    return {
        "lstm/kernel": random.normal(0, 0.1, (35, 4 * hidden)).astype(np.float32),
        "lstm/recurrent_kernel": random.normal(0, 0.06, (hidden, 4 * hidden)).astype(np.float32),
        "lstm/bias": random.normal(0, 0.1, 4 * hidden).astype(np.float32),
    }


def lstm_inputs(lanes: int, hidden: int = 256) -> tuple:
    random = np.random.default_rng(1)
    return tuple(random.normal(size=(lanes, size)).astype(np.float32) for size in (32, 3, hidden, hidden))


def test_the_encoder_equals_the_keras_model(encoder, frame_encoder):
    frames = random_frames(5)
    for quick, plain in zip(frame_encoder(frames), encoder(frames / np.float32(255)), strict=True):
        assert quick.dtype == np.float32
        np.testing.assert_allclose(quick, plain, atol=2e-5)


def test_a_frame_has_the_same_bits_in_any_company(frame_encoder):
    frames = random_frames(70)
    together = np.stack(frame_encoder(frames))
    order = np.random.default_rng(0).permutation(70)
    np.testing.assert_array_equal(np.stack(frame_encoder(frames[order])), together[:, order])
    for count in (1, 3, 33):
        np.testing.assert_array_equal(np.stack(frame_encoder(frames[:count])), together[:, :count])


def test_no_frames_give_no_codes(frame_encoder):
    assert frame_encoder(random_frames(3)[:0])[0].shape == (0, 32)


def test_bfloat16_is_close_and_keeps_a_frame_independent_of_its_company(encoder, frame_encoder):
    half, frames = FrameEncoder(model_weights(encoder), compute="bfloat16"), random_frames(5)
    mu = half(frames)[0]
    np.testing.assert_allclose(mu, frame_encoder(frames)[0], atol=0.05)
    np.testing.assert_array_equal(half(frames[[4]])[0], mu[[4]])


def test_rollout_workers_need_no_tensorflow():
    code = "import sys, wmlib.models.inference, wmlib.models.controller; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_wrong_weights_and_frames_are_refused(encoder, frame_encoder):
    weights = model_weights(encoder)
    with pytest.raises(UserError, match="conv1/kernel has shape"):
        FrameEncoder(weights | {"conv1/kernel": weights["conv1/kernel"][:3]})
    with pytest.raises(ValueError, match="not uint8"):
        frame_encoder(random_frames(1) / 255)


def test_unknown_arithmetic_is_a_user_error(encoder):
    with pytest.raises(UserError, match="float64"):
        FrameEncoder(model_weights(encoder), compute="float64")


@pytest.mark.parametrize("hidden", [256, 40])
def test_the_memory_step_equals_the_keras_cell(hidden):
    weights = lstm_weights(hidden)
    cell = keras.layers.LSTMCell(hidden)
    cell.build((None, 35))
    cell.set_weights(list(weights.values()))
    z, a, h, c = lstm_inputs(5, hidden)
    _, (expected_h, expected_c) = cell(np.concatenate([z, a], axis=1), [h, c])
    new_h, new_c = MemoryStep(weights)(z, a, h, c)
    assert new_h.dtype == new_c.dtype == np.float32
    np.testing.assert_allclose(new_h, expected_h, atol=1e-5)
    np.testing.assert_allclose(new_c, expected_c, atol=1e-5)


def test_a_lane_has_the_same_bits_in_any_company():
    step, inputs = MemoryStep(lstm_weights()), lstm_inputs(50)
    together = np.stack(step(*inputs))
    for lanes in ([49], [3, 20, 7], list(range(17)), list(range(49, -1, -1))):
        np.testing.assert_array_equal(np.stack(step(*(x[lanes] for x in inputs))), together[:, lanes])


@pytest.mark.parametrize("compute, tolerance", [("float32", 2e-5), ("int8", 0.1)])
def test_z_may_have_64_dimensions(compute, tolerance):
    encoder, frames = build_encoder(64, seed=2), random_frames(14)
    weights = model_weights(encoder)
    weights |= calibrate(weights, frames)
    for quick, plain in zip(FrameEncoder(weights, compute)(frames), encoder(frames / np.float32(255)), strict=True):
        assert quick.shape == (14, 64)
        np.testing.assert_allclose(quick, plain, atol=tolerance)


def test_other_sizes_of_z_are_refused():
    with pytest.raises(UserError, match="not a multiple of 32"):
        FrameEncoder(model_weights(build_encoder(40)))
