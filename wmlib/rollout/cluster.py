"""The same workers as Ray actors, on every node of a cluster (`pip install wmlib[ray]`; the page "More machines").

The queue stays here: work is handed out in small batches, and what a lost worker held is handed out again. An episode
follows from its job alone, so it may be driven twice: the first answer counts, under the job's number.
"""

from __future__ import annotations

import math
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wmlib.errors import UserError
from wmlib.rollout.lanes import Episode, Job, in_order
from wmlib.rollout.worker import Worker, WorkerSpec
from wmlib.runs import Progress, provenance
from wmlib.runs.stage import differences

SMALLEST = 8  # jobs of a batch, while there are so many: fewer lanes leave a core idle (``wmbook bench``: lanes)
TICK = 1.0  # seconds between looks at what the cluster has
LOSSES = 20  # workers lost in a row, without one batch done, that end the run
SILENCE = 60.0  # seconds after which one hears what is waited for, and a batch may be given to a second worker, too


class Call(NamedTuple):
    """Work that is no episode, under its number."""

    index: int
    arguments: tuple


class RayExecutor:
    """A worker for every CPU of the cluster, ``limit`` at most (0: no limit), as nodes come and go.

    Weights are read from the run folder and recordings written to it: it lies on a file system that all nodes share.
    ``address`` is the head's host:port; empty is ``RAY_ADDRESS``, else a cluster that runs here, else one started for
    this command. Raises :class:`UserError` if Ray is not installed, or no cluster answers.
    """

    def __init__(self, spec: WorkerSpec, limit: int = 0, address: str = ""):
        try:
            import ray
        except ImportError:
            raise UserError("rollout.executor=ray: Ray is not installed; pip install 'wmlib[ray]'") from None
        paths = {name: path.absolute() for name, path in vars(spec).items() if isinstance(path, Path)}
        self.ray, self.spec, self.limit = ray, replace(spec, **paths), limit
        if not ray.is_initialized():
            try:
                if address:  # Ray itself would try for minutes
                    socket.create_connection(address.rsplit(":", 1), timeout=5).close()
                ray.init(address or None, include_dashboard=False, log_to_driver=False, logging_level="warning")
            except (OSError, RuntimeError, ValueError) as error:
                raise UserError(f"rollout.address={address}: no Ray cluster answers ({error})".split("\n")[0]) from None
        elif address not in ("", here := ray.get_runtime_context().gcs_address):
            raise UserError(f"rollout.address={address}: this process is connected to {here} already")
        self.kind = ray.remote(num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD")(_Actor)
        self.idle: list = []  # actors; each is either here or in one of the calls
        self.calls: dict = {}  # reference of the answer -> (actor, jobs or none if it gets ready, monotonic time)
        self.cpus, self.losses, self.longest = -1, 0, 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for actor in [*self.idle, *(actor for actor, _, _ in self.calls.values())]:
            self.ray.kill(actor)
        self.idle, self.calls = [], {}

    def run(
        self, jobs: list[Job], population: np.ndarray | None = None, patience: int = 0, progress: Progress | None = None
    ) -> list[Episode]:
        """Drive all jobs; episodes come back in the order of the jobs. Raises :class:`UserError` if a worker fails, or
        if workers are lost again and again."""
        shared = self.ray.put(population)

        def drive(actor, batch: list[Job]):
            return actor.run.remote(batch, shared, patience)

        return in_order(jobs, list(self._hand_out(drive, jobs, self.spec.lanes, progress).values()))

    def spread(self, function: Callable, calls: list[tuple]) -> list:
        """Results of ``function(*call)``, in order: other work than episodes, one call at a time and worker."""

        def call(actor, batch: list[Call]):
            return actor.call.remote(function, batch)

        found = self._hand_out(call, [Call(*pair) for pair in enumerate(calls)], 1)
        return [found[index] for index in range(len(calls))]

    def _hand_out(self, start: Callable, jobs: list, most: int, progress: Progress | None = None) -> dict:
        """Answers by the jobs' numbers. ``start(actor, batch)`` begins a batch of at most so many jobs."""
        waiting, answers = list(jobs), {}
        looked, heard = -math.inf, time.monotonic()
        while len(answers) < len(jobs):
            if time.monotonic() > looked + TICK:
                looked = time.monotonic()
                self._hire()
            while self.idle and (batch := self._batch(waiting, answers, len(jobs), most)):
                actor = self.idle.pop()
                self.calls[start(actor, batch)] = actor, batch, time.monotonic()
            for reference in self.ray.wait(list(self.calls), timeout=TICK)[0] if self.calls else time.sleep(TICK) or ():
                heard, before, batch = time.monotonic(), len(answers), self.calls[reference][1]
                answers = self._answer(reference) | answers
                waiting[:0] = [job for job in batch if job.index not in answers]  # if the worker was lost
                if progress is not None:
                    progress.advance(len(answers) - before)
            if time.monotonic() - heard > SILENCE:
                heard, driving = time.monotonic(), sum(bool(batch) for _, batch, _ in self.calls.values())
                _say(f"{SILENCE:.0f} s without an answer; {driving} of {len(self.calls)} workers have a CPU and drive")
        for reference, (actor, batch, _) in list(self.calls.items()):
            if batch:  # it does what another has done meanwhile
                self.ray.kill(actor)
                del self.calls[reference]
        return answers

    def _hire(self) -> None:
        """Start workers for CPUs without one: on new nodes, and in place of the lost."""
        before, self.cpus = self.cpus, int(self.ray.cluster_resources().get("CPU", 0))
        if self.cpus < max(1, self.limit) and self.cpus != before:
            _say(f"rollout.workers={self.limit}, the cluster has {self.cpus} CPUs: more workers start when nodes join")
        for _ in range(min(self.limit or self.cpus, self.cpus) - len(self.idle) - len(self.calls)):
            actor = self.kind.remote(self.spec)
            self.calls[actor.start.remote(_software())] = actor, [], time.monotonic()

    def _batch(self, waiting: list, answers: dict, total: int, most: int) -> list:
        """The next jobs for a worker: half its share of what waits, so that batches shrink towards the end (guided
        self-scheduling). When nothing waits, what an overdue worker holds (MapReduce's backup tasks)."""
        workers, overdue = len(self.idle) + len(self.calls), max(SILENCE, 2 * self.longest)
        size = max(SMALLEST, math.ceil(len(waiting) / (2 * workers)))
        size = min(size, most, math.ceil(total / workers))
        for reference, (actor, batch, began) in self.calls.items() if not waiting else ():
            if batch and time.monotonic() - began > overdue:
                self.calls[reference] = actor, batch, time.monotonic()
                _say(f"a batch takes over {overdue:.0f} s: a second worker drives it, too")
                return [job for job in batch if job.index not in answers]
        batch, waiting[:size] = waiting[:size], []
        return batch

    def _answer(self, reference) -> dict:
        """Answers of a call that ended, by number; none if its worker was lost."""
        actor, batch, began = self.calls.pop(reference)
        try:
            answers = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            self.ray.kill(actor)
            raise UserError(f"rollout.executor=ray: a worker failed: {error.cause!r}") from None
        except self.ray.exceptions.RayError:
            self.ray.kill(actor)
            self.losses += 1
            _say(f"a worker is lost; {len(batch)} jobs are given again")
            if self.losses == LOSSES:
                raise UserError(f"rollout.executor=ray: {LOSSES} workers in a row were lost; enough memory?") from None
            return {}
        self.idle.append(actor)
        if batch:
            self.losses, self.longest = 0, max(self.longest, time.monotonic() - began)
        return answers


class _Actor:
    """A worker. Its constructor does nothing that could fail: a dead actor is a lost one."""

    def __init__(self, spec: WorkerSpec):
        self.spec = spec

    def start(self, expected: dict) -> dict:
        for name, (here, there) in differences(_software(), expected).items():
            if None not in (here, there):
                raise UserError(f"{name} is {here} on a node and {there} where the run started: returns would differ")
        self.worker = Worker(self.spec)
        return {}

    def run(self, jobs: list[Job], population: np.ndarray | None, patience: int) -> dict[int, Episode]:
        queue = iter(jobs)
        return {each.index: each for each in self.worker.run(lambda: next(queue, None), population, patience)}

    def call(self, function: Callable, batch: list[Call]) -> dict:
        return {index: function(*arguments) for index, arguments in batch}


@cache
def _software() -> dict:
    return {name: value for name, value in provenance().items() if name in ("wmlib", "git", "python", "versions")}


def _say(text: str) -> None:
    print(f"ray: {text}", file=sys.stderr, flush=True)
