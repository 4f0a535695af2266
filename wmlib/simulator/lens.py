"""How much of each pixel of Gymnasium's 1000 x 800 drawing ends up in each pixel of the observation.

Gymnasium shrinks its drawing to 96 x 96 by area averaging; V's picture is the upper 84 rows of that, area-averaged
again to 64 x 64. Both steps are separable and linear, so the whole chain is one weight table per axis.
"""

from __future__ import annotations

import numpy as np

SCREEN_WIDTH, SCREEN_HEIGHT = 1000, 800  # pixels of gymnasium's drawing
OBSERVATION = 96  # pixels of gymnasium's observation
CROP = 84  # rows of the observation above the status bar
HEIGHT = SCREEN_HEIGHT * CROP / OBSERVATION  # pixels of the drawing above the status bar
ONE = 1 << 12  # a pixel's weights sum to this


def area_weights(source: int, target: int) -> np.ndarray:
    """Matrix (target, source) of area averaging: the share of source cell j in target cell i."""
    edges = np.arange(target + 1) * source / target
    cells = np.arange(source)
    low = np.maximum(edges[:-1, None], cells)
    high = np.minimum(edges[1:, None], cells + 1)
    return np.maximum(high - low, 0.0) * target / source


def pixel_weights(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Integer tables (size, 1000) and (size, 800) of a 64- or 96-pixel picture; every row sums to ``ONE``."""
    columns = area_weights(SCREEN_WIDTH, OBSERVATION)
    rows = area_weights(SCREEN_HEIGHT, OBSERVATION)
    if size == 64:
        columns = area_weights(OBSERVATION, 64) @ columns
        rows = area_weights(CROP, 64) @ rows[:CROP]
    return _to_integers(columns), _to_integers(rows)


def _to_integers(weights: np.ndarray) -> np.ndarray:
    """Round cumulative sums, so that the rounded weights still sum to ``ONE``."""
    cumulative = np.round(np.cumsum(weights, axis=1) * ONE).astype(np.int64)
    return np.diff(cumulative, axis=1, prepend=0).astype(np.int32)


def spans(weights: np.ndarray) -> np.ndarray:
    """First and one-past-last source pixel of every row of ``weights``: (size, 2) int64."""
    used = weights > 0
    return np.stack([used.argmax(1), weights.shape[1] - used[:, ::-1].argmax(1)], axis=1).astype(np.int64)
