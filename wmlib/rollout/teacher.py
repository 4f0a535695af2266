"""A teacher: a linear driver who senses the simulator's state, found by evolution within minutes.

It draws no picture and runs no V and no M, so a generation of it costs a second. What it has found, a C that sees only
[z, h] can learn from it ("Learning by Cheating", Chen et al. 2019).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gymnasium.utils.seeding import np_random

from wmlib.config import ACTION_SIZE, MAX_STEPS, TASKS
from wmlib.models.controller import squash
from wmlib.runs import read_arrays
from wmlib.simulator.senses import AHEAD, BENDS, BLUR, SENSES
from wmlib.simulator.simulator import Simulator
from wmlib.simulator.track import generate

FIRM = 3.0  # pre-activations beyond it are all the same to an action


def beginner() -> np.ndarray:
    """Where the search begins (SENSES, 3): steer for the road ahead, keep to 70 m/s, mind the bends."""
    weights, speed = np.zeros((SENSES, ACTION_SIZE)), len(AHEAD)
    weights[AHEAD.index(3), 0], weights[AHEAD.index(4), 0] = 1.0, 0.6
    for action, always, fast, bend in ((1, 0.5, -1.0, -1.5), (2, -1.0, 1.0, 1.0)):
        weights[-1, action], weights[speed, action], weights[BENDS : BENDS + 3, action] = always, fast, bend
    return weights


def read_teacher(path: Path) -> Teacher:
    """The teacher whose ``weights`` a file holds. Raises :class:`UserError` if it is missing, damaged or another's."""
    return Teacher(read_arrays(path, ("weights",), {"weights": (SENSES, ACTION_SIZE)})["weights"])


class Teacher:
    """Says what it would do in any lane of a simulator.

    Args:
        weights: (SENSES, 3).
    """

    def __init__(self, weights: np.ndarray):
        self.weights = np.asarray(weights, float).reshape(SENSES, ACTION_SIZE)

    def __call__(self, simulator: Simulator, lanes: np.ndarray) -> np.ndarray:
        """Pre-activations float32 (n, 3) for these lanes (n,): what :func:`wmlib.models.controller.squash` takes."""
        return np.clip(self.senses(simulator, lanes) @ self.weights, -FIRM, FIRM).astype(np.float32)

    def senses(self, simulator: Simulator, lanes: np.ndarray) -> np.ndarray:
        """What it senses in these lanes: (n, SENSES), see :func:`wmlib.simulator.senses.sense`."""
        felt = np.zeros((simulator.lanes, SENSES))
        simulator.sense(felt, lanes)
        return felt[lanes]


def judge(
    candidates: np.ndarray,
    seeds: list[int],
    blur: float,
    calm: float,
    patience: int,
    random: np.random.Generator,
    max_steps: int = MAX_STEPS,
) -> tuple[np.ndarray, int]:
    """Every candidate (n, SENSES * 3) on every track: mean returns less what unrest costs (n,), and the steps driven.

    Args:
        blur, calm, patience: see :class:`wmlib.config.teaching.TeachingConfig`.
    """
    count, cost = len(candidates) * len(seeds), TASKS["carracing"].step_cost
    simulator = Simulator(count, max_steps=max_steps, pictures=False)
    tracks = [generate(np_random(seed)[0]) for seed in seeds]
    for lane in range(count):
        simulator.start(lane, tracks[lane % len(seeds)])
    weights = np.repeat(candidates.reshape(-1, SENSES, ACTION_SIZE), len(seeds), axis=0)
    felt, actions = np.zeros((count, SENSES)), np.zeros((count, ACTION_SIZE))
    totals, unrest, since = np.zeros(count), np.zeros(count), np.zeros(count, int)
    active, tiles = np.ones(count, bool), simulator.tiles_visited.copy()
    while active.any():
        on = np.flatnonzero(active)
        simulator.sense(felt, on)
        blurred = felt[on] + blur * BLUR * random.standard_normal((len(on), SENSES))
        before = actions[on, 0]
        actions[on] = squash(np.einsum("ls,lsa->la", blurred, weights[on]))
        unrest[on] += np.abs(actions[on, 0] - before)
        rewards, terminated, truncated = simulator.step(actions, active)
        totals += rewards
        since = np.where(simulator.tiles_visited > tiles, 0, since + 1)
        tiles = simulator.tiles_visited.copy()
        over = active & (terminated | truncated)
        lost = active & ~over & (since >= patience)
        totals[lost] -= cost * (max_steps - simulator.steps[lost])
        active &= ~(over | lost)
    fitness = totals - calm * unrest / simulator.steps
    return fitness.reshape(len(candidates), -1).mean(1), int(simulator.steps.sum())
