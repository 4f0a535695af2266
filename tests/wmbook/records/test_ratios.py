"""Ratios of sums and their intervals: closed forms, pairing, two levels."""

import numpy as np
import pytest

from wmbook.records.ratios import pooled, ratio, ratio_interval
from wmlib.stats import bootstrap_interval

RANDOM = np.random.default_rng(0)


def test_ratio_weighs_episodes_by_their_counts():
    assert ratio([1.0, 9.0], [1.0, 3.0]) == 2.5
    assert np.isnan(ratio([0.0], [0.0]))


def test_equal_counts_give_the_interval_of_the_mean():
    values = RANDOM.normal(5, 1, 40)
    assert ratio_interval(values, np.ones(40)) == pytest.approx(bootstrap_interval(values), abs=0.03)


def test_draws_without_any_count_are_left_out():
    low, high = ratio_interval([2.0, 0.0], [1.0, 0.0])
    assert (low, high) == (2.0, 2.0)


def test_an_arm_does_not_differ_from_itself():
    runs = [(RANDOM.normal(5, 1, 20), np.ones(20)) for _ in range(3)]
    assert pooled(runs, runs) == {"value": 0.0, "ci95": [0.0, 0.0], "runs": 3}


def test_pairing_removes_what_both_arms_share():
    tracks = RANDOM.normal(0, 10, 50)
    one, other = [(tracks + 1 + RANDOM.normal(0, 0.1, 50), np.ones(50))], [(tracks, np.ones(50))]
    paired = pooled(one, other)
    assert paired["value"] == pytest.approx(1, abs=0.1)
    assert np.diff(paired["ci95"]) < 0.2 < np.diff(pooled(one)["ci95"])
    with pytest.raises(ValueError, match="same episodes"):
        pooled(one, [(tracks[1:], np.ones(49))])


def test_runs_that_differ_widen_the_interval():
    alike = [(RANDOM.normal(5, 1, 50), np.ones(50)) for _ in range(3)]
    apart = [(values + shift, counts) for (values, counts), shift in zip(alike, (-4, 0, 4))]
    assert pooled(apart)["value"] == pytest.approx(pooled(alike)["value"])
    assert np.diff(pooled(apart)["ci95"]) > 4 * np.diff(pooled(alike)["ci95"])
