"""What C lived through so far, encoded: the random driver's episodes and its own, for M to learn from and to dream on.

An episode is a dictionary as stage encode writes it: ``mu``, ``log_variance`` (steps + 1, 32), ``actions`` (steps, 3),
``rewards``, ``done`` (steps,).
"""

from __future__ import annotations

import numpy as np

from wmlib.data.batches import SequenceBatches
from wmlib.data.rollouts import Rollout

STUCK_AFTER = 40  # frames without a new tile after which a car will most likely not find one soon
BEFORE_LOSS, AFTER_LOSS = 40, 10  # frames around a loss of the road in which it was decided
MARGIN = 5  # frames of a window at least on either side of a loss of the road


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


def losses(episode: dict[str, np.ndarray]) -> np.ndarray:
    """Frames after which no new tile was reached for ``STUCK_AFTER`` frames or more: the car had lost the road.

    The end of an episode that ended by itself, by the lap or by leaving the field, is none.
    """
    reached = np.flatnonzero(episode["rewards"] > 0)
    end = reached[-1:] if episode["done"][-1] else np.array([len(episode["rewards"])])
    return reached[np.diff(np.append(reached, end)) > STUCK_AFTER] if len(reached) else reached


def start_weights(
    episodes: list[dict[str, np.ndarray]], stuck_weight: float, loss_weight: float, every: int
) -> np.ndarray:
    """Probability of every ``every``-th frame of all episodes as the beginning of a dream.

    Args:
        stuck_weight: of the frames of stuck cars, which teach little; all others weigh 1,
        loss_weight: but those around the loss of the road.
    """
    parts = []
    for episode in episodes:
        weights = np.where(frames_since_tile(episode["rewards"]) >= STUCK_AFTER, stuck_weight, 1.0)
        for frame in losses(episode):
            around = slice(max(0, frame - BEFORE_LOSS), frame + AFTER_LOSS)
            weights[around] = np.maximum(weights[around], loss_weight)
        parts.append(weights[::every])
    weights = np.concatenate(parts)
    return weights / weights.sum()


class Windows(SequenceBatches):
    """Random windows of episodes that lie in memory, as :class:`wmlib.data.batches.SequenceBatches` cuts them."""

    def __init__(self, episodes: list[dict[str, np.ndarray]], length: int):
        self.length = length
        self.episodes = [episode for episode in episodes if len(episode["actions"]) >= length]
        if not self.episodes:
            raise ValueError(f"no episode has {length} steps")
        self.windows = np.array([len(episode["actions"]) - length + 1 for episode in self.episodes])
        self.lost = [(index, frame) for index, episode in enumerate(self.episodes) for frame in losses(episode)]

    def draw(self, random: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """``count`` windows, every one as likely as any other."""
        chosen = random.choice(len(self.episodes), count, p=self.windows / self.windows.sum())
        return self.window(list(zip(chosen, random.integers(self.windows[chosen]), strict=True)))

    def draw_losses(self, random: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """``count`` windows in which a car loses the road, at any place of the window; any windows if none ever did."""
        if not self.lost:
            return self.draw(random, count)
        places = []
        for which in random.integers(len(self.lost), size=count):
            episode, frame = self.lost[which]
            start = frame - random.integers(min(MARGIN, self.length - 1), max(self.length - MARGIN, MARGIN) + 1)
            places.append((episode, int(np.clip(start, 0, self.windows[episode] - 1))))
        return self.window(places)


def mixed(
    old: Windows, own: Windows, random: np.random.Generator, batch: int, own_share: float, loss_share: float
) -> dict[str, np.ndarray]:
    """A batch for M: ``own_share`` of it driven by C, ``loss_share`` of that where the road is lost.

    Losses are rare and decide the score; an M that sees them as rarely as they happen dreams of drivers who never slip.
    """
    own_count = round(own_share * batch)
    loss_count = round(loss_share * own_count)
    draws = (old.draw, batch - own_count), (own.draw, own_count - loss_count), (own.draw_losses, loss_count)
    parts = [draw(random, count) for draw, count in draws if count]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
