"""A dream as a Gymnasium environment: M is the world, and whoever acts sees what C would, [z, h].

``gymnasium.make("wmlib/DreamCarRacing-v0")`` dreams in shipped weights; training dreams in batches of lanes, with
:class:`wmlib.envs.dream.Dream`, which this environment steps one lane of.
"""

from __future__ import annotations

import cv2
import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from wmlib.config import TASKS
from wmlib.envs import world
from wmlib.envs.dream import Dream
from wmlib.errors import UserError
from wmlib.models.inference import FrameEncoder
from wmlib.models.weights import load_weights
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import make_driver
from wmlib.runs import quiet
from wmlib.seeds import track_seeds
from wmlib.stages.agents import Agent, shipped_agent, trained_agent

SIZE = 512  # pixels of the picture shown to people
AGENTS = {"carracing": "vae-zh", "takecover": "dream-tau-1.15"}  # whose M it is, unless told


class DreamEnvironment(gymnasium.Env):
    """M, started from a real frame, answering actions with a reward, an end and the next [z, h].

    Args:
        task: carracing or takecover.
        agent: shipped arm, or an :class:`wmlib.stages.agents.Agent`; its V and M are the world.
        run: a run folder to take ``agent`` from instead of the shipped weights.
        tau: temperature, positive; 1 is M's own uncertainty.
        horizon: steps after which a dream is truncated; None takes the task's time limit.
        warm_up: real frames that the agent drives first, M remembering them; 0 dreams from the first frame.
        render_mode: rgb_array or human, drawn by V's decoder.

    Observations are float32 (latent + hidden,), actions the task's. ``reset(seed=...)`` fixes the real episode that the
    dream begins in and all its noise.

    Raises:
        UserError: an option that makes no sense, an agent of another task, or one without M or decoder.
    """

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 50}

    def __init__(
        self,
        task: str = "carracing",
        agent: str | Agent | None = None,
        run: str | None = None,
        tau: float = 1.0,
        horizon: int | None = None,
        warm_up: int = 0,
        render_mode: str | None = None,
    ):
        if not 0 < tau < float("inf"):
            raise UserError(f"tau={tau!r}: must be a positive number; 1 is M's own uncertainty")
        for name, value, least in (("horizon", 1 if horizon is None else horizon, 1), ("warm_up", warm_up, 0)):
            if value != int(value) or value < least:
                raise UserError(f"{name}={value!r}: must be a whole number of at least {least}")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UserError(f"render_mode={render_mode!r}: choose rgb_array or human")
        self.task, self.numbers, self.tau, self.warm_up = task, TASKS[task], tau, int(warm_up)
        self.horizon, self.render_mode = int(horizon or self.numbers.max_steps), render_mode
        self.agent = _agent(task, agent, run)
        weights = load_weights(self.agent.path("memory"))
        self.dream = Dream(weights, self.numbers.latent_size, self.numbers.action_size)
        self.encode = FrameEncoder(load_weights(self.agent.path("encoder")), self.agent.config.encoder_compute)
        size = self.numbers.latent_size + self.dream.hidden_size
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = spaces.Box(*(np.array(limits, np.float32) for limits in self._limits()))
        self._lanes = self._driver = self._decoder = self._window = None
        self.steps = -1

    def _limits(self) -> tuple:
        return self.numbers.action_low, self.numbers.action_high

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Begin in a real frame of an episode that ``seed`` chooses."""
        super().reset(seed=seed)
        if self._lanes is None:
            self._lanes = world(self.task).make_lanes(1, 2, self.numbers.renderers[-1], self.numbers.max_steps)
            self._driver = make_driver(self.agent.worker_spec(1))
        track = track_seeds("collect", 999, int(self.np_random.integers(100_000)), 1)[0]
        self._lanes.reset(0, track)
        self._driver.begin(0, Job(0, 0, track), self.agent.parameters)
        for _ in range(self.warm_up):
            self._lanes.step(self._driver.act(self._lanes.frames, np.ones(1, bool)), np.ones(1, bool))
        self.z = self.encode(self._lanes.frames)[0]
        self.h, self.c = self._driver.h.copy(), self._driver.c.copy()
        self.steps = 0
        self._show()
        return self._observation(), {"track_seed": track}

    def step(self, action):
        """One step of M. ``info`` has M's ``done_logit``."""
        if self.steps < 0:
            raise ResetNeeded("call reset() before step()")
        action = np.asarray(action, np.float32).reshape(1, -1)
        if action.shape[1] != self.numbers.action_size or not np.isfinite(action).all():
            raise ValueError(f"action {action.tolist()}: must be {self.numbers.action_size} finite numbers")
        action = np.clip(action, *self._limits()).astype(np.float32)
        self.z, reward, logit, self.h, self.c = self.dream.step(
            self.z, action, self.h, self.c, self.tau, self.np_random
        )
        self.steps += 1
        self._show()
        info = {"done_logit": float(logit[0])}
        return self._observation(), float(reward[0]), bool(logit[0] > 0), self.steps >= self.horizon, info

    def render(self):
        """What V's decoder makes of z, uint8 (512, 512, 3)."""
        if self.render_mode == "rgb_array":
            return self._picture()
        return None

    def close(self) -> None:
        if self._window is not None:
            import pygame

            pygame.display.quit()
            self._window = None
        if hasattr(self._lanes, "close"):
            self._lanes.close()
        self._lanes = None

    def _observation(self) -> np.ndarray:
        return np.concatenate([self.z[0], self.h[0]])

    def _picture(self) -> np.ndarray:
        if self._decoder is None:
            with quiet():
                from wmlib.models.vae import build_decoder
                from wmlib.models.weights import set_model_weights
            self._decoder = build_decoder(self.numbers.latent_size)
            set_model_weights(self._decoder, load_weights(self.agent.path("decoder")), "decoder weights")
        frame = (255 * self._decoder.predict_on_batch(self.z)[0]).astype(np.uint8)
        return cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)

    def _show(self) -> None:
        """Draw into the window, if there is one."""
        if self.render_mode != "human":
            return
        import pygame

        if self._window is None:
            pygame.display.init()
            self._window, self._clock = pygame.display.set_mode((SIZE, SIZE)), pygame.time.Clock()
        self._window.blit(pygame.surfarray.make_surface(self._picture().swapaxes(0, 1)), (0, 0))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(self.metadata["render_fps"])


def _agent(task: str, agent: str | Agent | None, run: str | None) -> Agent:
    """The agent whose V and M are dreamt in."""
    if not isinstance(agent, Agent):
        agent = trained_agent(run, agent) if run else shipped_agent(agent or AGENTS[task])
    return agent.playing(task, "agent").with_picture(f"agent {agent.arm}")
