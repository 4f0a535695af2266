"""Weights on disk: exact round trips, and one clear line for every broken file."""

import numpy as np
import pytest

from wmlib.errors import UserError
from wmlib.models.weights import load_weights, model_weights, save_weights, set_model_weights


def arrays():
    return {"dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3) / 7, "dense/bias": np.ones(3, np.float32)}


def test_round_trip_is_exact_and_leaves_no_other_file(tmp_path):
    save_weights(tmp_path / "a" / "w.npz", arrays())
    loaded = load_weights(tmp_path / "a" / "w.npz", {"dense/kernel": (2, 3), "dense/bias": (3,)})
    for name, array in arrays().items():
        np.testing.assert_array_equal(loaded[name], array)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["w.npz"]


def test_float16_is_read_back_as_float32(tmp_path):
    save_weights(tmp_path / "w.npz", arrays(), dtype="float16")
    kernel = load_weights(tmp_path / "w.npz")["dense/kernel"]
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, arrays()["dense/kernel"].astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(
    "shapes, part",
    [
        ({"dense/kernel": (2, 4), "dense/bias": (3,)}, r"dense/kernel has shape \(2, 3\), this model needs \(2, 4\)"),
        ({"dense/kernel": (2, 3)}, "unknown array 'dense/bias'"),
        ({"dense/kernel": (2, 3), "dense/bias": (3,), "mu/bias": (1,)}, "no array 'mu/bias'"),
    ],
)
def test_a_mismatch_names_the_file_and_the_array(tmp_path, shapes, part):
    save_weights(tmp_path / "w.npz", arrays())
    with pytest.raises(UserError, match=rf"w\.npz: .*{part}"):
        load_weights(tmp_path / "w.npz", shapes)


def test_broken_and_missing_files_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="no such weights file"):
        load_weights(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not a zip")
    with pytest.raises(UserError, match="not a readable weights file"):
        load_weights(tmp_path / "text.npz")
    np.savez(tmp_path / "object.npz", a=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="not a readable weights file"):
        load_weights(tmp_path / "object.npz")


def test_keras_weights_move_to_another_model_and_back():
    from wmlib.models.vae import build_encoder

    first, second = build_encoder(seed=0), build_encoder(seed=1)
    weights = model_weights(first)
    assert weights["conv1/kernel"].shape == (4, 4, 3, 32) and weights["log_variance/bias"].shape == (32,)
    set_model_weights(second, weights)
    for name, array in model_weights(second).items():
        np.testing.assert_array_equal(array, weights[name])
    del weights["mu/kernel"]
    with pytest.raises(UserError, match=r"encoder\.npz: has no array 'mu/kernel'"):
        set_model_weights(second, weights, "encoder.npz")
