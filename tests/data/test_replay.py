"""Episodes as C's own past: where dreams may begin, and batches of two kinds."""

import numpy as np
import pytest

from wmlib.data.replay import (
    AFTER_LOSS,
    BEFORE_LOSS,
    STUCK_AFTER,
    Windows,
    beginning,
    frames_since_tile,
    losses,
    mixed,
    start_weights,
)
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


def lost(at: int, steps: int = 200) -> dict[str, np.ndarray]:
    """A tile at every second frame up to ``at``, then none."""
    return episode([3.0 if t <= at and t % 2 == 0 else -0.1 for t in range(steps)])


def test_the_road_is_lost_at_the_last_tile_before_a_long_gap_and_never_by_an_end():
    np.testing.assert_array_equal(losses(lost(100)), [100])
    np.testing.assert_array_equal(losses(lost(190)), [])  # the recording ended too soon to say
    np.testing.assert_array_equal(losses(episode([-0.1] * 200)), [])
    twice = lost(100)
    twice["rewards"][150:] = 3.0
    np.testing.assert_array_equal(losses(twice), [100])
    finished = lost(100)
    finished["done"][-1] = 1
    np.testing.assert_array_equal(losses(finished), [])


def test_dreams_begin_rarely_where_a_car_is_stuck_and_often_before_it_is():
    weights = start_weights([lost(100), episode([3.0] * 8)], 0.25, 4.0, 2)
    assert weights.sum() == pytest.approx(1) and len(weights) == 100 + 4
    usual = weights[-1]
    assert weights[(100 - BEFORE_LOSS) // 2 - 1] == usual
    np.testing.assert_allclose(weights[(100 - BEFORE_LOSS) // 2 : (100 + AFTER_LOSS) // 2], 4 * usual)
    np.testing.assert_allclose(weights[(102 + STUCK_AFTER) // 2 : 100], 0.25 * usual)


def test_windows_of_losses_hold_one():
    windows = Windows([episode([3.0] * 300), lost(100)], 30)
    batch = windows.draw_losses(generator(0), 50)
    gone = np.array([np.flatnonzero(rewards > 0).max() for rewards in batch["reward"]])
    assert (batch["reward"][:, -1] < 0).all()  # after the last tile nothing comes
    assert gone.min() >= 4 and gone.max() <= 25
    assert Windows([episode([3.0] * 40)], 30).draw_losses(generator(0), 3)["mu"].shape == (3, 31, 32)


def test_a_beginning_has_one_frame_more_than_actions():
    part = beginning(episode([0.0] * 9), 4)
    assert len(part["mu"]) == 5 and len(part["actions"]) == len(part["rewards"]) == 4


@pytest.mark.parametrize("share, expected", [(0.0, 0), (0.7, 7), (1.0, 10)])
def test_batches_hold_the_share_asked_for(share, expected):
    old, own = Windows([episode([0.0] * 12, 1.0)], 5), Windows([episode([0.0] * 6, 2.0), episode([0.0] * 3)], 5)
    batch = mixed(old, own, generator(0), 10, share, 0.5)
    assert batch["mu"].shape == (10, 6, 32) and batch["action"].shape == (10, 5, 3)
    assert (batch["mu"][:, 0, 0] == 2).sum() == expected


def test_windows_need_a_long_enough_episode():
    with pytest.raises(ValueError, match="no episode has 5 steps"):
        Windows([episode([0.0] * 4)], 5)
