"""Episodes as C's own past: where dreams may begin, and batches of two kinds."""

import numpy as np
import pytest
from episodes import episode, losing

from wmlib.data.lost import AFTER_LOSS
from wmlib.data.replay import BEFORE_LOSS, Windows, beginning, mixed, start_weights
from wmlib.seeds import generator


def test_no_dream_begins_where_the_road_is_lost_and_many_before():
    weights = start_weights([losing(100), episode([3.0] * 8)], 4.0, 2)
    assert weights.sum() == pytest.approx(1) and len(weights) == 100 + 4
    usual = weights[-1]
    assert weights[(100 - BEFORE_LOSS) // 2 - 1] == usual
    np.testing.assert_allclose(weights[(100 - BEFORE_LOSS) // 2 : (100 + AFTER_LOSS) // 2], 4 * usual)
    assert (weights[(100 + AFTER_LOSS) // 2 : 100] == 0).all()


def test_windows_of_losses_hold_one():
    windows = Windows([episode([3.0] * 300), losing(100)], 30, end_when_lost=True)
    batch = windows.draw_losses(generator(0), 50)
    gone = np.array([np.flatnonzero(rewards > 0).max() for rewards in batch["reward"]])
    assert (batch["reward"][:, -1] < 0).all()  # after the last tile nothing comes
    assert gone.min() >= 4 and gone.max() <= 25
    where = np.arange(30) >= gone[:, None] + AFTER_LOSS
    np.testing.assert_array_equal(batch["done"], where)  # what M's done head is to learn
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
