"""Stage collect. Reads: nothing, or the last iteration's controller. Writes: ``rollouts/NNNNNN.npz``.

The first iteration records a random driver; later ones record noisy copies of the driver found so far (paper
section 5).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from wmlib.data.rollouts import RolloutStore
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import Progress, Stage, Stopwatch
from wmlib.seeds import track_seeds
from wmlib.stages.agents import agent_of
from wmlib.stages.pilots import drivers, episodes


def run(chain, stage: Stage) -> None:
    """Record the episodes that are missing."""
    config, count = chain.config, episodes(chain)
    store = RolloutStore(stage / "rollouts")
    watch = Stopwatch(stage)
    population, spec = _driver(chain, store.folder, max(1, min(config.rollout.lanes, count // 4)))
    first = sum(episodes(chain.at(earlier)) for earlier in range(1, chain.iteration))  # tracks of their own
    seeds = track_seeds("collect", config.seed, first, count)
    who = [0] * count if population is None else [index % len(population) for index in range(count)]
    missing = [Job(index, who[index], seed) for index, seed in enumerate(seeds) if index not in store]
    with make_executor(config.rollout, spec) as executor:
        with Progress(stage.name, count, "episodes", start=count - len(missing)) as progress:
            patience = config.collect.on_policy_patience if chain.iteration > 1 else 0
            executor.run(missing, population, patience, progress)
    watch.save()
    lengths = [store.length(file) for file in store.files()]
    returns = [float(store.read(file).rewards.sum()) for file in store.files()[: min(count, 200)]]
    stage.finish(
        watch.seconds,
        episodes=count,
        frames=int(np.sum(lengths)) + count,
        env_steps=int(np.sum(lengths)),
        mean_return=round(float(np.mean(returns)), 1),
        steps=config.collect.steps,
    )


def _driver(chain, rollouts: Path, lanes: int) -> tuple[np.ndarray | None, WorkerSpec]:
    """Who drives: parameters (drivers, P), in turn, none for the random driver, and the workers' description."""
    config, settings = chain.config, chain.config.collect
    if chain.iteration == 1:
        options = {"record": rollouts, "max_steps": settings.steps, "task": config.task}
        return None, WorkerSpec(lanes, settings.samples, config.numbers.renderers[-1], **options)
    driver = agent_of(chain.data_driver)
    noisy = {"samples": settings.samples, "noise": settings.on_policy_noise, "record": rollouts}
    spec = replace(driver.worker_spec(lanes), compute=config.encoder_compute, **noisy)
    return drivers(chain), spec
