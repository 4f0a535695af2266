"""Unmodified Gymnasium CarRacing-v3 behind the simulator's interface: what every reported score is driven on."""

from __future__ import annotations

import numpy as np

from wmlib.config import FRAME_SHAPE


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
        from wmlib.envs.preprocess import preprocess

        self.observations[lane] = observation
        self.frames[lane] = preprocess(observation)
        self.tiles_visited[lane] = self.environments[lane].unwrapped.tile_visited_count
