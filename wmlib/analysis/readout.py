"""Linear read-outs: what a weighted sum can tell about the car, and a weighted sum is all that C forms."""

from __future__ import annotations

import numpy as np

from wmlib.analysis.drives import STATE, Drive
from wmlib.report.stats import RESAMPLES

EMPTY = 50  # first frames left out: the camera still zooms and the memory is still empty
RIDGE = 1.0


def ridge_guess(features: np.ndarray, target: np.ndarray, unseen: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """Fit ``target`` (n,) as a weighted sum of ``features`` (n, d), and guess it for ``unseen`` (m, d): (m,).

    Features are standardised first, so that one ``ridge`` suits all; the intercept is not shrunk.
    """
    features, unseen = features.astype(float), unseen.astype(float)
    centre, spread = features.mean(0), features.std(0) + 1e-9
    x = (features - centre) / spread
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ (target - target.mean()))
    return (unseen - centre) / spread @ weights + target.mean()


def r_squared(truth: np.ndarray, guess: np.ndarray) -> float:
    """Share of the variance explained: 1 is perfect, 0 no better than the mean."""
    return float(1 - np.square(truth - guess).sum() / np.square(truth - truth.mean()).sum())


def read_outs(drives: list[Drive], views: dict[str, callable]) -> dict:
    """R² of each part of the car's state from each view, fitted on three quarters of the tracks, tested on the rest.

    Args:
        views: name to a function from a drive to features (T, d).

    Returns:
        view -> state -> ``r2`` and ``ci95``, a bootstrap interval over test tracks.
    """
    drives = [drive for drive in drives if len(drive.z) > EMPTY]
    cut = 3 * len(drives) // 4
    known, unknown = drives[:cut], drives[cut:]
    result = {}
    for name, view in views.items():
        features = np.concatenate([view(drive)[EMPTY:] for drive in known])
        unseen = [view(drive)[EMPTY:] for drive in unknown]
        result[name] = {}
        for index, state in enumerate(STATE):
            target = np.concatenate([drive.states[EMPTY:, index] for drive in known])
            truths = [drive.states[EMPTY:, index] for drive in unknown]
            guesses = np.split(
                ridge_guess(features, target, np.concatenate(unseen)), np.cumsum([len(t) for t in truths])[:-1]
            )
            low, high = _interval(truths, guesses)
            value = r_squared(np.concatenate(truths), np.concatenate(guesses))
            result[name][state] = {"r2": round(value, 3), "ci95": [round(low, 3), round(high, 3)]}
    return result


def _interval(truths: list[np.ndarray], guesses: list[np.ndarray]) -> tuple[float, float]:
    """Bootstrap interval of R² over tracks, from each track's sums."""
    sums = np.array(
        [(len(t), t.sum(), np.square(t).sum(), np.square(t - g).sum()) for t, g in zip(truths, guesses, strict=True)]
    )
    chosen = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    n, total, squares, errors = sums[chosen].sum(1).T
    low, high = np.percentile(1 - errors / (squares - total**2 / n), [2.5, 97.5])
    return float(low), float(high)
