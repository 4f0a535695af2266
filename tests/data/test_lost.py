"""When a car has lost the road, in hindsight."""

import numpy as np
from episodes import episode, losing

from wmlib.data.batches import SequenceBatches
from wmlib.data.lost import AFTER_LOSS, STUCK_AFTER, losses, lost
from wmlib.runs import write_arrays


def test_the_road_is_lost_at_the_last_tile_before_a_long_gap_and_never_by_an_end():
    np.testing.assert_array_equal(losses(losing(100)), [100])
    np.testing.assert_array_equal(losses(losing(190)), [])  # the recording ended too soon to say
    np.testing.assert_array_equal(losses(episode([-0.1] * 200)), [])
    twice = losing(100)
    twice["rewards"][150:] = 3.0
    np.testing.assert_array_equal(losses(twice), [100])
    finished = losing(100)
    finished["done"][-1] = 1
    np.testing.assert_array_equal(losses(finished), [])


def test_lost_is_what_comes_after_a_loss_until_the_next_tile():
    found = losing(100)
    labels = lost(found)
    np.testing.assert_array_equal(labels, np.arange(200) >= 100 + AFTER_LOSS)
    found["rewards"][150] = 3.0
    labels = lost(found)
    assert labels[149] == 1 and labels[150] == 0 and labels[155] == 0 and labels[170] == 1
    never = lost(episode([-0.1] * 200))
    np.testing.assert_array_equal(never, np.arange(200) >= STUCK_AFTER)
    ended = episode([3.0] * 20)
    ended["done"][-1] = 1
    np.testing.assert_array_equal(lost(ended), np.arange(20) == 19)


def test_batches_say_so_only_when_told(tmp_path):
    write_arrays(tmp_path / "0.npz", losing(100))
    usual, told = (
        SequenceBatches([tmp_path / "0.npz"], 4, 200, 0, lost_ends=tell).at(0)["done"] for tell in (False, True)
    )
    assert not usual.any()
    np.testing.assert_array_equal(told[0], lost(losing(100)))
