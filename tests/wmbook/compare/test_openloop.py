"""M continuing alone: where it starts, what it is fed, how its errors are counted."""

import numpy as np
import pytest

from wmbook.compare.openloop import Window, by_episode, imagine, state_errors, windows
from wmlib.envs.dream import Dream

HIDDEN, MIXTURES = 16, 2
RANDOM = np.random.default_rng(0)


def certain_memory(constant: float) -> dict[str, np.ndarray]:
    """An M that always expects the same z in every dimension and is nearly sure of it."""
    random = np.random.default_rng(1)
    bias = np.zeros((3, MIXTURES, 32), np.float32)
    bias[1], bias[2] = constant, -12.0
    return {
        "lstm/kernel": random.normal(0, 0.3, (35, 4 * HIDDEN)).astype(np.float32),
        "lstm/recurrent_kernel": random.normal(0, 0.3, (HIDDEN, 4 * HIDDEN)).astype(np.float32),
        "lstm/bias": np.zeros(4 * HIDDEN, np.float32),
        "mixture/kernel": np.zeros((HIDDEN, bias.size), np.float32),
        "mixture/bias": bias.ravel(),
        **{f"{head}/kernel": np.zeros((HIDDEN, 1), np.float32) for head in ("reward", "done")},
        **{f"{head}/bias": np.zeros(1, np.float32) for head in ("reward", "done")},
    }


def test_windows_leave_room_and_are_spread():
    found = windows([300, 140, 139, 1000], first=50, needed=90, count=3)
    assert Window(1, 50) in found and not [w for w in found if w.episode == 2]
    assert [w.start for w in found if w.episode == 3] == [50, 480, 910]
    assert all(w.start + 90 <= [300, 140, 139, 1000][w.episode] for w in found)


def test_memory_sees_the_warm_up_and_then_only_itself():
    weights, warm_up = certain_memory(0.7), 4
    z = RANDOM.normal(size=(3, warm_up + 6, 32)).astype(np.float32)
    actions = RANDOM.random((3, warm_up + 5, 3)).astype(np.float32)
    ahead = [0, 1, 3, 5]
    drawn_z, drawn_h, mean_z, mean_h = imagine(weights, z, actions, warm_up, ahead, samples=2)
    assert drawn_z.shape == (2, 3, 4, 32) and drawn_h.shape == (2, 3, 4, HIDDEN) and mean_z.shape == (3, 4, 32)
    step, (h, c) = Dream(weights).memory, np.zeros((2, 3, HIDDEN), np.float32)
    for t in range(warm_up):
        h, c = step(z[:, t], actions[:, t], h, c)
    now = z[:, warm_up]
    for alone in range(6):
        if alone in ahead:
            k = ahead.index(alone)
            for found_z, found_h in ((mean_z[:, k], mean_h[:, k]), (drawn_z[1, :, k], drawn_h[1, :, k])):
                assert found_z == pytest.approx(now, abs=1e-3) and found_h == pytest.approx(h, abs=1e-3)
        if alone < 5:
            h, c = step(now, actions[:, warm_up + alone], h, c)
            now = np.full((3, 32), 0.7, np.float32)
    other = z.copy()
    other[:, warm_up + 1 :] += 1
    assert np.array_equal(imagine(weights, other, actions, warm_up, ahead, 2)[0], drawn_z), (
        "what comes later is not seen"
    )


def test_errors_are_in_units_of_the_variance_and_skip_the_unknown():
    truth = np.array([[[1.0, np.nan]], [[0.0, 4.0]]])  # 2 windows, 1 horizon, 2 labels
    probed = np.array([[[3.0, 5.0]], [[0.0, 2.0]]])
    error, known = state_errors(truth, probed, np.array([2.0, 4.0]))
    assert error.tolist() == [[[2.0, 0.0]], [[0.0, 1.0]]] and known.tolist() == [[[1, 0]], [[1, 1]]]
    samples = np.stack([probed, np.nan_to_num(truth)])
    assert state_errors(truth, samples, np.array([2.0, 4.0]))[0].tolist() == [[[1.0, 0.0]], [[0.0, 0.5]]]


def test_windows_of_an_episode_are_added():
    found = [Window(2, 0), Window(0, 5), Window(2, 9)]
    assert by_episode(np.array([[1.0], [2.0], [4.0]]), found, 3).tolist() == [[2], [0], [5]]
