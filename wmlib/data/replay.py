"""What C lived through so far, encoded: the random driver's episodes and its own, for M to learn from and to dream on.

An episode is a dictionary as stage encode writes it: ``mu``, ``log_variance`` (steps + 1, 32), ``actions`` (steps, 3),
``rewards``, ``done`` (steps,).
"""

from __future__ import annotations

import numpy as np

from wmlib.data.batches import SequenceBatches
from wmlib.data.rollouts import Rollout

STUCK_AFTER = 40  # frames without a new tile after which a car will most likely not find one soon


def encoded(rollout: Rollout, mu: np.ndarray, log_variance: np.ndarray) -> dict[str, np.ndarray]:
    """An episode from a recorded one and V's word on its frames."""
    done = np.zeros(len(rollout), np.float32)
    done[-1] = rollout.terminated
    codes = {"mu": mu.astype(np.float16), "log_variance": log_variance.astype(np.float16)}
    return {**codes, "actions": rollout.actions, "rewards": rollout.rewards, "done": done}


def beginning(episode: dict[str, np.ndarray], steps: int) -> dict[str, np.ndarray]:
    """The first steps of an episode, at most."""
    return {name: array[: steps + 1 if name in ("mu", "log_variance") else steps] for name, array in episode.items()}


def frames_since_tile(rewards: np.ndarray) -> np.ndarray:
    """For each frame how many steps ago the last new tile was reached (or the episode began)."""
    frames = np.arange(len(rewards))
    reached = np.where(rewards > 0, frames + 1, 0)
    return frames - np.concatenate([[0], np.maximum.accumulate(reached)[:-1]])


def start_weights(episodes: list[dict[str, np.ndarray]], stuck_weight: float, every: int) -> np.ndarray:
    """Probability of every ``every``-th frame of all episodes as the beginning of a dream: stuck cars teach little."""
    stuck = np.concatenate([frames_since_tile(episode["rewards"])[::every] >= STUCK_AFTER for episode in episodes])
    weights = np.where(stuck, stuck_weight, 1.0)
    return weights / weights.sum()


class Windows(SequenceBatches):
    """Random windows of episodes that lie in memory, as :class:`wmlib.data.batches.SequenceBatches` cuts them."""

    def __init__(self, episodes: list[dict[str, np.ndarray]], length: int):
        self.length = length
        self.episodes = [episode for episode in episodes if len(episode["actions"]) >= length]
        if not self.episodes:
            raise ValueError(f"no episode has {length} steps")
        self.windows = np.array([len(episode["actions"]) - length + 1 for episode in self.episodes])

    def draw(self, random: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """``count`` windows, every one as likely as any other."""
        chosen = random.choice(len(self.episodes), count, p=self.windows / self.windows.sum())
        return self.window(list(zip(chosen, random.integers(self.windows[chosen]), strict=True)))


def mixed(old: Windows, own: Windows, random: np.random.Generator, batch: int, share: float) -> dict[str, np.ndarray]:
    """A batch for M, ``share`` of it from ``own``."""
    count = round(share * batch)
    parts = [windows.draw(random, n) for windows, n in ((old, batch - count), (own, count)) if n]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
