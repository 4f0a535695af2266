"""Every offline measurement is a ratio of sums over episodes: errors over counts, explained over all variance.

Kept with its sums, a measurement can be pooled over training seeds and compared with another arm's later: episodes are
drawn anew with their numerators and denominators together, two arms measured on the same episodes with the same draw.
"""

from __future__ import annotations

import numpy as np

RESAMPLES = 4000


def ratio(sums, counts) -> float:
    """Sum over sum; NaN where nothing was counted."""
    total = np.sum(counts)
    return float(np.sum(sums) / total) if total else float("nan")


def drawn_ratios(sums: np.ndarray, counts: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Ratios of each draw: ``chosen`` (draws, n) are episode numbers; (draws,)."""
    totals = counts[chosen].sum(1)
    return np.divide(sums[chosen].sum(1), totals, out=np.full(len(chosen), np.nan), where=totals != 0)


def draw(units: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Numbers of ``units`` episodes, drawn with replacement: (resamples, units)."""
    return np.random.default_rng(seed).integers(units, size=(resamples, units))


def interval(values: np.ndarray, level: float = 0.95) -> list[float]:
    """Percentile interval of bootstrapped values; draws that counted nothing are left out."""
    values = values[np.isfinite(values)]
    tail = 100 * (1 - level) / 2
    return [float(v) for v in np.percentile(values, [tail, 100 - tail])] if len(values) else [float("nan")] * 2


def ratio_interval(sums, counts) -> list[float]:
    """Bootstrap interval of a ratio over episodes."""
    sums, counts = np.asarray(sums, float), np.asarray(counts, float)
    return interval(drawn_ratios(sums, counts, draw(len(sums))))


def pooled(runs: list[tuple], others: list[tuple] | None = None, resamples: int = RESAMPLES) -> dict:
    """Mean over training runs with its two-level bootstrap interval: runs are drawn first, then episodes within each.

    Args:
        runs: (sums, counts) of each training run.
        others: the same of another arm, run by run on the same episodes: then the difference runs - others is measured,
            with the same runs and episodes drawn for both.

    Returns:
        ``value``, ``ci95`` and ``runs``. One run alone gives the interval over its episodes.
    """
    pairs = [[np.asarray(part, float) for part in run] for run in runs]
    against = [[np.asarray(part, float) for part in run] for run in others] if others is not None else None
    if against is not None and [len(p[0]) for p in pairs] != [len(p[0]) for p in against]:
        raise ValueError("the two arms were not measured on the same episodes")
    value = np.mean([ratio(*run) for run in pairs])
    drawn = np.empty((len(pairs), resamples))  # each run's ratio in each draw of episodes
    for number, run in enumerate(pairs):
        chosen = draw(len(run[0]), resamples, seed=number)
        drawn[number] = drawn_ratios(*run, chosen)
        if against is not None:
            drawn[number] -= drawn_ratios(*against[number], chosen)
    if against is not None:
        value -= np.mean([ratio(*run) for run in against])
    chosen = np.random.default_rng(1).integers(len(pairs), size=(len(pairs), resamples))
    means = np.take_along_axis(drawn, chosen, 0).mean(0)
    return {"value": float(value), "ci95": interval(means), "runs": len(pairs)}
