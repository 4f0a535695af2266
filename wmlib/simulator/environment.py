"""CarRacing-v3 as a Gymnasium environment: one car of the simulator, with all of CarRacing's options."""

from __future__ import annotations

import copy
import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.box2d.car_racing import CarRacing
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import EzPickle

from wmlib.errors import UserError
from wmlib.simulator import STEP_COST
from wmlib.simulator.indicators import Digits, draw_bar
from wmlib.simulator.lens import OBSERVATION
from wmlib.simulator.simulator import PATCH, PLAIN, ROAD, Simulator
from wmlib.simulator.track import generate

OBSERVATIONS = ("64x64", "96x96")
# nothing, right, left, gas, brake
DISCRETE = np.array([(0, 0, 0), (0.6, 0, 0), (-0.6, 0, 0), (0, 0.2, 0), (0, 0, 0.8)])
FOREVER = 1 << 62  # Gymnasium's TimeLimit wrapper counts the frames


class FastCarRacing(gymnasium.Env, EzPickle):
    """Gymnasium's CarRacing at many times its speed.

    ``observation="64x64"`` is what V sees: Gymnasium's picture without the status bar, area-averaged to 64 x 64;
    ``"96x96"`` is Gymnasium's observation with its status bar. ``samples`` x ``samples`` points are taken per pixel
    in which colours meet. The other options are CarRacing's.

    Tracks, rewards, terminations and bodies are equal to Gymnasium's in every bit; ``simulator`` is the one-lane
    :class:`wmlib.simulator.simulator.Simulator` that computes them, and :meth:`state` what it knows of the car. With a
    ``render_mode``, Gymnasium's own environment drives along and draws, at its own speed.

    Raises:
        UserError: ``observation`` or ``samples`` is not one of the allowed values.
    """

    metadata = CarRacing.metadata

    def __init__(
        self,
        render_mode: str | None = None,
        verbose: bool = False,
        lap_complete_percent: float = 0.95,
        domain_randomize: bool = False,
        continuous: bool = True,
        observation: str = "64x64",
        samples: int = 2,
    ):
        EzPickle.__init__(
            self, render_mode, verbose, lap_complete_percent, domain_randomize, continuous, observation, samples
        )
        if observation not in OBSERVATIONS:
            raise UserError(f"observation={observation!r}: choose one of {', '.join(OBSERVATIONS)}")
        if samples < 1:
            raise UserError(f"samples={samples!r}: must be at least 1")
        self.render_mode, self.domain_randomize, self.continuous = render_mode, domain_randomize, continuous
        size = int(observation[:2])
        self.simulator = Simulator(1, samples, FOREVER, size, lap_complete_percent)
        self.observation_space = spaces.Box(0, 255, (size, size, 3), np.uint8)
        if continuous:  # steer, gas, brake
            self.action_space = spaces.Box(np.array([-1, 0, 0], np.float32), np.array([1, 1, 1], np.float32))
        else:
            self.action_space = spaces.Discrete(len(DISCRETE))
        self.colours = self._random_colours() if domain_randomize else (ROAD, PLAIN, PATCH)
        self._digits = Digits() if size == OBSERVATION else None
        self._companion = None
        if render_mode is not None:
            self._companion = _Companion(render_mode, verbose, lap_complete_percent, domain_randomize, continuous)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """As CarRacing's; ``options={"randomize": False}`` keeps the colours of a randomised field."""
        super().reset(seed=seed)
        if self._companion is not None:
            self._companion.follow(self.np_random, self.colours, options)
        if self.domain_randomize and (options or {}).get("randomize", True):
            self.colours = self._random_colours()
        self.simulator.colour(0, *self.colours)
        self.simulator.start(0, generate(self.np_random))
        return self._observation(cost=0.0), {}

    def step(self, action):
        """One frame. ``info`` has ``lap_finished`` when the episode terminates.

        Raises:
            ResetNeeded: there is no episode yet; a copied environment has none either, as in Gymnasium.
            ValueError: an action that is not three finite numbers.
            InvalidAction: an unknown discrete action.
        """
        if self.simulator.steps[0] < 0:
            raise ResetNeeded("call reset() before step(); copying an environment copies its options alone")
        action = self._parse(action)
        if self._companion is not None:
            self._companion.step(action[0] if self.continuous else self._index)
        rewards, ended, _ = self.simulator.step(action)
        info = {"lap_finished": bool(self.simulator.lap_finished[0])} if ended[0] else {}
        return self._observation(STEP_COST), float(rewards[0]), bool(ended[0]), False, info

    def render(self):
        """Gymnasium's own drawing for people, in the mode the environment was made with."""
        if self._companion is None:
            gymnasium.logger.warn('render() draws nothing: make the environment with render_mode="rgb_array"')
            return None
        return self._companion.render()

    def close(self) -> None:
        if self._companion is not None:
            self._companion.close()

    def state(self) -> dict:
        """See :meth:`wmlib.simulator.simulator.Simulator.state`."""
        return self.simulator.state(0)

    def _parse(self, action) -> np.ndarray:
        """Steer, gas and brake, (1, 3)."""
        if self.continuous:
            values = np.asarray(action, np.float64)
            if values.size != 3 or not np.isfinite(values).all():
                raise ValueError(f"action {values.tolist()}: must be three finite numbers: steer, gas, brake")
            return values.reshape(1, 3)
        number = np.asarray(action)  # any integer type, a zero-dimensional array too
        if number.shape != () or number.dtype.kind not in "iu" or not 0 <= number < len(DISCRETE):
            raise InvalidAction(f"action {action!r} is not in {self.action_space}")
        self._index = int(number)
        return DISCRETE[[self._index]]

    def _random_colours(self) -> tuple[np.ndarray, ...]:
        """CarRacing's random colours, from the same draws: road, field and the field's squares."""
        road, plain = self.np_random.uniform(0, 210, size=3), self.np_random.uniform(0, 210, size=3)
        patch = plain.copy()
        patch[self.np_random.integers(3)] += 20
        return road, plain, patch

    def _observation(self, cost: float) -> np.ndarray:
        """A copy of the frame, with the status bar if it is Gymnasium's: drawn before the step's ``cost`` is paid."""
        frame = self.simulator.frames[0].copy()
        if self._digits is not None:
            state = self.state()
            gauges = (math.hypot(*state["linear_velocity"]), *state["wheel_omegas"])
            gauges = np.array([*gauges, state["joint_angle"], state["angular_velocity"]])
            draw_bar(frame, gauges, self._digits(self.simulator.total(0) + cost))
        return frame


class _Companion(CarRacing):
    """Gymnasium's environment driven along for people to look at; the observations it would draw are left out."""

    def follow(self, generator: np.random.Generator, colours: tuple, options: dict | None) -> None:
        """Reset to the episode that ``generator`` is about to draw."""
        self.np_random = copy.deepcopy(generator)
        self.road_color, self.bg_color, self.grass_color = (np.array(colour) for colour in colours)
        self.reset(options=options)

    def _render(self, mode: str):
        return None if mode == "state_pixels" and self.render_mode != mode else super()._render(mode)
