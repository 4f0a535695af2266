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
from wmlib.seeds import generator, track_seeds
from wmlib.stages.agents import agent_of
from wmlib.stages.curve import read_curve

MOST = 5  # times as many episodes as ``collect.on_policy_episodes`` in an iteration of short ones, at most


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


def episodes(chain) -> int:
    """How many episodes an iteration collects."""
    settings = chain.config.collect
    if chain.iteration == 1:
        return settings.episodes
    least = settings.on_policy_episodes
    if not settings.on_policy_steps:
        return least
    earlier = RolloutStore(chain.data_driver.collect / "rollouts")
    lengths = [earlier.length(file) for file in earlier.files()]
    return int(np.clip(round(settings.on_policy_steps / np.mean(lengths)), least, MOST * least))


def _driver(chain, rollouts: Path, lanes: int) -> tuple[np.ndarray | None, WorkerSpec]:
    """Who drives: parameters (drivers, P), in turn, none for the random driver, and the workers' description."""
    config, settings = chain.config, chain.config.collect
    if chain.iteration == 1:
        options = {"record": rollouts, "max_steps": settings.steps, "task": config.task}
        return None, WorkerSpec(lanes, settings.samples, config.numbers.renderers[-1], **options)
    driver = agent_of(chain.data_driver)
    noisy = {"samples": settings.samples, "noise": settings.on_policy_noise, "record": rollouts}
    spec = replace(driver.worker_spec(lanes), compute=config.encoder_compute, **noisy)
    return _neighbours(chain, driver.parameters), spec


def drivers(chain) -> np.ndarray:
    """The C's that drove this iteration's data (drivers, P); in turn, if there are fewer than episodes."""
    return _neighbours(chain, agent_of(chain.data_driver).parameters)


def _neighbours(chain, c: np.ndarray) -> np.ndarray:
    """C (P,) for every episode that it drives itself, then its neighbours for the others: (drivers, P). With
    ``controller.offset``, every other neighbour is C in a car that pulls to a side, as in C's dreams."""
    total = episodes(chain)
    count = round(chain.config.collect.on_policy_spread * total)
    if not count:
        return c[None]
    sigma = read_curve(chain.data_driver.controller / "learning_curve.csv")[-1]["sigma"]
    random = generator(chain.config.seed, "collect", "neighbours", chain.iteration)
    own = np.repeat(c[None], total - count, axis=0)
    near = c + sigma * random.standard_normal((count, len(c)))
    offset = chain.data_driver.config.controller.offset
    if offset:
        actions = chain.config.numbers.action_size
        near[1::2] = c
        near[1::2, -actions:] += offset * random.standard_normal((count // 2, actions))
    return np.concatenate([own, near])
