"""What C lived through so far, encoded: the random driver's episodes and its own, for M to learn from and to dream on.

Episodes are dictionaries of arrays, see :func:`wmlib.data.rollouts.encoded`.
"""

from __future__ import annotations

import numpy as np

from wmlib.data.batches import SequenceBatches

STUCK_AFTER = 40  # frames without a new tile after which a car will most likely not find one soon
BEFORE_LOSS, AFTER_LOSS = 40, 10  # frames around a loss of the road in which it was decided
MARGIN = 5  # frames of a window at least on either side of a loss of the road


def beginning(episode: dict[str, np.ndarray], steps: int) -> dict[str, np.ndarray]:
    """The first steps of an episode, at most."""
    return {name: array[: steps + 1 if name in ("mu", "log_variance") else steps] for name, array in episode.items()}


def losses(episode: dict[str, np.ndarray]) -> np.ndarray:
    """Frames after which no new tile was reached for ``STUCK_AFTER`` frames or more: the car had lost the road.

    The end of an episode that ended by itself, by the lap or by leaving the field, is none.
    """
    reached = np.flatnonzero(episode["rewards"] > 0)
    end = reached[-1:] if episode["done"][-1] else np.array([len(episode["rewards"])])
    return reached[np.diff(np.append(reached, end)) > STUCK_AFTER] if len(reached) else reached


def lost(episode: dict[str, np.ndarray]) -> np.ndarray:
    """1.0 for every step on which the road is lost, in hindsight, or which ends the episode; float32 (steps,).

    A real episode is stopped by patience when this lasts; M's done head learns it, so that a dream ends there too and
    no car comes back from the grass by a lucky draw of z.
    """
    rewards = episode["rewards"]
    reached = np.flatnonzero(rewards > 0)
    labels = np.zeros(len(rewards), np.float32)
    begins = [*losses(episode), *([0] if len(reached) == 0 or reached[0] > 2 * STUCK_AFTER else [])]
    for frame in begins:
        later = reached[reached > frame]
        patience = AFTER_LOSS if frame in reached else STUCK_AFTER
        labels[frame + patience : later[0] if len(later) else None] = 1
    labels[-1] = max(labels[-1], float(episode["done"][-1]))
    return labels


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
