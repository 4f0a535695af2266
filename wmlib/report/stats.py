"""The one function every printed score goes through, and the intervals behind it."""

from __future__ import annotations

import numpy as np

SOLVED = 900.0  # CarRacing counts as solved at this mean over 100 tracks
RESAMPLES = 10_000


def bootstrap_interval(values: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, with a fixed seed, so that the same rows give the same text."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), float(values.mean())
    chosen = np.random.default_rng(0).integers(len(values), size=(resamples, len(values)))
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(values[chosen].mean(1), [tail, 100 - tail])
    return float(low), float(high)


def describe(returns) -> dict:
    """Mean, standard deviation over episodes (as the paper prints), n, 95 % interval of the mean, share of solved.

    Raises:
        ValueError: no returns.
    """
    values = np.asarray(list(returns), float)
    if len(values) == 0:
        raise ValueError("no returns to describe")
    low, high = bootstrap_interval(values)
    return {
        "mean": round(float(values.mean()), 2),
        "std": round(float(values.std(ddof=1)), 2) if len(values) > 1 else 0.0,
        "n": len(values),
        "ci95": [round(low, 2), round(high, 2)],
        "median": round(float(np.median(values)), 2),
        "share_solved": round(float((values >= SOLVED).mean()), 4),
    }


def two_level_interval(runs: list, level: float = 0.95, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Bootstrap interval of the mean over training runs: runs are drawn first, then episodes within each.

    Args:
        runs: one sequence of returns per training run.
    """
    random = np.random.default_rng(0)
    arrays = [np.asarray(run, float) for run in runs]
    means = np.empty(resamples)
    for index in range(resamples):
        drawn = random.integers(len(arrays), size=len(arrays))
        means[index] = np.mean([random.choice(arrays[i], len(arrays[i])).mean() for i in drawn])
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)
