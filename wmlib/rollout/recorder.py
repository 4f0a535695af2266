"""Recording of lanes into the rollout store."""

from __future__ import annotations

import numpy as np

from wmlib.config import FRAME_SHAPE
from wmlib.data.rollouts import Rollout, RolloutStore


class Recorder:
    """Keeps the frames of each lane's episode and writes it when it ends, under the job's number."""

    def __init__(self, store: RolloutStore, lanes: int, max_steps: int):
        self.store = store
        self.frames = np.zeros((lanes, max_steps + 1, *FRAME_SHAPE), np.uint8)
        self.actions: list[list[np.ndarray]] = [[] for _ in range(lanes)]
        self.rewards: list[list[float]] = [[] for _ in range(lanes)]
        self.jobs = [None] * lanes

    def begin(self, lane: int, job, frame: np.ndarray) -> None:
        """First frame of an episode."""
        self.jobs[lane], self.actions[lane], self.rewards[lane] = job, [], []
        self.frames[lane, 0] = frame

    def step(self, lane: int, action: np.ndarray, reward: float, frame: np.ndarray) -> None:
        """One step: the action taken, what it paid, and the frame after it."""
        self.actions[lane].append(action.copy())
        self.rewards[lane].append(reward)
        self.frames[lane, len(self.actions[lane])] = frame

    def end(self, lane: int, terminated: bool) -> None:
        """Write the episode."""
        steps, job = len(self.actions[lane]), self.jobs[lane]
        rollout = Rollout(
            self.frames[lane, : steps + 1],
            np.asarray(self.actions[lane], np.float32),
            np.asarray(self.rewards[lane], np.float32),
            terminated,
            job.track_seed,
        )
        self.store.write(job.index, rollout)
