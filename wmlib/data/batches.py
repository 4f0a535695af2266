"""Training batches as pure functions of (seed, update): constant memory, and a resumed run sees the same batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from wmlib.data.lost import losses, lost
from wmlib.data.rollouts import RolloutStore, read_encoded
from wmlib.seeds import generator

MARGIN = 5  # frames of a window at least on either side of a loss of the road
CHUNK_FRAMES = 30_000  # frames shuffled together: 370 MB; a second chunk is read meanwhile


class FrameBatches:
    """Shuffled frames for V, streamed from the store.

    Every pass visits the episodes in a new order; about ``chunk`` frames at a time are loaded and shuffled.
    """

    def __init__(self, files: list[Path], batch_size: int, seed: int, chunk: int = CHUNK_FRAMES):
        self.files, self.batch_size, self.seed, self.chunk = files, batch_size, seed, chunk
        self.lengths = [RolloutStore.length(file) + 1 for file in files]
        if sum(self.lengths) < batch_size:
            raise ValueError(f"{sum(self.lengths)} frames are fewer than one batch of {batch_size}")

    def plan(self, update: int) -> Iterator[tuple[int, int, list[int], int]]:
        """Yield (pass, chunk number, episode numbers, batches to skip) from the chunk that holds ``update`` on."""
        passed, number = 0, 0
        while True:
            order = generator(self.seed, "frames", passed).permutation(len(self.files))
            members, frames, part = [], 0, 0
            for position, episode in enumerate(order):
                members.append(int(episode))
                frames += self.lengths[episode]
                last = position == len(order) - 1
                if frames >= self.chunk or last:
                    batches = frames // self.batch_size
                    if number + batches > update:
                        yield passed, part, members, max(0, update - number)
                    number += batches
                    members, frames, part = [], 0, part + 1
            passed += 1

    def load(self, passed: int, part: int, members: list[int]) -> np.ndarray:
        """Frames of a chunk, shuffled: uint8 (frames, 64, 64, 3)."""
        frames = np.concatenate([RolloutStore.read(self.files[i]).frames for i in members])
        generator(self.seed, "frames", passed, part).shuffle(frames)
        return frames

    def start(self, update: int) -> Iterator[np.ndarray]:
        """Batches uint8 (batch, 64, 64, 3) from ``update`` on, without end."""

        def chunks():
            for passed, part, members, skip in self.plan(update):
                yield self.load(passed, part, members), skip

        for frames, skip in prefetch(chunks):
            for start in range(skip * self.batch_size, len(frames) - self.batch_size + 1, self.batch_size):
                yield frames[start : start + self.batch_size]


def stream(episodes: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """All episodes one after the other, as one: a step that does and pays nothing leads to the next one's first frame.

    Cut into windows (the authors' code, Doom), it shows the end of an episode as often as it happens, and at any place
    of a window. Windows that must fit into an episode show its end in one of hundreds, always as their last step; M
    then learns that nothing ends before a window is full.
    """
    parts: dict[str, list[np.ndarray]] = {name: [] for name in episodes[0]}
    for episode in episodes:
        for name, array in episode.items():
            nothing = np.zeros_like(array[:0] if name in ("mu", "log_variance") else array[:1])
            parts[name] += [array, nothing]
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return {name: array if name in ("mu", "log_variance") else array[:-1] for name, array in joined.items()}


class SequenceBatches:
    """Windows of encoded episodes for M; all latents fit in memory (132 bytes a frame).

    Args:
        whole_ends: cut them from the :func:`stream` of all episodes.
        own, own_share: those of ``files`` that C drove, and the share of the windows that they give, at least.
        lost_ends: an episode's ``done`` is :func:`wmlib.data.lost.lost`.
        loss_share: of C's own windows, the share in which it loses the road.
        beginnings: share of the windows that begin where an episode does.
        reward_spread: see :func:`shared_out`.
        noise: see :func:`wmlib.data.rollouts.read_encoded`.
    """

    def __init__(
        self,
        files: list[Path],
        batch_size: int,
        length: int,
        seed: int,
        whole_ends: bool = False,
        own: list[Path] = (),
        own_share: float = 0.0,
        lost_ends: bool = False,
        loss_share: float = 0.0,
        beginnings: float = 0.0,
        reward_spread: int = 0,
        noise: float = 0.0,
    ):
        self.loss_share, self.beginnings, self.first_own, self.losses = loss_share, beginnings, 0, []
        self.batch_size, self.length, self.seed = batch_size, length, seed
        self.episodes, windows = [], []
        for members in ([file for file in files if file not in set(own)], own):
            self.first_own = len(self.episodes)
            episodes = [read_encoded(file, noise) for file in members]
            if not whole_ends:  # found first: afterwards an episode that was stopped on the grass has ended
                episodes = [episode for episode in episodes if len(episode["actions"]) >= length]
                self.losses = [(self.first_own + i, frame) for i, e in enumerate(episodes) for frame in losses(e)]
            episodes = [{**episode, "done": lost(episode)} for episode in episodes] if lost_ends else episodes
            episodes = [stream(episodes)] if whole_ends and episodes else episodes
            episodes = [episode for episode in episodes if len(episode["actions"]) >= length]
            count = np.array([len(episode["actions"]) - length + 1 for episode in episodes], int)
            self.episodes += [{**e, "rewards": shared_out(e["rewards"], reward_spread)} for e in episodes]
            windows.append(count)
        if not self.episodes:
            raise ValueError(f"no episode has {length} steps")
        self.windows = np.concatenate(windows)
        others, mine = (int(count.sum()) for count in windows)
        share = max(own_share, mine / (others + mine)) if mine else 0.0
        parts = zip(windows, (1 - share, share), strict=True)
        shares = np.concatenate([part * count / max(1, count.sum()) for count, part in parts])
        self.shares = shares / shares.sum()

    def at(self, update: int) -> dict[str, np.ndarray]:
        """Batch of one update: ``mu``, ``log_variance`` (batch, length + 1, 32), ``action`` (batch, length, 3),
        ``reward``, ``done`` (batch, length), all float32."""
        random = generator(self.seed, "sequences", update)
        chosen = random.choice(len(self.episodes), self.batch_size, p=self.shares)
        starts = random.integers(self.windows[chosen])
        if self.loss_share and self.losses:
            for which in np.flatnonzero((chosen >= self.first_own) & (random.random(len(chosen)) < self.loss_share)):
                chosen[which], frame = self.losses[random.integers(len(self.losses))]
                starts[which] = loss_window(frame, self.length, self.windows[chosen[which]], random)
        if self.beginnings:
            starts[random.random(len(starts)) < self.beginnings] = 0
        return self.window(list(zip(chosen, starts, strict=True)))

    def window(self, places: list[tuple[int, int]]) -> dict[str, np.ndarray]:
        """Cut (episode, start) windows and stack them."""

        def cut(name: str, extra: int) -> np.ndarray:
            rows = [self.episodes[e][name][s : s + self.length + extra] for e, s in places]
            return np.stack(rows).astype(np.float32)

        return {
            "mu": cut("mu", 1),
            "log_variance": cut("log_variance", 1),
            "action": cut("actions", 0),
            "reward": cut("rewards", 0),
            "done": cut("done", 0),
        }


def loss_window(frame: int, length: int, windows: int, random: np.random.Generator) -> int:
    """Where a window begins that has a frame in it, ``MARGIN`` frames from either end of it if the episode allows."""
    start = frame - random.integers(min(MARGIN, length - 1), max(length - MARGIN, MARGIN) + 1)
    return int(np.clip(start, 0, windows - 1))


def shared_out(rewards: np.ndarray, steps: int) -> np.ndarray:
    """Each step's reward (n,) in equal parts to the steps up to so many away that there are; the sum stays."""
    if not steps:
        return rewards
    reach, here = np.ones(2 * steps + 1), slice(steps, steps + len(rewards))
    parts = np.convolve(np.ones(len(rewards)), reach)[here]
    return np.convolve(rewards / parts, reach)[here].astype(np.float32)


def prefetch(source: Callable[[], Iterator], depth: int = 1) -> Iterator:
    """Run an iterator in a background thread, ``depth`` items ahead; its errors are raised here.

    A ``tf.data.Dataset`` is as fast, but makes an ``UnknownError`` with a traceback of every error.
    """
    items = source()
    with ThreadPoolExecutor(1) as thread:
        ahead = deque(thread.submit(next, items, None) for _ in range(depth))
        while (item := ahead.popleft().result()) is not None:
            ahead.append(thread.submit(next, items, None))
            yield item
