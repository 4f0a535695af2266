"""What holds the wheel: a random driver for data, and V + M + C for everything else.

A driver serves all lanes of a worker at once: ``begin(lane, job, parameters)`` at the start of an episode, then
``act(frames, active)`` once per step, returning actions float32 (lanes, 3).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wmlib.config import TASKS, Task
from wmlib.seeds import generator


class WorldModelDriver:
    """V sees, M remembers, C acts (paper section 2): ``a = C(z, h)``, then ``h = M(z, a, h)``.

    Args:
        lanes: cars driven at once, each with parameters of its own.
        encode: frames uint8 (n, 64, 64, 3) -> mu float32 (n, 32). C and M see the mean of z: less noise than a sample.
        remember: (z, a, h, c) -> (h, c), or None for a controller of z alone.
        act: (parameters (n, P), z, h, c) -> actions (n, actions).
        hidden_size: width of h and c.
        noise: optional; changes the actions before they are taken, so that M remembers what was really done.
        task: widths of z and of an action.
    """

    def __init__(
        self,
        lanes: int,
        encode: Callable,
        remember: Callable | None,
        act: Callable,
        hidden_size: int,
        noise: ActionNoise | None = None,
        task: Task = TASKS["carracing"],
    ):
        self.encode, self.remember, self.controller, self.noise = encode, remember, act, noise
        self.z = np.zeros((lanes, task.latent_size), np.float32)
        self.h = np.zeros((lanes, hidden_size), np.float32)
        self.c = np.zeros((lanes, hidden_size), np.float32)
        self.actions = np.zeros((lanes, task.action_size), np.float32)
        self.parameters: np.ndarray | None = None  # (lanes, P)

    def begin(self, lane: int, job, parameters: np.ndarray) -> None:
        """Start an episode with an empty memory and C's ``parameters`` (P,)."""
        if self.parameters is None or self.parameters.shape[1] != len(parameters):
            self.parameters = np.zeros((len(self.h), len(parameters)))
        self.parameters[lane] = parameters
        self.h[lane] = self.c[lane] = 0.0
        if self.noise is not None:
            self.noise.begin(lane, job)

    def act(self, frames: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Actions (lanes, 3) for the active lanes; the others keep their last."""
        on = np.flatnonzero(active)
        z, h, c = self.encode(frames[on]), self.h[on], self.c[on]
        actions = self.controller(self.parameters[on], z, h, c)
        if self.noise is not None:
            actions = self.noise(actions, on)
        if self.remember is not None:
            self.h[on], self.c[on] = self.remember(z, actions, h, c)
        self.z[on], self.actions[on] = z, actions
        return self.actions


class ActionNoise:
    """Persistent noise on actions: on-policy data that still visits mistakes.

    Args:
        lanes: cars driven at once.
        scale: largest standard deviation; each episode draws its own between none and this.
        task: limits of the actions.
    """

    def __init__(self, lanes: int, scale: float, task: Task = TASKS["carracing"]):
        self.scale, self.task = scale, task
        self.drift = np.zeros((lanes, task.action_size))
        self.strength = np.zeros(lanes)
        self.random: list[np.random.Generator] = [generator(0)] * lanes

    def begin(self, lane: int, job) -> None:
        """Draw how noisy this episode is; its draws follow from the track seed alone."""
        self.random[lane] = generator(job.track_seed, "action noise")
        self.strength[lane] = self.random[lane].uniform(0.0, self.scale)
        self.drift[lane] = 0.0

    def __call__(self, actions: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """Actions (n, actions) of the given lanes plus an autoregressive drift, within the allowed ranges."""
        for lane in lanes:
            shock = self.random[lane].standard_normal(self.task.action_size)
            self.drift[lane] = 0.9 * self.drift[lane] + np.sqrt(1 - 0.9**2) * shock
        noisy = actions + self.strength[lanes, None] * self.drift[lanes]
        return np.clip(noisy, self.task.action_low, self.task.action_high).astype(np.float32)
