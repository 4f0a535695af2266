"""The one function every printed score goes through, and the bootstrap interval behind it."""

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


def spread(values: np.ndarray) -> float:
    """Standard deviation over episodes, as it is recorded; 0 of one alone."""
    return round(float(values.std(ddof=1)), 2) if len(values) > 1 else 0.0


def describe(returns, solved: float = SOLVED) -> dict:
    """Mean, standard deviation over episodes (as the paper prints), n, 95 % interval of the mean, share of episodes of
    at least ``solved``.

    Raises:
        ValueError: no returns.
    """
    values = np.asarray(list(returns), float)
    if len(values) == 0:
        raise ValueError("no returns to describe")
    low, high = bootstrap_interval(values)
    return {
        "mean": round(float(values.mean()), 2),
        "std": spread(values),
        "n": len(values),
        "ci95": [round(low, 2), round(high, 2)],
        "median": round(float(np.median(values)), 2),
        "share_solved": round(float((values >= solved).mean()), 4),
    }
