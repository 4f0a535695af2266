"""The same workers as Ray actors, for a cluster (`pip install wmlib[ray]`, `--set rollout.executor=ray`)."""

from __future__ import annotations

import itertools

import numpy as np

from wmlib.errors import UserError
from wmlib.rollout.lanes import Episode, Job, in_order
from wmlib.rollout.worker import Worker, WorkerSpec
from wmlib.runs import Progress


class RayExecutor:
    """``workers`` actors, restarted by Ray when their node dies; a batch of jobs is idempotent, so it is retried.

    Connects to the cluster named by ``RAY_ADDRESS``, or starts a local one. Weights are read from the run folder, which
    therefore lies on a file system all nodes share.
    """

    def __init__(self, spec: WorkerSpec, workers: int):
        try:
            import ray
        except ImportError:
            raise UserError("rollout.executor=ray: Ray is not installed; pip install 'wmlib[ray]'") from None
        self.ray = ray
        ray.init(ignore_reinit_error=True, include_dashboard=False, log_to_driver=False)
        actor = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=3)(_Actor)
        self.actors = [actor.remote(spec) for _ in range(workers)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for actor in self.actors:
            self.ray.kill(actor)

    def run(
        self, jobs: list[Job], population: np.ndarray | None = None, patience: int = 0, progress: Progress | None = None
    ) -> list[Episode]:
        """Drive all jobs, dealt out evenly; episodes come back in the order of the jobs."""
        shared = self.ray.put(population)
        shares = [jobs[i :: len(self.actors)] for i in range(len(self.actors))]
        calls = [actor.run.remote(share, shared, patience) for actor, share in zip(self.actors, shares, strict=True)]
        episodes = list(itertools.chain.from_iterable(self.ray.get(calls)))
        if progress is not None:
            progress.advance(len(episodes))
        return in_order(jobs, episodes)


class _Actor:
    def __init__(self, spec: WorkerSpec):
        self.worker = Worker(spec)

    def run(self, jobs: list[Job], population: np.ndarray | None, patience: int) -> list[Episode]:
        queue = iter(jobs)
        return self.worker.run(lambda: next(queue, None), population, patience)
