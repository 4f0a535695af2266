"""Intervals: coverage, determinism, two levels."""

import numpy as np
import pytest

from wmlib.report.stats import bootstrap_interval, describe, two_level_interval


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
