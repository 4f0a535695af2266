"""Many CarRacings as one Gymnasium vector environment: the lanes of one simulator, stepped together."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from wmlib.config import FRAME_SHAPE, MAX_STEPS
from wmlib.simulator.simulator import Simulator
from wmlib.simulator.track import generate


class FastCarRacingLanes(VectorEnv):
    """``gymnasium.make_vec("wmlib/CarRacing-v3", num_envs, vectorization_mode="vector_entry_point")``.

    Every lane is what :class:`wmlib.simulator.environment.FastCarRacing` is, bit by bit, with the options given here;
    V's 64 x 64 pictures and continuous actions. A lane whose episode has ended begins the next in the step after, whose
    action it does not see (Gymnasium's ``NEXT_STEP``). :attr:`simulator` holds the state of all lanes.

    Args:
        num_envs: lanes.
        max_episode_steps: frames per episode.
        samples: points per pixel edge, where colours meet.
        lap_complete_percent: share of the tiles that makes a lap.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int = MAX_STEPS,
        samples: int = 2,
        lap_complete_percent: float = 0.95,
    ):
        self.num_envs = num_envs
        self.simulator = Simulator(num_envs, samples, max_episode_steps, lap=lap_complete_percent)
        self.single_observation_space = spaces.Box(0, 255, FRAME_SHAPE, np.uint8)
        self.single_action_space = spaces.Box(np.array([-1, 0, 0], np.float32), np.ones(3, np.float32))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators = [np_random()[0] for _ in range(num_envs)]
        self._ended = np.zeros(num_envs, bool)

    def reset(self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None):
        """Begin an episode in every lane: ``seed`` in the first, ``seed + 1`` in the second and so on, or a list.

        Returns:
            Frames uint8 (num_envs, 64, 64, 3), and an empty dictionary.
        """
        seeds = [seed + lane for lane in range(self.num_envs)] if isinstance(seed, (int, np.integer)) else seed
        for lane, number in enumerate(seeds or [None] * self.num_envs):
            if number is not None:
                self._generators[lane] = np_random(int(number))[0]
            self._begin(lane)
        self._ended[:] = False
        return self.simulator.frames.copy(), {}

    def step(self, actions: np.ndarray):
        """One frame of every lane with ``actions`` (num_envs, 3); ``info`` has ``lap_finished`` of episodes that ended.

        Raises:
            ResetNeeded: there are no episodes yet.
            UserError: an action is misshapen or not finite.
        """
        if (self.simulator.steps < 0).any():
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        began = np.flatnonzero(self._ended)
        rewards, terminated, truncated = self.simulator.step(actions, ~self._ended)
        for lane in began:
            self._begin(lane)
        self._ended = terminated | truncated
        info = {}
        if terminated.any():
            info = {"lap_finished": self.simulator.lap_finished & terminated, "_lap_finished": terminated.copy()}
        return self.simulator.frames.copy(), rewards, terminated, truncated, info

    def _begin(self, lane: int) -> None:
        self.simulator.start(lane, generate(self._generators[lane]))
