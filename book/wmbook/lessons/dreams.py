"""Dreams to look at: every step of every lane, where the search of C asks only for returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from wmlib.config import ControllerConfig
from wmlib.envs.dream import Dream, in_threads, lived_of


@dataclass(frozen=True)
class Dreamt:
    """What many dreams gave, all float32.

    Attributes:
        returns: (lanes,), rewards summed up to and including the step that ends the episode.
        steps: int (lanes,), steps lived.
        rewards, done: (steps, lanes), predicted reward and done logit of every step, also after the end.
        z: (steps + 1, lanes, latent), or None unless recorded.
        actions: (steps, lanes, actions), or None unless recorded.
    """

    returns: np.ndarray
    steps: np.ndarray
    rewards: np.ndarray
    done: np.ndarray
    z: np.ndarray | None
    actions: np.ndarray | None


def rollout(
    dream: Dream,
    config: ControllerConfig,
    parameters: np.ndarray,
    z: np.ndarray,
    steps: int,
    tau: float = 1.0,
    seed: int = 0,
    record: bool = False,
    threads: int = 2,
) -> Dreamt:
    """Drive every lane for ``steps`` steps from an empty memory, on beyond the end of its episode.

    Args and errors are those of :meth:`wmlib.envs.dream.Dream.returns`, and

    Args:
        record: keep z and the actions of every step.
        threads: how many work at once; the result does not depend on it.
    """
    states = dream.begin(config, parameters, z)
    arguments = config, parameters, states, steps, tau, (seed, "dream"), partial(in_threads, threads=threads)
    *_, rewards, done, kept, actions = dream.live_all(*arguments, record=record)
    lived, _ = lived_of(done)
    returns, count = (rewards * lived).sum(0), lived.sum(0)
    return Dreamt(returns, count, rewards, done, kept if record else None, actions if record else None)
