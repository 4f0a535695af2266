"""Where the points go: a perfect drive of no time would return 1,000, and everything missing has a reason.

``return = 1000 - skipped - not reached - time - leaving the field``: tiles the car passed without touching them, tiles
it never came to, 0.1 per frame, and what it costs to end the episode outside the field.
"""

from __future__ import annotations

import numpy as np
from gymnasium.envs.box2d.car_racing import TRACK_DETAIL_STEP, TRACK_WIDTH

from wmbook.analysis.drives import Drive
from wmlib.simulator import STEP_COST

BENDS = (0.0, 0.01, 0.02, 0.03, 0.045, np.inf)  # edges of classes of curvature, 1/m: radius over 100 m ... under 22 m
SPREAD = 4  # tiles on either side over which curvature is averaged: what the driver meets as one bend


def curvature(track: np.ndarray) -> np.ndarray:
    """Curvature of the road at every tile of ``track`` (N, 4), 1/m, positive to the left: (N,)."""
    turn = np.diff(track[:, 1], prepend=track[-1, 1])
    turn = (turn + np.pi) % (2 * np.pi) - np.pi  # the lap closes with a full turn
    window = sum(np.roll(turn, shift) for shift in range(-SPREAD, SPREAD + 1))
    return window / ((2 * SPREAD + 1) * TRACK_DETAIL_STEP)


def account(drive: Drive) -> dict:
    """Points lost on one track, by reason."""
    tiles, furthest = len(drive.track), int(drive.place.max(initial=0))
    missed = ~drive.visited
    behind = np.arange(tiles) <= furthest
    skipped, not_reached = int((missed & behind).sum()), int((missed & ~behind).sum())
    points = {
        "skipped": 1000 * skipped / tiles,
        "not_reached": 1000 * not_reached / tiles,
        "time": STEP_COST * drive.episode.steps,
    }
    points["left_field"] = 1000 - drive.episode.total - sum(points.values())
    gaps = int(np.sum(np.diff((missed & behind).astype(int), prepend=0) == 1))
    return {
        "track_seed": drive.episode.track_seed,
        "return": round(drive.episode.total, 2),
        "steps": drive.episode.steps,
        "lap_finished": drive.episode.lap_finished,
        "tiles": tiles,
        "skipped": skipped,
        "not_reached": not_reached,
        "gaps": gaps,
        "points": {name: round(value, 2) + 0.0 for name, value in points.items()},
    }


def bends(drives: list[Drive]) -> dict:
    """What happens in each class of curvature: lists over the classes of ``BENDS``.

    ``inside`` is how far the car keeps to the inner side of the bend, in half widths of the road; ``off_road`` the
    share of frames with the middle of the car beside the road.
    """
    classes = len(BENDS) - 1
    tiles, skipped, frames, off = (np.zeros(classes) for _ in range(4))
    speed, inside = np.zeros(classes), np.zeros(classes)
    for drive in drives:
        bend = curvature(drive.track)
        kind = np.digitize(np.abs(bend), BENDS[1:-1])
        behind = np.arange(len(bend)) <= drive.place.max(initial=0)
        np.add.at(tiles, kind[behind], 1)
        np.add.at(skipped, kind[behind & ~drive.visited], 1)
        here = drive.place % len(bend)
        offset = drive.states[:, 3] / TRACK_WIDTH
        np.add.at(frames, kind[here], 1)
        np.add.at(speed, kind[here], drive.states[:, 0])
        np.add.at(inside, kind[here], -offset * np.sign(bend[here]))  # a left bend's inner side is on the left
        np.add.at(off, kind[here], np.abs(offset) > 1)
    some = np.maximum(frames, 1)
    return {
        "edges": [None if np.isinf(edge) else edge for edge in BENDS],
        "tiles": tiles.astype(int).tolist(),
        "skipped": skipped.astype(int).tolist(),
        "speed": (speed / some).round(2).tolist(),
        "inside": (inside / some).round(3).tolist(),
        "off_road": (off / some).round(4).tolist(),
    }
