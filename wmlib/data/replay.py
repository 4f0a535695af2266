"""What C lived through so far, encoded: the random driver's episodes and its own, for M to learn from and to dream on.

Episodes are dictionaries of arrays, see :func:`wmlib.data.rollouts.encoded`.
"""

from __future__ import annotations

import numpy as np

from wmlib.data.batches import SequenceBatches, loss_window
from wmlib.data.lost import AFTER_LOSS, losses, lost

BEFORE_LOSS = 40  # frames before a loss of the road in which it was decided


def beginning(episode: dict[str, np.ndarray], steps: int) -> dict[str, np.ndarray]:
    """The first steps of an episode, at most."""
    return {name: array[: steps + 1 if name in ("mu", "log_variance") else steps] for name, array in episode.items()}


def start_weights(episodes: list[dict[str, np.ndarray]], loss_weight: float, every: int) -> np.ndarray:
    """Probability of every ``every``-th frame of all episodes as the beginning of a dream.

    None begins where the road is lost already; frames shortly before that weigh ``loss_weight``, all others 1.
    """
    parts = []
    for episode in episodes:
        weights = np.ones(len(episode["rewards"]))
        for frame in losses(episode):
            weights[max(0, frame - BEFORE_LOSS) : frame + AFTER_LOSS] = loss_weight
        parts.append(np.where(lost(episode) > 0, 0.0, weights)[::every])
    weights = np.concatenate(parts)
    if not weights.any():
        weights[:] = 1  # nothing but lost cars: better than no dream
    return weights / weights.sum()


class Windows(SequenceBatches):
    """Random windows of episodes that lie in memory, as :class:`wmlib.data.batches.SequenceBatches` cuts them.

    Args:
        end_when_lost: their ``done`` is :func:`lost`, not the episode's own end alone.
    """

    def __init__(self, episodes: list[dict[str, np.ndarray]], length: int, end_when_lost: bool = False):
        self.length = length
        self.episodes = [episode for episode in episodes if len(episode["actions"]) >= length]
        if not self.episodes:
            raise ValueError(f"no episode has {length} steps")
        self.windows = np.array([len(episode["actions"]) - length + 1 for episode in self.episodes])
        self.losses = [(index, frame) for index, episode in enumerate(self.episodes) for frame in losses(episode)]
        if end_when_lost:
            self.episodes = [{**episode, "done": lost(episode)} for episode in self.episodes]

    def draw(self, random: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """``count`` windows, every one as likely as any other."""
        chosen = random.choice(len(self.episodes), count, p=self.windows / self.windows.sum())
        return self.window(list(zip(chosen, random.integers(self.windows[chosen]), strict=True)))

    def draw_losses(self, random: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """``count`` windows in which a car loses the road, at any place of the window; any windows if none ever did."""
        if not self.losses:
            return self.draw(random, count)
        places = []
        for which in random.integers(len(self.losses), size=count):
            episode, frame = self.losses[which]
            places.append((episode, loss_window(frame, self.length, self.windows[episode], random)))
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
