"""Lessons: C drives, a teacher beside it says what it would have done, and both are written down.

What C learns from is what C itself drives into; a teacher's own drives would never show it how to come back from where
only C gets (DAgger: Ross et al. 2011).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.models.controller import squash
from wmlib.runs import write_arrays


class Lessons:
    """A recorder (see :func:`wmlib.rollout.lanes.drive`) of what C saw and what the teacher wanted.

    Args:
        folder: gets ``000000.npz``, ... named by the jobs' numbers: ``inputs`` float16 (n, inputs), ``wanted`` float32
            (n, 3), the teacher's pre-activations.
        every: frames between two that are kept.
    """

    def __init__(self, folder: Path, lanes: int, every: int):
        self.folder, self.every = Path(folder), every
        self.jobs, self.steps = [None] * lanes, np.zeros(lanes, int)
        self.inputs: list[list] = [[] for _ in range(lanes)]
        self.wanted: list[list] = [[] for _ in range(lanes)]

    def begin(self, lane: int, job, frame: np.ndarray) -> None:
        """An episode begins."""
        self.jobs[lane], self.steps[lane], self.inputs[lane], self.wanted[lane] = job, 0, [], []

    def note(self, lanes: np.ndarray, inputs: np.ndarray, wanted: np.ndarray) -> None:
        """What these lanes (n,) see, (n, inputs), and what the teacher wants there, (n, 3)."""
        for lane, seen, want in zip(lanes, inputs, wanted, strict=True):
            if self.steps[lane] % self.every == 0:
                self.inputs[lane].append(seen.astype(np.float16))
                self.wanted[lane].append(want)
            self.steps[lane] += 1

    def step(self, lane: int, action: np.ndarray, reward: float, frame: np.ndarray) -> None:
        """What a step paid is of no interest here."""

    def end(self, lane: int, terminated: bool) -> None:
        """Write the episode."""
        arrays = {"inputs": np.stack(self.inputs[lane]), "wanted": np.stack(self.wanted[lane])}
        write_arrays(self.folder / f"{self.jobs[lane].index:06d}.npz", arrays, level=0)


class Pupil:
    """A driver (see :mod:`wmlib.rollout.drivers`) with a teacher beside it.

    A C whose parameters are all zero has learnt nothing yet: the teacher drives in its place.

    Args:
        driver: V + M + C.
        teacher: see :class:`wmlib.rollout.teacher.Teacher`.
        simulator: whose state the teacher senses.
        lessons: where they are noted, or None.
    """

    def __init__(self, driver, teacher, simulator, lessons: Lessons | None = None):
        self.driver, self.teacher, self.simulator, self.lessons = driver, teacher, simulator, lessons
        self.own = driver.controller
        driver.controller = self._controller

    def begin(self, lane: int, job, parameters: np.ndarray) -> None:
        """Start an episode."""
        self.driver.begin(lane, job, parameters)

    def act(self, frames: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Actions (lanes, 3); C's, or while it has learnt nothing, the teacher's."""
        self.lanes = np.flatnonzero(active)
        return self.driver.act(frames, active)

    def _controller(self, parameters: np.ndarray, z: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
        wanted = self.teacher(self.simulator, self.lanes)
        seen = z if self.driver.remember is None else np.concatenate([z, h], axis=1)
        if self.lessons is not None:
            self.lessons.note(self.lanes, seen, wanted)
        ignorant = ~parameters.any(1, keepdims=True)
        return np.where(ignorant, squash(wanted), self.own(parameters, z, h, c))
