"""Running a batch of jobs: in this process, in worker processes, or in Ray actors. The returns are the same on each."""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

import numpy as np

from wmlib.config import RolloutConfig
from wmlib.errors import UserError
from wmlib.rollout.lanes import Episode, Job, in_order
from wmlib.rollout.worker import Worker, WorkerSpec
from wmlib.runs import Progress, available_cores, end_with_parent, one_thread_each

SILENT = 120.0  # seconds without a step after which a worker counts as hanging
TRIES = 3  # a worker killed from outside costs the batch in progress, not the run


def make_executor(config: RolloutConfig, spec: WorkerSpec):
    """The executor named in the configuration, ready to :meth:`run`; use it as a context manager."""
    if config.executor == "serial":
        return SerialExecutor(spec)
    if config.executor == "ray":
        from wmlib.rollout.cluster import RayExecutor

        return RayExecutor(spec, config.workers, config.address)
    return ProcessExecutor(spec, config.workers or available_cores())


class SerialExecutor:
    """One worker in this process: the reference the others are tested against."""

    def __init__(self, spec: WorkerSpec):
        self.worker = Worker(spec)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(
        self, jobs: list[Job], population: np.ndarray | None = None, patience: int = 0, progress: Progress | None = None
    ) -> list[Episode]:
        """Drive all jobs; episodes come back in the order of the jobs."""
        queue = iter(jobs)
        episodes = self.worker.run(lambda: next(queue, None), population, patience)
        if progress is not None:
            progress.advance(len(episodes))
        return in_order(jobs, episodes)


class ProcessExecutor:
    """Worker processes that take the next job from a shared counter, so the last ones finish together."""

    def __init__(self, spec: WorkerSpec, workers: int):
        self.spec, self.workers = spec, workers
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.pool is not None:
            if kind is not None:  # Ctrl-C or an error: a worker that hangs would never be done
                self._kill(range(self.workers))
            self.pool.shutdown(cancel_futures=True)

    def _kill(self, slots) -> None:
        for slot in slots:
            if self.numbers[slot]:
                with suppress(ProcessLookupError):
                    os.kill(self.numbers[slot], signal.SIGKILL)

    def _replace_silent(self) -> None:
        """Kill workers that have not made a step for :data:`SILENT` seconds: the pool breaks, its work is redone."""
        now = time.monotonic()
        silent = [i for i in range(self.workers) if self.numbers[i] and now - self.beats[i] > SILENT]
        for slot in silent:
            print(
                f"worker {self.numbers[slot]} made no step for {SILENT} s; it is replaced and its work done again",
                file=sys.stderr,
                flush=True,
            )
        if silent:
            self._kill(range(self.workers))

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
            except BrokenProcessPool:
                self.pool.shutdown(cancel_futures=True)
                self.pool = None
        raise UserError(
            f"rollout workers died {TRIES} times in a row; is there enough memory? "
            "(fewer: --set rollout.workers=1 --set rollout.lanes=32)"
        )

    def _run(self, jobs, population, patience, progress) -> list[Episode]:
        if self.pool is None:
            context = multiprocessing.get_context("spawn")
            self.counter, self.started = context.Value("q", 0), context.Value("q", 0)
            self.numbers, self.beats = context.Array("q", self.workers), context.Array("d", self.workers)
            shared = (self.counter, self.started, self.numbers, self.beats)
            self.pool = ProcessPoolExecutor(self.workers, context, _start, (self.spec, *shared))
        self.counter.value = 0
        with one_thread_each():
            futures = [self.pool.submit(_work, jobs, population, patience) for _ in range(self.workers)]
        now = time.monotonic()
        self.beats[:] = [now] * self.workers
        seen = 0
        while wait(futures, timeout=1.0).not_done:
            self._replace_silent()
            if progress is not None:
                taken = min(self.counter.value, len(jobs))
                progress.advance(taken - seen)
                seen = taken
        if progress is not None:
            progress.advance(len(jobs) - seen)
        return list(itertools.chain.from_iterable(future.result() for future in futures))


def _start(spec: WorkerSpec, counter, started, numbers, beats) -> None:
    """Initialiser of a worker process: its number and the time of its last step are shared with the parent."""
    global _worker, _counter, _beat
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    end_with_parent()
    _worker, _counter = Worker(spec), counter
    with started.get_lock():
        slot = started.value
        started.value = slot + 1
    act = _worker.driver.act

    def _beat() -> None:
        beats[slot] = time.monotonic()

    def act_and_beat(frames: np.ndarray, active: np.ndarray) -> np.ndarray:
        _beat()
        return act(frames, active)

    _worker.driver.act = act_and_beat
    _beat()
    numbers[slot] = os.getpid()  # from here on its silence counts; before, it may be compiling


def _work(jobs: list[Job], population: np.ndarray | None, patience: int) -> list[Episode]:
    """Drive jobs taken from the shared counter until none is left."""

    def next_job() -> Job | None:
        with _counter.get_lock():
            index = _counter.value
            _counter.value = index + 1
        return jobs[index] if index < len(jobs) else None

    _beat()
    return _worker.run(next_job, population, patience)
