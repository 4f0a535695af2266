"""Episodes as C's own past: where dreams may begin, and batches of two kinds."""

import numpy as np
import pytest

from wmlib.data.replay import STUCK_AFTER, Windows, beginning, frames_since_tile, mixed, start_weights
from wmlib.seeds import generator


def episode(rewards, mark: float = 0.0) -> dict[str, np.ndarray]:
    steps = len(rewards)
    codes = np.full((steps + 1, 32), mark, np.float32)
    zeros = np.zeros(steps, np.float32)
    return {
        "mu": codes,
        "log_variance": codes,
        "actions": np.zeros((steps, 3), np.float32),
        "rewards": np.asarray(rewards, np.float32),
        "done": zeros,
    }


def test_frames_since_the_last_tile():
    np.testing.assert_array_equal(frames_since_tile(np.array([-0.1, -0.1, 3.0, -0.1, -0.1, 3.0])), [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(frames_since_tile(np.full(3, -0.1)), [0, 1, 2])


def test_a_stuck_car_is_rarely_where_a_dream_begins():
    rewards = np.full(3 * STUCK_AFTER, -0.1)
    rewards[0] = 3.0
    weights = start_weights([episode(rewards), episode([3.0] * 8)], 0.25, 4)
    assert weights.sum() == pytest.approx(1)
    assert len(weights) == 3 * STUCK_AFTER // 4 + 2
    assert weights[-3] / weights[-1] == pytest.approx(0.25)  # the end of the first, of the second
    assert weights[0] == weights[-1]


def test_a_beginning_has_one_frame_more_than_actions():
    part = beginning(episode([0.0] * 9), 4)
    assert len(part["mu"]) == 5 and len(part["actions"]) == len(part["rewards"]) == 4


@pytest.mark.parametrize("share, expected", [(0.0, 0), (0.7, 7), (1.0, 10)])
def test_batches_hold_the_share_asked_for(share, expected):
    old, own = Windows([episode([0.0] * 12, 1.0)], 5), Windows([episode([0.0] * 6, 2.0), episode([0.0] * 3)], 5)
    batch = mixed(old, own, generator(0), 10, share)
    assert batch["mu"].shape == (10, 6, 32) and batch["action"].shape == (10, 5, 3)
    assert (batch["mu"][:, 0, 0] == 2).sum() == expected


def test_windows_need_a_long_enough_episode():
    with pytest.raises(ValueError, match="no episode has 5 steps"):
        Windows([episode([0.0] * 4)], 5)
