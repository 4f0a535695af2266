"""Contenders of the group *simulator*: CarRacing alone, one process on one core, without models.

All drive the same actions in episodes of the same length, so that each spends the same share of its frames in the first
second's zoom. The clock runs during steps only; resets have a clock of their own.
"""

from __future__ import annotations

import os
import time

import numpy as np

EPISODE = 200  # frames
SECONDS = 1.0  # of steps per repetition, at least
RESETS = 3  # per repetition, at least
LOCKSTEP = 32  # cars of the lockstep contenders
FIRST_TRACK = 1  # track seeds, counted up


def one_core() -> None:
    """Keep this process and all its threads to a single core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def resident() -> int | None:
    """Bytes of memory this process occupies, None where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def random_actions(steps: int = EPISODE) -> np.ndarray:
    """What the project's random driver does in one episode: float32 (steps, 3)."""
    from wmlib.envs.carracing import RandomDriver
    from wmlib.rollout.lanes import Job

    driver = RandomDriver(1)
    driver.begin(0, Job(0, 0, FIRST_TRACK))
    return np.concatenate([driver.act(None, np.ones(1, bool)).copy() for _ in range(steps)])


class Cars:
    """A set of cars stepped together; subclasses say how. ``count`` cars take one step per :meth:`step`."""

    count = 1
    more = 8  # cars created to measure the memory of one

    def __init__(self, **options):
        one_core()
        self.options = options
        self.actions = random_actions()
        self.track = FIRST_TRACK
        self.cars = self.create(self.count)
        self.drive(20)
        before = resident()
        others = [self.create(1) for _ in range(self.more)] if self.count == 1 else [self.create(self.more)]
        for cars in others:
            self.drive(5, cars)
        after = resident()
        self.memory = None if before is None else (after - before) / self.more / 1e6
        del others

    def create(self, count: int):
        """``count`` new cars."""
        raise NotImplementedError

    def reset(self, cars, track: int) -> None:
        """Put every car on a new track, the first on that of seed ``track``."""
        raise NotImplementedError

    def step(self, cars, action: np.ndarray) -> bool:
        """One frame of every car; True when an episode is over."""
        raise NotImplementedError

    def drive(self, steps: int, cars=None) -> tuple[int, float, float]:
        """One episode: steps made, seconds of steps, seconds of the reset."""
        cars = cars or self.cars
        began = time.perf_counter()
        self.reset(cars, self.track)
        started = time.perf_counter()
        self.track += self.count
        made = 0
        for action in self.actions[:steps]:
            made += 1
            if self.step(cars, action):
                break
        return made, time.perf_counter() - started, started - began

    def measure(self) -> dict[str, float]:
        """Steps of one car per second, milliseconds per reset, megabytes per car."""
        episodes = []
        while sum(seconds for _, seconds, _ in episodes) < SECONDS:
            episodes.append(self.drive(EPISODE))
        resets = [reset for _, _, reset in episodes]
        while len(resets) < RESETS:
            resets.append(self.drive(0)[2])
        made, seconds = sum(episode[0] for episode in episodes), sum(episode[1] for episode in episodes)
        metrics = {"steps": self.count * made / seconds, "reset": 1000 * np.mean(resets) / self.count}
        return metrics if self.memory is None else metrics | {"memory": self.memory}


class Environment(Cars):
    """One Gymnasium environment, by its identifier."""

    def create(self, count: int):
        import gymnasium

        import wmlib  # noqa: F401  registers the project's environment

        return gymnasium.make(**self.options)

    def reset(self, cars, track: int) -> None:
        cars.reset(seed=track)

    def step(self, cars, action: np.ndarray) -> bool:
        _, _, terminated, truncated, _ = cars.step(action)
        return terminated or truncated


class Lockstep(Cars):
    """The project's simulator with many cars in lockstep."""

    count = more = LOCKSTEP

    def create(self, count: int):
        from wmlib.simulator.simulator import Simulator

        return Simulator(count, **self.options)

    def reset(self, cars, track: int) -> None:
        for lane in range(self.count):
            cars.reset(lane, track + lane)

    def step(self, cars, action: np.ndarray) -> bool:
        _, terminated, truncated = cars.step(np.broadcast_to(action, (self.count, 3)))
        for lane in np.flatnonzero(terminated):
            cars.reset(lane, self.track)
        return bool(truncated.any())


class EnvPool(Cars):
    """EnvPool's own CarRacing, a batch of environments on one thread. Its tracks do not follow Gymnasium's seeds."""

    count = more = 8

    def create(self, count: int):
        import envpool

        return envpool.make_gymnasium("CarRacing-v3", num_envs=count, num_threads=1, seed=FIRST_TRACK)

    def reset(self, cars, track: int) -> None:
        cars.reset()

    def step(self, cars, action: np.ndarray) -> bool:
        cars.step(np.broadcast_to(action, (self.count, 3)))
        return False
