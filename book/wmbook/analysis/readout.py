"""Linear read-outs: what a weighted sum can tell about the car, and a weighted sum is all that C forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium.envs.box2d.car_racing import TRACK_WIDTH

from wmbook.analysis.drives import STATE, Drive
from wmlib.stats import RESAMPLES

EMPTY = 50  # first frames left out: the camera still zooms and the memory is still empty
STRIDE = 4  # frames between those used; neighbours hardly differ
NEAR = 1.5 * TRACK_WIDTH  # m from the middle of the road; a car lost on the grass says nothing about driving
RIDGE = 1.0
FOLDS = 4


def ridge_guess(features: np.ndarray, target: np.ndarray, unseen: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """Fit ``target`` (n, k) as weighted sums of ``features`` (n, d), and guess it for ``unseen`` (m, d): (m, k).

    Features are standardised first, so that one ``ridge`` suits all; the intercepts are not shrunk.
    """
    centre, spread = features.mean(0), features.std(0) + 1e-9
    x, average = (features - centre) / spread, target.mean(0)
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ (target - average))
    return (unseen - centre) / spread @ weights + average


def read_outs(drives: list[Drive], views: dict[str, Callable[[Drive], np.ndarray]]) -> dict:
    """R² of each part of the car's state from each view: 1 is perfect, 0 no better than the mean.

    Tracks are split into ``FOLDS`` parts; each is guessed by weights fitted on the others: no track is used for both.

    Args:
        views: name to a function from a drive to features (T, d).

    Returns:
        view -> state -> ``r2`` and ``ci95``, a bootstrap interval over tracks.
    """
    kept = [np.arange(EMPTY, len(d.z), STRIDE) for d in drives]
    kept = [k[np.abs(d.states[k, 3]) < NEAR] for k, d in zip(kept, drives, strict=True)]
    truths = [d.states[k] for k, d in zip(kept, drives, strict=True)]  # each (t, 4)
    result = {}
    for name, view in views.items():
        seen = [view(d)[k].astype(float) for k, d in zip(kept, drives, strict=True)]
        guesses: list[np.ndarray] = [None] * len(drives)
        for fold in range(FOLDS):
            known = [i for i in range(len(drives)) if i % FOLDS != fold]
            unknown = [i for i in range(len(drives)) if i % FOLDS == fold]
            features, target = (np.concatenate([part[i] for i in known]) for part in (seen, truths))
            for i in unknown:
                guesses[i] = ridge_guess(features, target, seen[i])
        result[name] = {
            state: score([t[:, k] for t in truths], [g[:, k] for g in guesses]) for k, state in enumerate(STATE)
        }
    return result


def score(truths: list[np.ndarray], guesses: list[np.ndarray]) -> dict:
    """R² over all tracks, and its bootstrap interval over tracks, from each track's sums."""
    rows = [(len(t), t.sum(), np.square(t).sum(), np.square(t - g).sum()) for t, g in zip(truths, guesses, strict=True)]
    sums = np.array(rows)  # (tracks, 4)
    chosen = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    low, high = np.percentile(_r_squared(sums[chosen].sum(1)), [2.5, 97.5])
    return {"r2": round(float(_r_squared(sums.sum(0))), 3), "ci95": [round(float(low), 3), round(float(high), 3)]}


def _r_squared(sums: np.ndarray) -> np.ndarray:
    """R² from sums (..., 4): count, truth, truth squared, error squared."""
    count, total, squares, errors = np.moveaxis(sums, -1, 0)
    return 1 - errors / np.maximum(squares - total**2 / count, 1e-9)  # a constant would divide by zero
