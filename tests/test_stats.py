"""Intervals: coverage, determinism, two levels."""

import numpy as np
import pytest

from wmbook.records.intervals import paired_difference, two_level_interval
from wmlib.stats import bootstrap_interval, describe


def test_describe():
    score = describe([900.0, 800.0, 1000.0, 700.0])
    assert (score["mean"], score["n"], score["median"], score["share_solved"]) == (850.0, 4, 850.0, 0.5)
    assert score["std"] == pytest.approx(np.std([900, 800, 1000, 700], ddof=1), abs=0.01)
    assert score["ci95"][0] < 850 < score["ci95"][1]
    assert describe([900.0, 800.0, 1000.0, 700.0]) == score
    with pytest.raises(ValueError):
        describe([])


def test_interval_covers_the_mean_about_95_percent_of_the_time():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        low, high = bootstrap_interval(random.normal(0, 1, 50), resamples=400)
        covered += low <= 0 <= high
    assert 0.89 < covered / 300 < 0.98


def test_two_levels_are_wider_when_runs_differ():
    random = np.random.default_rng(0)
    alike = [random.normal(900, 20, 100) for _ in range(3)]
    apart = [random.normal(mean, 20, 100) for mean in (860, 900, 940)]
    widths = [np.diff(two_level_interval(runs, resamples=500))[0] for runs in (alike, apart)]
    assert widths[1] > 4 * widths[0]


def test_pairs_cancel_what_is_common_to_a_track():
    random = np.random.default_rng(0)
    track = random.normal(0, 100, 60)  # hard or easy for everyone
    ours, theirs = (850 + gain + track + random.normal(0, 5, 60) for gain in (10, 0))
    pair = paired_difference(ours, theirs)
    low, high = pair["ci95"]
    assert 0 < low < 10 < high < 20 and (pair["tracks"], pair["runs"]) == (60, [1, 1])
    assert np.diff(bootstrap_interval(ours, resamples=500))[0] > 5 * (high - low)
    assert paired_difference(theirs, ours)["mean"] == -pair["mean"]


def test_pairs_of_several_runs_know_that_runs_differ():
    random = np.random.default_rng(0)
    reference = np.full((1, 50), 800.0)
    alike, apart = (np.array([mean + random.normal(0, 5, 50) for mean in means]) for means in
                    ((900, 900, 900), (860, 900, 940)))  # fmt: skip
    widths = [np.diff(paired_difference(runs, reference)["ci95"])[0] for runs in (alike, apart)]
    assert widths[1] > 4 * widths[0]
    assert paired_difference(apart, reference)["runs"] == [3, 1]


def test_pairs_cover_the_difference_about_95_percent_of_the_time():
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        low, high = paired_difference(random.normal(5, 3, 40), random.normal(0, 3, 40), resamples=400)["ci95"]
        covered += low <= 5 <= high
    assert 0.89 < covered / 200 < 0.985


def test_only_the_same_tracks_can_be_paired():
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference(np.zeros(3), np.zeros(4))
