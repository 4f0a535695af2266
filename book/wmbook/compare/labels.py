"""What the pictures should tell: recorded episodes driven again with their own actions, and the true state beside them.

The simulator is exact, so the same track and actions give the same rewards and frames to the last bit; that is checked.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wmlib.data.rollouts import RolloutStore
from wmlib.errors import UserError
from wmlib.seeds import generator

AHEAD = (5, 10, 20)  # tiles; one is 3.5 m, and about ten are in the picture
LABELS = {
    "offset": "lateral offset, m",
    "heading": "heading error, rad",
    "turn5": "turn of the road over 5 tiles, rad",
    "turn10": "turn of the road over 10 tiles, rad",
    "turn20": "turn of the road over 20 tiles, rad",
    "speed": "speed, m/s",
    "yaw_rate": "yaw rate, rad/s",
    "on_grass": "all four wheels on grass",
}
ROAD_LABELS = 5  # the first ones say where the road is, and are NaN where it is not in view
VIEW = 20.0  # metres from the centre line up to which the road counts as in view; the picture shows 30 to each side
FACING = np.pi / 2  # largest heading error at which the road ahead counts as in view
ZOOMED = 50  # frames until the camera's opening zoom has ended
LANES = 16  # episodes driven at once


class Recording(NamedTuple):
    """A recorded episode: its place among all episodes of the run, which is also the name of its latents; its file; and
    the simulator's sub-samples per pixel edge when it was recorded."""

    number: int
    file: Path
    samples: int


@dataclass(frozen=True)
class Driven:
    """An episode of T steps with its true state, and the frames of it that are measured.

    Attributes:
        recording: where it was recorded.
        track_seed: its track.
        labels: (T + 1, 8) float64, one column per entry of ``LABELS``; NaN where a label has no meaning.
        kept: (n,) int, steps whose frames are measured.
        frames: (n, 64, 64, 3) uint8.
        car, edge: (n, 64, 64) bool, pixels of the car and of the road's edges; None unless asked for.
    """

    recording: Recording
    track_seed: int
    labels: np.ndarray
    kept: np.ndarray
    frames: np.ndarray
    car: np.ndarray | None
    edge: np.ndarray | None


def wrap(angle: np.ndarray) -> np.ndarray:
    """Angles in rad to [-pi, pi)."""
    return (np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi


def road_labels(track: np.ndarray, position: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Where the road is, seen from the car: offset, heading error and turns ahead, (n, 5).

    The offset is signed, positive to the right of the centre line; a turn is the change of the road's direction from
    the nearest tile to one further on, positive to the left.

    Args:
        track: (N, 4), rows of alpha, beta (direction, rad), x and y (m).
        position: (n, 2) m, angle: (n,) rad.
    """
    gap = position[:, None] - track[None, :, 2:]
    nearest = np.square(gap).sum(-1).argmin(1)
    gap, beta = gap[np.arange(len(gap)), nearest], track[nearest, 1]
    offset = gap[:, 0] * np.cos(beta) + gap[:, 1] * np.sin(beta)
    turns = [wrap(track[(nearest + tiles) % len(track), 1] - beta) for tiles in AHEAD]
    return np.stack([offset, wrap(angle - beta), *turns], axis=1)


def visible(labels: np.ndarray) -> np.ndarray:
    """The same labels (n, 8) with those of the road NaN where it is out of view."""
    labels = labels.copy()
    hidden = (np.abs(labels[:, 0]) > VIEW) | (np.abs(labels[:, 1]) > FACING)
    labels[hidden, :ROAD_LABELS] = np.nan
    return labels


def drive_again(recordings: list[Recording], keep: int, first: int = 0, masked: bool = False) -> list[Driven]:
    """Drive recorded episodes again and read off their labels.

    Args:
        keep: frames of each episode that are measured, one at random from each of as many equal parts of it.
        first: step from which on frames are kept.
        masked: also draw the masks of the car and of the road's edges.

    Raises:
        UserError: rewards or frames differ from the recorded ones.
    """
    driven = []
    for samples, group in itertools.groupby(recordings, key=lambda recording: recording.samples):
        alike = list(group)
        for start in range(0, len(alike), LANES):
            driven += _group(alike[start : start + LANES], samples, keep, first, masked)
    return driven


def steps_to_keep(first: int, end: int, keep: int, track_seed: int) -> np.ndarray:
    """``keep`` of the steps from ``first`` up to ``end``, one from each equal part; all of them if there are fewer."""
    length = max(0, end - first)
    if keep >= length:
        return np.arange(first, end)
    borders = first + np.arange(keep + 1) * length // keep
    return generator(track_seed, "frames to measure").integers(borders[:-1], borders[1:])


def _group(recordings: list[Recording], samples: int, keep: int, first: int, masked: bool) -> list[Driven]:
    from wmbook.compare.masks import masks
    from wmlib.simulator.simulator import Simulator

    rollouts = [RolloutStore.read(recording.file) for recording in recordings]
    simulator = Simulator(len(recordings), samples, max_steps=1 << 40)
    kept = [steps_to_keep(first, len(r) + 1, keep, r.track_seed) for r in rollouts]
    states: list[list] = [[] for _ in recordings]
    drawn: list[list] = [[] for _ in recordings]
    for lane, rollout in enumerate(rollouts):
        simulator.reset(lane, rollout.track_seed)
    lengths = np.array([len(rollout) for rollout in rollouts])
    for step in range(lengths.max() + 1):
        for lane in np.flatnonzero(step <= lengths):
            state = simulator.state(lane)
            moving = np.hypot(*state["linear_velocity"]), state["angular_velocity"], state["wheels_on_grass"].all()
            states[lane].append((*state["position"], state["angle"], *moving))
            if step in kept[lane]:
                if not np.array_equal(simulator.frames[lane], rollouts[lane].frames[step]):
                    raise UserError(_other_simulator(recordings[lane].file, "frame", step))
                if masked:
                    drawn[lane].append(masks(simulator, lane))
        active = step < lengths
        if not active.any():
            break
        actions = np.stack([r.actions[min(step, len(r) - 1)] for r in rollouts])
        rewards, _, _ = simulator.step(actions, active)
        for lane in np.flatnonzero(active):
            if np.float32(rewards[lane]) != rollouts[lane].rewards[step]:
                raise UserError(_other_simulator(recordings[lane].file, "reward", step))
    driven = []
    for lane, (recording, rollout) in enumerate(zip(recordings, rollouts)):
        state = np.array(states[lane], float)
        road = road_labels(simulator.state(lane)["track"], state[:, :2], state[:, 2])
        car, edge = np.array(drawn[lane]).reshape(-1, 2, 64, 64).swapaxes(0, 1) if masked else (None, None)
        labels = visible(np.concatenate([road, state[:, 3:]], axis=1))
        steps = kept[lane]
        driven.append(Driven(recording, rollout.track_seed, labels, steps, rollout.frames[steps], car, edge))
    return driven


def _other_simulator(file: Path, what: str, step: int) -> str:
    return (
        f"{file}: driving its actions again gives another {what} at step {step}; it was recorded by another version of "
        "the simulator, collect again into a new --run folder"
    )
