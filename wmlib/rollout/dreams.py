"""Short dreams for learning: lanes that begin at replayed real states and are driven by a noisy linear C inside M.

A dream from the first frame of an episode soon drifts to where M knows nothing. One that begins in a state a real
drive went through, M's memory warmed up on the real history, stays close to what M has seen for some dozen steps
(branched rollouts: Janner et al. 2019, "When to Trust Your Model"). What lies beyond is the critic's to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wmlib.envs.dream import Dream
from wmlib.models.controller import squash
from wmlib.models.inference import MemoryStep


@dataclass(frozen=True)
class States:
    """Where dreams may begin, float32: ``z`` (n, latent), M's ``h`` and ``c`` before it is fed z, both (n, hidden), and
    ``seen_h`` and ``seen_c``, those of the M whose h C sees, if it is another."""

    z: np.ndarray
    h: np.ndarray
    c: np.ndarray
    seen_h: np.ndarray | None = None
    seen_c: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.z)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """z and all memories there are."""
        return tuple(array for array in vars(self).values() if array is not None)

    def take(self, which: np.ndarray) -> States:
        """The states of these indices."""
        return States(*(array[which] for array in self.arrays))

    @staticmethod
    def concatenate(parts: list[States]) -> States:
        """All states of several sets."""
        return States(*(np.concatenate(arrays) for arrays in zip(*(part.arrays for part in parts), strict=True)))


def replay(
    memory: MemoryStep, episodes: list[dict[str, np.ndarray]], random: np.random.Generator, every: int = 4
) -> States:
    """M's state at real frames of encoded episodes, each replayed from its first frame and an empty memory.

    Args:
        episodes: with ``mu``, ``log_variance`` (steps + 1, latent) and ``actions`` (steps, 3).
        random: draws z from V's posterior at the states returned; the memory itself is fed mu, as in a real drive.
        every: frames between two states of an episode; each episode's first state is its first frame.

    Returns:
        States in the order of episodes and frames.
    """
    order = np.argsort([-len(episode["actions"]) for episode in episodes], kind="stable")  # the longest first
    lengths = np.array([len(episodes[i]["actions"]) for i in order])
    h, c = np.zeros((2, len(episodes), memory.hidden_size), np.float32)
    kept: list[list] = [[] for _ in episodes]
    for t in range(lengths[0]):
        lanes = int(np.sum(lengths > t))  # those still under way come first
        if t % every == 0:
            for lane in range(lanes):
                kept[order[lane]].append((h[lane].copy(), c[lane].copy()))
        mu = np.stack([episodes[i]["mu"][t] for i in order[:lanes]]).astype(np.float32)
        actions = np.stack([episodes[i]["actions"][t] for i in order[:lanes]])
        h[:lanes], c[:lanes] = memory(mu, actions, h[:lanes], c[:lanes])
    parts = []
    for episode, memories in zip(episodes, kept, strict=True):
        frames = slice(0, len(episode["actions"]), every)
        noise = random.standard_normal((len(memories), episode["mu"].shape[1]))
        z = episode["mu"][frames] + np.exp(0.5 * episode["log_variance"][frames].astype(np.float32)) * noise
        parts.append(States(z.astype(np.float32), *(np.stack(arrays) for arrays in zip(*memories, strict=True))))
    return States.concatenate(parts)


def likely_mean(episodes: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Factors and offsets, float32 (2, latent), with which factor * z + offset is what V's mean most likely is.

    z is drawn from N(mu, variance), and mu over all frames has a mean and a variance of its own: the best guess of mu,
    the regression on z, keeps var(mu) / (var(mu) + variance) of z's distance from the mean. Of V's dimensions that say
    nothing, whose variance is about 1, hardly anything is kept.

    Args:
        episodes: with ``mu`` and ``log_variance`` (steps + 1, latent).
    """
    mu = np.concatenate([episode["mu"] for episode in episodes]).astype(float)
    noise = np.mean([np.exp(each["log_variance"].astype(float)).mean(0) for each in episodes], axis=0)
    kept = mu.var(0) / (mu.var(0) + noise)
    return np.stack([kept, (1 - kept) * mu.mean(0)]).astype(np.float32)


@dataclass(frozen=True)
class Trajectories:
    """What lanes of dreams gave, float32, time first.

    Attributes:
        inputs: (steps + 1, lanes, latent + hidden), what C saw: [z, h] before each step, and after the last.
        noise: (steps, lanes, 3), standard normal, as it was added to C's pre-activations in units of sigma.
        rewards: (steps, lanes), M's reward of each step.
        ended: bool (steps, lanes), whether M says that this step ended the episode.
        alive: bool (steps, lanes), whether the lane was still under way when the step began; others teach nothing.
    """

    inputs: np.ndarray
    noise: np.ndarray
    rewards: np.ndarray
    ended: np.ndarray
    alive: np.ndarray


def dream(world: Dream, policy, start: States, steps: int, tau: float, random: np.random.Generator) -> Trajectories:
    """Drive every lane ``steps`` steps from its state.

    Args:
        world: M as an environment.
        policy: see :class:`wmlib.search.actor_critic.Policy`; a = squash(W x + b + sigma * noise), x being what C sees.
        tau: temperature, positive; 1 is M's own uncertainty.
        random: all noise comes from it.
    """
    lanes = len(start)
    z, h, c, *watched = start.arrays
    inputs = np.empty((steps + 1, lanes, policy.inputs), np.float32)
    noise = random.standard_normal((steps, lanes, len(policy.log_sigma)), np.float32)
    rewards, ended = np.empty((steps, lanes), np.float32), np.empty((steps, lanes), bool)
    inputs[0] = world.seen(z, watched[0] if watched else h)
    for t in range(steps):
        action = squash(policy.mean(inputs[t]) + policy.sigma * noise[t])
        watched = world.eyes(z, action, *watched) if watched else ()
        z, rewards[t], done, h, c = world.step(z, action, h, c, tau, random)
        ended[t] = done > 0
        inputs[t + 1] = world.seen(z, watched[0] if watched else h)
    over = np.logical_or.accumulate(ended, axis=0)
    return Trajectories(inputs, noise, rewards, ended, np.concatenate([np.ones((1, lanes), bool), ~over[:-1]]))
