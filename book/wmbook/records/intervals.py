"""Bootstrap intervals of what the book compares: several training runs of an arm, two arms on the same tracks."""

from __future__ import annotations

import numpy as np

from wmlib.stats import RESAMPLES


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


def paired_difference(ours, theirs, level: float = 0.95, resamples: int = RESAMPLES) -> dict:
    """Mean difference of two arms on the same tracks, with a two-sided bootstrap interval.

    With one training run each, tracks are drawn with replacement. With several, runs are drawn first, on each side by
    itself, then tracks, the same for all runs drawn: a track that is hard is hard for everyone.

    Args:
        ours, theirs: returns (runs, tracks), or (tracks,) for one run; column ``i`` is the same track in both.

    Returns:
        ``mean``, ``ci95``, ``tracks``, ``runs`` (ours, theirs) and ``share``, that of tracks on which ours is ahead.

    Raises:
        ValueError: no tracks, or not the same number of them.
    """
    ours, theirs = np.atleast_2d(np.asarray(ours, float)), np.atleast_2d(np.asarray(theirs, float))
    tracks = ours.shape[1]
    if tracks == 0 or theirs.shape[1] != tracks:
        raise ValueError(f"{tracks} and {theirs.shape[1]} tracks cannot be paired")
    random = np.random.default_rng(0)
    chosen = random.integers(tracks, size=(resamples, tracks))
    means = _drawn(ours, chosen, random) - _drawn(theirs, chosen, random)
    difference = ours.mean(0) - theirs.mean(0)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(means, [tail, 100 - tail]) if tracks > 1 else (difference[0], difference[0])
    return {
        "mean": round(float(difference.mean()), 2),
        "ci95": [round(float(low), 2), round(float(high), 2)],
        "tracks": tracks,
        "runs": [len(ours), len(theirs)],
        "share": round(float((difference > 0).mean()), 4),
    }


def _drawn(returns: np.ndarray, chosen: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Means (resamples,) over drawn runs of ``returns`` (runs, tracks) on the ``chosen`` tracks (resamples, tracks)."""
    runs = random.integers(len(returns), size=(len(chosen), len(returns)))
    return np.einsum("kr,rt,kt->k", _shares(runs, len(returns)), returns, _shares(chosen, returns.shape[1]))


def _shares(drawn: np.ndarray, count: int) -> np.ndarray:
    """How large a share of each row of ``drawn`` (resamples, n) each of ``count`` items has: (resamples, count)."""
    flat = drawn + count * np.arange(len(drawn))[:, None]
    return np.bincount(flat.ravel(), minlength=count * len(drawn)).reshape(len(drawn), count) / drawn.shape[1]
