"""All randomness starts here: four disjoint ranges of track seeds, and one generator per purpose.

A track seed is what ``env.reset(seed=...)`` receives. Nothing is ever tuned on ``test``; ``validation`` chooses a
generation; ``fitness`` drives the search; ``collect`` gives V and M their data.
"""

import zlib

import numpy as np

from wmlib.errors import UserError

TRACK_SEEDS = {
    "collect": range(0, 100_000_000),
    "fitness": range(100_000_000, 1_000_000_000),
    "validation": range(1_000_000_000, 1_100_000_000),
    "test": range(2_000_000_000, 2_100_000_000),
}


def track_seeds(purpose: str, seed: int, first: int, count: int) -> list[int]:
    """``count`` track seeds of a range, from position ``first``.

    ``collect`` and ``fitness`` give each training seed (0-999) its own share of the range; ``validation`` and ``test``
    are the same tracks for every run, so that runs can be compared track by track.

    Raises:
        UserError: the positions leave this training seed's share of the range.
    """
    tracks = TRACK_SEEDS[purpose]
    share = len(tracks) // 1000 if purpose in ("collect", "fitness") else len(tracks)
    if first < 0 or first + count > share:
        raise UserError(
            f"{purpose}: positions {first} to {first + count} leave the range of {share} tracks; ask for fewer tracks, "
            "episodes or generations"
        )
    start = tracks.start + (seed * share if purpose in ("collect", "fitness") else 0) + first
    return list(range(start, start + count))


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator of its own for each named purpose: ``generator(0, "vae", "batches")``."""
    words = [zlib.crc32(str(p).encode()) for p in purpose]
    return np.random.default_rng([seed, *words])
