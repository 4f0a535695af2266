"""Is the search's answer at an optimum? Drives with a linear C that is moved by hand: bolder, calmer, sharper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wmbook.records.intervals import paired_difference
from wmlib.config import ACTION_SIZE, RolloutConfig
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.stats import describe

STEER, GAS, BRAKE = range(ACTION_SIZE)
NUDGES = {  # what a row of the chapter's table calls it: (control, added to its bias, factor on its weights and bias)
    "a little more gas": (GAS, 0.1, 1.0),
    "more gas": (GAS, 0.25, 1.0),
    "less brake": (BRAKE, -0.2, 1.0),
    "more brake": (BRAKE, 0.2, 1.0),
    "softer steering": (STEER, 0.0, 0.9),
    "sharper steering": (STEER, 0.0, 1.15),
}
LANES = 64


def nudged(parameters: np.ndarray, control: int, bias: float, factor: float) -> np.ndarray:
    """Parameters (P,) of a linear C with one control's pre-activation multiplied, then shifted."""
    rows = parameters.reshape(-1, ACTION_SIZE).copy()  # (inputs + 1, 3); the last row is the bias
    rows[:, control] *= factor
    rows[-1, control] += bias
    return rows.ravel()


def try_nudges(spec: WorkerSpec, parameters: np.ndarray, seeds: list[int], rollout: RolloutConfig) -> dict:
    """Drive C as it is and with every nudge on the same tracks.

    Returns:
        name -> score, as :func:`wmlib.stats.describe` gives it, and ``difference``, paired by track, to C as it
        is, whose name is ``as found``.
    """
    drivers = {"as found": parameters} | {name: nudged(parameters, *nudge) for name, nudge in NUDGES.items()}
    pairs = [(driver, seed) for driver in range(len(drivers)) for seed in seeds]
    with make_executor(rollout, replace(spec, lanes=LANES)) as executor:
        jobs = [Job(index, *pair) for index, pair in enumerate(pairs)]
        episodes = executor.run(jobs, np.array(list(drivers.values())))
    returns = np.array([episode.total for episode in episodes]).reshape(len(drivers), len(seeds))
    return {
        name: describe(ours) | {"difference": paired_difference(ours, returns[0])}
        for name, ours in zip(drivers, returns, strict=True)
    }
