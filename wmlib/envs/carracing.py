"""CarRacing-v3 as a task: Gymnasium's own environment in lanes, what V sees of it, and its random driver."""

from __future__ import annotations

import cv2
import numpy as np

from wmlib.config import ACTION_SIZE, FRAME_SHAPE
from wmlib.seeds import generator
from wmlib.simulator.lens import CROP


def preprocess(observation: np.ndarray) -> np.ndarray:
    """Crop the status bar off a (96, 96, 3) uint8 observation and area-average it to (64, 64, 3) uint8: what V sees.

    Raises:
        ValueError: another shape or type, whose top rows would silently be taken for the whole.
    """
    if np.shape(observation) != (96, 96, 3) or np.asarray(observation).dtype != np.uint8:
        raise ValueError(
            f"observation is {np.shape(observation)}, {np.asarray(observation).dtype}; "
            "CarRacing's is (96, 96, 3), uint8"
        )
    return cv2.resize(observation[:CROP], (64, 64), interpolation=cv2.INTER_AREA)


class GymnasiumLanes:
    """``lanes`` separate ``gymnasium.make("CarRacing-v3")``, stepped one after the other.

    ``frames`` are V's 64 x 64 pictures of Gymnasium's own 96 x 96 observations, kept in ``observations``.
    """

    def __init__(self, lanes: int):
        import gymnasium

        self.environments = [gymnasium.make("CarRacing-v3") for _ in range(lanes)]
        self.frames = np.zeros((lanes, *FRAME_SHAPE), np.uint8)
        self.observations = np.zeros((lanes, 96, 96, 3), np.uint8)
        self.tiles_visited = np.zeros(lanes, int)
        self.tiles_total = np.zeros(lanes, int)
        self.lap_finished = np.zeros(lanes, bool)

    def reset(self, lane: int, seed: int) -> None:
        """New track in one lane."""
        observation, _ = self.environments[lane].reset(seed=seed)
        self.lap_finished[lane] = False
        self.tiles_total[lane] = len(self.environments[lane].unwrapped.track)
        self._see(lane, observation)

    def step(self, actions: np.ndarray, active: np.ndarray):
        """Step the active lanes; rewards float64, terminated, truncated (lanes,)."""
        lanes = len(self.environments)
        rewards, terminated, truncated = np.zeros(lanes), np.zeros(lanes, bool), np.zeros(lanes, bool)
        for lane in np.flatnonzero(active):
            result = self.environments[lane].step(np.asarray(actions[lane], np.float32))
            observation, rewards[lane], terminated[lane], truncated[lane], info = result
            self.lap_finished[lane] = info.get("lap_finished", False)
            self._see(lane, observation)
        return rewards, terminated, truncated

    def _see(self, lane: int, observation: np.ndarray) -> None:
        self.observations[lane] = observation
        self.frames[lane] = preprocess(observation)
        self.tiles_visited[lane] = self.environments[lane].unwrapped.tile_visited_count


class RandomDriver:
    """Persistent random actions that still look like driving.

    Steering is a clipped random walk pulled to the middle; gas stays near a level drawn per episode; the brake is
    touched now and then. Independent uniform actions would cancel out within a few frames, and M would learn that
    actions do not matter.
    """

    def __init__(self, lanes: int):
        self.actions = np.zeros((lanes, ACTION_SIZE), np.float32)
        self.gas = np.zeros(lanes)
        self.random: list[np.random.Generator] = [generator(0)] * lanes

    def begin(self, lane: int, job, parameters: np.ndarray | None = None) -> None:
        """Start an episode; its draws follow from the track seed alone. There is nothing to set: no parameters."""
        self.random[lane] = generator(job.track_seed, "random driver")
        self.gas[lane] = self.random[lane].uniform(0.1, 0.9)
        self.actions[lane] = (self.random[lane].uniform(-0.3, 0.3), self.gas[lane], 0.0)

    def act(self, frames: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Actions (lanes, 3); the frames are not looked at."""
        for lane in np.flatnonzero(active):
            random = self.random[lane]
            steer = 0.97 * self.actions[lane, 0] + random.normal(0.0, 0.15)
            gas = self.gas[lane] + random.normal(0.0, 0.15)
            brake = random.uniform(0.2, 0.9) if random.random() < 0.05 else 0.0
            self.actions[lane] = (np.clip(steer, -1, 1), np.clip(gas, 0, 1), brake)
        return self.actions


def make_lanes(lanes: int, samples: int, renderer: str, max_steps: int):
    """Cars in lockstep: Gymnasium's own (``renderer`` gymnasium), or the simulator's (wmlib), which draws with
    ``samples`` squared sub-samples per pixel."""
    if renderer == "gymnasium":
        return GymnasiumLanes(lanes)
    from wmlib.simulator.simulator import Simulator

    return Simulator(lanes, samples=samples, max_steps=max_steps)


BASELINES = {"random": RandomDriver}
