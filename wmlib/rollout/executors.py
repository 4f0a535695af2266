"""Running a batch of jobs: in this process, in worker processes, or in Ray actors. The returns are the same on each."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable
from functools import cached_property

import numpy as np

from wmlib.config import RolloutConfig
from wmlib.envs.dream import in_threads
from wmlib.errors import UserError
from wmlib.rollout.lanes import Episode, Job, in_order
from wmlib.rollout.worker import Worker, WorkerSpec
from wmlib.runs import Progress, available_cores
from wmlib.runs.pool import Lost, Pool, beat

TRIES = 3  # a worker killed from outside costs the batch in progress, not the run


def make_executor(config: RolloutConfig, spec: WorkerSpec):
    """The executor named in the configuration, ready to :meth:`run`; use it as a context manager."""
    if config.executor == "serial":
        return SerialExecutor(spec)
    if config.executor == "ray":
        from wmlib.rollout.cluster import RayExecutor

        return RayExecutor(spec, config.workers, config.address)
    return ProcessExecutor(spec, config.workers or available_cores())


class OneMachine:
    """What both executors of one machine share."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def spread(self, function: Callable, calls: list[tuple]) -> list:
        """Results of ``function(*call)``, in order: other work than episodes, in threads."""
        return in_threads(function, calls, available_cores())


class SerialExecutor(OneMachine):
    """One worker in this process: the reference the others are tested against."""

    def __init__(self, spec: WorkerSpec):
        self.spec = spec

    @cached_property
    def worker(self) -> Worker:
        """Built when it is first needed."""
        return Worker(self.spec)

    def run(
        self, jobs: list[Job], population: np.ndarray | None = None, patience: int = 0, progress: Progress | None = None
    ) -> list[Episode]:
        """Drive all jobs; episodes come back in the order of the jobs."""
        queue = iter(jobs)
        episodes = self.worker.run(lambda: next(queue, None), population, patience)
        if progress is not None:
            progress.advance(len(episodes))
        return in_order(jobs, episodes)


class ProcessExecutor(OneMachine):
    """Worker processes that take the next job from a shared counter, so the last ones finish together."""

    def __init__(self, spec: WorkerSpec, workers: int):
        self.spec, self.workers = spec, workers
        self.pool: Pool | None = None

    def __exit__(self, kind, *_):
        self._close(kill=kind is not None)  # Ctrl-C or an error: a worker that hangs would never be done

    def _close(self, kill: bool) -> None:
        if self.pool is not None:
            self.pool.close(kill)
        self.pool = None

    def run(
        self, jobs: list[Job], population: np.ndarray | None = None, patience: int = 0, progress: Progress | None = None
    ) -> list[Episode]:
        """Drive all jobs; episodes come back in the order of the jobs.

        Raises:
            UserError: workers died or hung again and again.
        """
        for _ in range(TRIES):
            try:
                return in_order(jobs, self._run(jobs, population, patience, progress))
            except Lost:
                self._close(kill=True)
        raise UserError(
            f"rollout workers died {TRIES} times in a row; is there enough memory? "
            "(fewer: --set rollout.workers=1 --set rollout.lanes=32)"
        )

    def _run(self, jobs, population, patience, progress) -> list[Episode]:
        if self.pool is None:
            self.counter = multiprocessing.get_context("spawn").Value("q", 0)
            self.pool = Pool(self.workers, _start, self.spec, self.counter)
        counter = self.counter.get_obj()  # past its lock, which a stopped worker might hold
        counter.value, seen, episodes = 0, 0, []
        try:
            for finished in self.pool.run(_work, [(jobs, population, patience)] * self.workers):
                episodes += itertools.chain.from_iterable(finished)
                if progress is not None:
                    taken = min(counter.value, len(jobs))
                    progress.advance(taken - seen)
                    seen = taken
        except Lost:
            if progress is not None:
                progress.advance(-seen)  # all of it is done again
            raise
        return episodes


def _start(spec: WorkerSpec, counter) -> None:
    """Build the worker of this process; every step it makes is a beat."""
    global _worker, _counter
    _worker, _counter = Worker(spec), counter
    act = _worker.driver.act

    def act_and_beat(frames: np.ndarray, active: np.ndarray) -> np.ndarray:
        beat()
        return act(frames, active)

    _worker.driver.act = act_and_beat


def _work(jobs: list[Job], population: np.ndarray | None, patience: int) -> list[Episode]:
    """Drive jobs taken from the shared counter until none is left."""

    def next_job() -> Job | None:
        with _counter.get_lock():
            index = _counter.value
            _counter.value = index + 1
        return jobs[index] if index < len(jobs) else None

    return _worker.run(next_job, population, patience)
