"""Likelihoods of M: against the training's own formula, and independence from the scale of z."""

import numpy as np
import pytest

from wmbook.compare.memory import gaussian_nll, likelihoods, standard, states
from wmlib.models.inference import MemoryStep
from wmlib.models.mixture import mixture, mixture_mean, mixture_nll

HIDDEN, MIXTURES = 16, 2
RANDOM = np.random.default_rng(0)


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    """Arrays of an M with random weights."""
    random = np.random.default_rng(1)
    shapes = {
        "lstm/kernel": (35, 4 * HIDDEN),
        "lstm/recurrent_kernel": (HIDDEN, 4 * HIDDEN),
        "lstm/bias": (4 * HIDDEN,),
        "mixture/kernel": (HIDDEN, 3 * MIXTURES * 32),
        "mixture/bias": (3 * MIXTURES * 32,),
    }
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def sequences(lengths=(12, 7)) -> tuple[list[np.ndarray], list[np.ndarray]]:
    z = [RANDOM.normal(0.5, 2, (length + 1, 32)).astype(np.float32) for length in lengths]
    return z, [RANDOM.random((length, 3)).astype(np.float32) for length in lengths]


def test_mixture_is_the_one_m_was_trained_with(weights):
    import tensorflow as tf

    from wmlib.models import mdnrnn

    h, z = RANDOM.normal(size=(9, HIDDEN)).astype(np.float32), RANDOM.normal(size=(9, 32)).astype(np.float32)
    ours = mixture(weights, h)
    theirs = mdnrnn.split_mixture(tf.constant(h @ weights["mixture/kernel"] + weights["mixture/bias"]), MIXTURES)
    for one, other in zip(ours, theirs):
        assert one == pytest.approx(other.numpy(), abs=1e-5)
    assert mixture_nll(z, *ours).mean() == pytest.approx(float(mdnrnn.mixture_nll(z, *theirs)), abs=1e-5)
    pi = np.exp(ours[0])
    assert mixture_mean(*ours[:2]) == pytest.approx(pi[:, 0] * ours[1][:, 0] + pi[:, 1] * ours[1][:, 1])


def test_one_gaussian_is_a_mixture_of_equal_ones():
    z, mu = RANDOM.normal(size=(2, 4, 32))
    log_pi, log_sigma = np.full((4, 2, 32), np.log(0.5)), np.full((4, 2, 32), 0.3)
    found = mixture_nll(z, log_pi, np.stack([mu, mu], axis=1), log_sigma)
    assert found == pytest.approx(gaussian_nll(z, mu, np.exp(0.3)))
    assert gaussian_nll(np.zeros(1), 0, 1) == pytest.approx(0.918939, abs=1e-6)


def test_state_has_seen_what_came_before_it(weights):
    step, (z, actions) = MemoryStep(weights), sequences()
    found = states(step, z, actions)
    for i in range(2):
        h, c = np.zeros((2, 1, HIDDEN), np.float32)
        for t in range(len(actions[i])):
            assert np.array_equal(found[i][t], h[0])
            h, c = step(z[i][t : t + 1], actions[i][t : t + 1], h, c)
        assert np.array_equal(found[i][-1], h[0]) and len(found[i]) == len(z[i])


def test_marginal_is_the_entropy_of_a_unit_gaussian_on_its_own_data(weights):
    z, actions = sequences((400,))
    found = likelihoods(weights, z, actions, standard([z[0][1:]]))
    sums, counts = found["marginal_nll"]
    assert sums[0] / counts[0] == pytest.approx(0.5 * np.log(2 * np.pi) + 0.5, abs=1e-5) and counts[0] == 400 * 32
    sums, counts = found["gain"]
    assert sums[0] == pytest.approx(found["marginal_nll"][0][0] - found["nll"][0][0]) and counts[0] == 400


def test_scale_and_origin_of_z_make_no_difference(weights):
    """The same world with z' = scale z + shift, for V, M's inputs and M's outputs alike."""
    (z, actions), scale, shift = sequences(), RANDOM.uniform(0.1, 10, 32), RANDOM.normal(0, 3, 32)
    other = {name: array.astype(float) for name, array in weights.items()}
    other["lstm/bias"] = other["lstm/bias"] - (shift / scale) @ other["lstm/kernel"][:32]
    other["lstm/kernel"][:32] /= scale[:, None]
    for part in ("mixture/kernel", "mixture/bias"):
        view = other[part].reshape(-1, 3, MIXTURES, 32)
        view[:, 1] *= scale
        if part == "mixture/bias":
            view[:, 1] += shift
            view[:, 2] += np.log(scale)
    moved = [sequence * scale + shift for sequence in z]
    one = likelihoods(weights, z, actions, standard(z))
    two = likelihoods(other, moved, actions, standard(moved))
    for name in one:
        assert two[name][0] == pytest.approx(one[name][0], rel=1e-3, abs=0.05), name
