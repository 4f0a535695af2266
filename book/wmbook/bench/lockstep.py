"""One rollout worker under a magnifying glass: its speed by number of lanes, and where a step's time goes."""

from __future__ import annotations

import time

import numpy as np

from wmbook.bench.rollout import FIRST_TRACK, Weights, random_parameters
from wmlib.rollout.lanes import Job, drive
from wmlib.rollout.worker import Worker

SECONDS = 0.8  # of steps per repetition
ZOOM = 60  # frames after which the camera has come down
PARTS = ("physics", "drawing", "V", "M", "C", "Python")


class TimeUp(Exception):
    """The repetition is long enough."""


class Stopwatch:
    """Wraps functions and adds up the time spent in each."""

    def __init__(self):
        self.seconds: dict[str, float] = {}

    def wrap(self, name: str, function):
        """``function``, timed under ``name``."""
        self.seconds[name] = 0.0

        def timed(*arguments):
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds[name] += time.perf_counter() - began

        return timed


class EndlessCars:
    """A simulator whose cars go on from one repetition to the next: a reset is made only where an episode ended.

    So a repetition sees the steady state, after the first second's zoom. In the end :meth:`step` raises
    :class:`TimeUp`.
    """

    def __init__(self, simulator):
        self.simulator = simulator
        self.fresh = np.zeros(len(simulator.frames), bool)
        self.deadline, self.limit, self.steps = 0.0, 0, 0

    def __getattr__(self, name: str):
        return getattr(self.simulator, name)

    def reset(self, lane: int, seed: int) -> None:
        if not self.fresh[lane]:
            self.simulator.reset(lane, seed)
            self.fresh[lane] = True

    def step(self, actions, active):
        if self.steps >= self.limit and time.perf_counter() >= self.deadline:
            raise TimeUp
        rewards, terminated, truncated = self.simulator.step(actions, active)
        self.fresh &= ~(terminated | truncated)
        self.steps += int(active.sum())
        return rewards, terminated, truncated


class Lanes:
    """One worker with ``lanes`` cars, driven by the code that drives every rollout."""

    def __init__(self, lanes: int):
        self.weights = Weights()
        self.worker = Worker(self.weights.spec(lanes))
        self.driver = self.worker.driver
        self.population = random_parameters(lanes)
        self.lanes, self.track = lanes, FIRST_TRACK
        self.cars = EndlessCars(self.worker.simulator)
        self.watch = Stopwatch()
        self.cars.simulator.reset = self.watch.wrap("reset", self.cars.simulator.reset)
        self._run(steps=ZOOM * lanes)  # compiles, and leaves the zoom behind

    def _jobs(self):
        while True:
            self.track += 1
            yield Job(self.track, self.track % self.lanes, self.track)

    def _run(self, seconds: float = 0.0, steps: int = 0) -> tuple[float, dict[str, float]]:
        """Drive at least so long; returns the seconds, resets left out, and the seconds of every watched part."""
        jobs, self.cars.steps, self.cars.limit = self._jobs(), 0, steps
        self.watch.seconds = dict.fromkeys(self.watch.seconds, 0.0)
        began = time.perf_counter()
        self.cars.deadline = began + seconds
        try:
            for _ in drive(self.cars, self.driver, lambda: next(jobs), self.population):
                pass
        except TimeUp:
            pass
        return time.perf_counter() - began - self.watch.seconds["reset"], self.watch.seconds

    def measure(self) -> dict[str, float]:
        """Steps of one car per second."""
        seconds, _ = self._run(SECONDS)
        return {"steps": self.cars.steps / seconds}

    def close(self) -> None:
        self.weights.close()


class Profile(Lanes):
    """The same with a clock around every part; what no clock covers is Python's."""

    def __init__(self, lanes: int):
        super().__init__(lanes)
        driver, watch = self.driver, self.watch
        driver.encode = watch.wrap("V", driver.encode)
        driver.remember = watch.wrap("M", driver.remember)
        driver.controller = watch.wrap("C", driver.controller)
        self.cars.simulator.step = watch.wrap("simulator", self.cars.simulator.step)

    def measure(self) -> dict[str, float]:
        """Microseconds per step of one car in each part and in all, and milliseconds per reset."""
        seconds, parts = self._run(SECONDS)
        each = {name: 1e6 * spent / self.cars.steps for name, spent in parts.items()}
        whole = 1e6 * seconds / self.cars.steps
        python = whole - each["simulator"] - each["V"] - each["M"] - each["C"]
        drawing = self._drawing()
        parts = (each["simulator"] - drawing, drawing, each["V"], each["M"], each["C"], python)
        return dict(zip(PARTS, parts, strict=True)) | {"whole": whole, "reset": self._reset()}

    def _drawing(self, repeats: int = 20) -> float:
        """Microseconds per car of drawing every frame again, which changes nothing."""
        cars = self.cars.simulator
        began = time.perf_counter()
        for _ in range(repeats):
            cars.draw()
        return 1e6 * (time.perf_counter() - began) / (repeats * self.lanes)

    def _reset(self, repeats: int = 4) -> float:
        """Milliseconds per new track."""
        began = time.perf_counter()
        for repeat in range(repeats):
            self.cars.simulator.reset(0, self.track + repeat)
        return 1000 * (time.perf_counter() - began) / repeats
