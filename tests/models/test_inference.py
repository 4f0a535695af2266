"""What rollouts use: equal to the Keras models, and a frame's or lane's answer independent of its company."""

import keras
import numpy as np
import pytest

from wmlib.errors import UserError
from wmlib.models.inference import FrameEncoder, MemoryStep
from wmlib.models.vae import build_encoder, random_frames
from wmlib.models.weights import model_weights

HIDDEN = 256


@pytest.fixture(scope="module")
def encoder():
    return build_encoder(seed=2)


@pytest.fixture(scope="module")
def frame_encoder(encoder):
    return FrameEncoder(model_weights(encoder))


def lstm_weights() -> dict:
    random = np.random.default_rng(0)
    return {
        "lstm/kernel": random.normal(0, 0.1, (35, 4 * HIDDEN)).astype(np.float32),
        "lstm/recurrent_kernel": random.normal(0, 0.06, (HIDDEN, 4 * HIDDEN)).astype(np.float32),
        "lstm/bias": random.normal(0, 0.1, 4 * HIDDEN).astype(np.float32),
    }


def lstm_inputs(lanes: int) -> tuple:
    random = np.random.default_rng(1)
    return tuple(random.normal(size=(lanes, size)).astype(np.float32) for size in (32, 3, HIDDEN, HIDDEN))


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


def test_unknown_arithmetic_is_a_user_error(encoder):
    with pytest.raises(UserError, match="float64"):
        FrameEncoder(model_weights(encoder), compute="float64")


def test_the_memory_step_equals_the_keras_cell():
    weights = lstm_weights()
    cell = keras.layers.LSTMCell(HIDDEN)
    cell.build((None, 35))
    cell.set_weights(list(weights.values()))
    z, a, h, c = lstm_inputs(5)
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
