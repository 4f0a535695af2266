"""Stage collect. Reads: nothing, or the last iteration's controller. Writes: ``rollouts/NNNNNN.npz``.

The first iteration records a random driver; later ones record noisy copies of the driver found so far (paper
section 5).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wmlib.data.rollouts import RolloutStore
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import Progress, Stage, Stopwatch
from wmlib.seeds import track_seeds
from wmlib.stages.agents import agent_of


def run(chain, stage: Stage) -> None:
    """Record the episodes that are missing."""
    config = chain.config
    settings = config.collect
    store = RolloutStore(stage / "rollouts")
    watch = Stopwatch(stage)
    first, count, population, spec = _who_drives(chain, stage)
    seeds = track_seeds("collect", config.seed, first, count)
    jobs = [
        Job(index, index % max(1, len(population) if population is not None else 1), seed)
        for index, seed in enumerate(seeds)
    ]
    missing = [job for job in jobs if job.index not in store]
    with make_executor(config.rollout, spec) as executor:
        with Progress(stage.name, len(jobs), "episodes", start=len(jobs) - len(missing)) as progress:
            executor.run(missing, population, progress=progress)
    watch.save()
    lengths = [store.length(file) for file in store.files()]
    returns = [float(store.read(file).rewards.sum()) for file in store.files()[: min(count, 200)]]
    stage.finish(
        watch.seconds,
        episodes=count,
        frames=int(np.sum(lengths)) + count,
        env_steps=int(np.sum(lengths)),
        mean_return=round(float(np.mean(returns)), 1),
        steps=settings.steps,
    )


def _episodes(chain) -> int:
    settings = chain.config.collect
    return settings.episodes if chain.iteration == 1 else settings.on_policy_episodes


def _who_drives(chain, stage: Stage) -> tuple[int, int, np.ndarray | None, WorkerSpec]:
    """First track position, episodes, parameters, and the workers' description."""
    config, settings = chain.config, chain.config.collect
    lanes = max(1, min(config.rollout.lanes, settings.episodes // 4))
    rollouts, renderer = stage / "rollouts", config.numbers.renderers[-1]
    if chain.iteration == 1:
        options = {"record": rollouts, "max_steps": settings.steps, "task": config.task}
        spec = WorkerSpec(lanes, settings.samples, renderer, **options)
        return 0, settings.episodes, None, spec
    driver = agent_of(chain.data_driver)
    lanes = max(1, min(config.rollout.lanes, settings.on_policy_episodes // 4))
    noisy = {"samples": settings.samples, "noise": settings.on_policy_noise, "record": rollouts}
    spec = replace(driver.worker_spec(lanes), compute=config.encoder_compute, **noisy)
    first = sum(_episodes(chain.at(i)) for i in range(1, chain.iteration))  # tracks of their own
    return first, settings.on_policy_episodes, driver.parameters[None], spec
