"""Randomness: disjoint track ranges and independent generators."""

import itertools

import numpy as np
import pytest

from wmlib.errors import UserError
from wmlib.seeds import TRACK_SEEDS, generator, track_seeds


def test_ranges_are_disjoint():
    for first, second in itertools.combinations(TRACK_SEEDS.values(), 2):
        assert first.stop <= second.start or second.stop <= first.start


def test_training_seeds_have_their_own_fitness_tracks_and_share_test_tracks():
    share = len(TRACK_SEEDS["fitness"]) // 1000
    assert track_seeds("fitness", 0, share - 1, 1)[0] + 1 == track_seeds("fitness", 1, 0, 1)[0]
    assert track_seeds("test", 0, 0, 5) == track_seeds("test", 7, 0, 5)
    assert track_seeds("fitness", 999, share - 1, 1)[0] in TRACK_SEEDS["fitness"]


def test_positions_outside_the_share_are_refused():
    with pytest.raises(UserError, match="leave the range"):
        track_seeds("fitness", 3, len(TRACK_SEEDS["fitness"]) // 1000, 1)


def test_generators_repeat_and_differ_by_purpose():
    same = [generator(1, "vae", 3).random(4) for _ in range(2)]
    assert np.array_equal(*same)
    assert not np.array_equal(same[0], generator(1, "vae", 4).random(4))
    assert not np.array_equal(same[0], generator(2, "vae", 3).random(4))
