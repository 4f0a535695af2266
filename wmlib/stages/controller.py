"""Stage controller. Reads: V's encoder and M's weights. Writes: ``learning_curve.csv``, ``controller.npz``.

CMA-ES searches C's parameters for return (paper section 3.3, appendix A.4). All candidates of a generation drive the
same fresh tracks. The answer is the search's mean, at the generation that validation tracks prefer.

With ``controller.search=imitation+evolution`` the search begins at a C that was taught (:mod:`wmlib.stages.imitate`).

With ``controller.world=dream`` candidates live in M alone, from the first frames of recorded episodes (paper section
4). Nothing real then chooses: the answer is the last mean, and the steps of the curve are dreamt ones.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wmlib.errors import UserError
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.runs import MetricLog, Progress, Stage, Stopwatch, present, read_arrays
from wmlib.search.cmaes import CMAES, generations_told
from wmlib.seeds import generator, track_seeds
from wmlib.stages.agents import worker_spec
from wmlib.stages.curve import append, conclude, curve_row, out_of_time, over, read_curve, validate, validated
from wmlib.stages.dreams import Dreams
from wmlib.stages.imitate import imitate, read_standard


def run(chain, stage: Stage) -> None:
    """Find C, by evolution unless a teacher is all it has."""
    search = imitate if chain.config.controller.search == "imitation" else evolve
    search(chain, stage)


def evolve(chain, stage: Stage) -> None:
    """Search until the last generation, by CMA-ES or in dreams by an actor-critic; every one is a checkpoint."""
    config, settings = chain.config, chain.config.controller
    encoder, memory = chain.vision / "encoder.npz", chain.eyes / "memory.npz"
    search_file, curve_file = stage / "search.npz", stage / "learning_curve.csv"
    if present(stage / "search.pkl"):
        raise UserError(f"{stage / 'search.pkl'}: an older version's search could run code; use --force")
    goes_on = settings.begins_at == "search"  # it is the first iteration's
    seed = int(generator(config.seed, "search", 1 if goes_on else chain.iteration).integers(2**31))
    start, sigma, as_c = _beginning(chain)
    dreams = Dreams(chain) if settings.world == "dream" else None
    if settings.search == "actor-critic":
        from wmlib.stages.actor import DreamLearner

        search = DreamLearner(config, start, seed)

        def generation() -> tuple[np.ndarray, int]:
            return search.improve(dreams, new=not curve)
    else:
        limit = settings.sigma_limit, settings.sigma_halves
        search = CMAES(len(start), settings.population, sigma, seed, start, *limit)

        def generation() -> tuple[np.ndarray, int]:
            return _generation(chain, search, as_c, executor, dreams.judge if dreams else _real)

    curve = []
    earlier = chain.data_driver.controller / "search.npz" if goes_on else None
    before = generations_told(earlier) if earlier else 0
    if present(search_file):
        search.resume(search_file)
        curve = read_curve(curve_file)[: search.generation - before]
        if [row["generation"] for row in curve] != list(range(before + 1, search.generation + 1)):
            raise UserError(f"{curve_file}: lacks generations that {search_file.name} has; use --force to start again")
    elif earlier:
        search.resume(earlier)
    clock = Stopwatch(stage)
    total = before + settings.generations
    with (
        make_executor(config.rollout, worker_spec(config, encoder, memory)) as executor,
        MetricLog(stage.path, resume_at=search.generation + 1) as log,
        Progress(f"{stage.name} (C)", total, "generations", search.generation) as progress,
    ):
        while not over(settings, settings.generations, curve, clock):
            worth, steps = generation()
            steps += curve[-1]["env_steps"] if curve else 0
            row = curve_row(search.generation, steps, worth, search.sigma)
            last = search.generation == total or out_of_time(settings, clock)
            if search.generation % settings.validate_every == 0 or last:
                validate(chain, stage, row, as_c(search.mean[None])[0], executor)
            append(stage, curve, row, clock)
            log.scalars(search.generation, **{k: v for k, v in row.items() if k != "generation" and v != ""})
            search.save(search_file)  # last: what a resumed search drops is recorded again
            clock.save()
            means = f"mean {row['population_mean']:.0f}, best {row['population_max']:.0f}"
            progress.advance(note=means + validated(row))
    conclude(stage, curve, clock, len(search.mean), dreamt=settings.world == "dream")


def tracks_at(settings, generation: int) -> int:
    """Tracks every candidate drives in a generation, counted from 0."""
    doublings = generation // settings.double_tracks_every if settings.double_tracks_every else 0
    return settings.tracks * 2**doublings


def tracks_until(settings, generation: int) -> int:
    """Tracks driven in all generations before one."""
    return sum(tracks_at(settings, earlier) for earlier in range(generation))


def _beginning(chain) -> tuple[np.ndarray, float, Callable[[np.ndarray], np.ndarray]]:
    """Where a search begins, its step size, and what makes C's parameters of its candidates (n, P).

    A C that was taught goes on as it learnt, with standardised inputs, so that one step size suits all of them.
    """
    from wmlib.models.controller import input_size, parameter_count
    from wmlib.models.imitation import folded, unfolded

    config, settings, task = chain.config, chain.config.controller, chain.config.numbers
    count = parameter_count(settings, config.memory.hidden_size, task.latent_size, task.action_size)
    if not chain.goes_on:
        last = chain.data_driver.controller / "controller.npz" if settings.begins_at == "last" else None
        start = read_arrays(last, ("parameters",), {"parameters": (count,)})["parameters"] if last else np.zeros(count)
        return start, settings.sigma, lambda candidates: candidates
    taught = chain.pupil.controller
    start = read_arrays(taught / "controller.npz", ("parameters",), {"parameters": (count,)})["parameters"]
    standard = settings, *read_standard(taught, input_size(settings, config.memory.hidden_size, task.latent_size))
    begin, sigma = unfolded(start, *standard), config.teaching.evolution_sigma
    return begin, sigma, lambda candidates: np.stack([folded(each, *standard) for each in candidates])


def _generation(chain, search: CMAES, as_c: Callable, executor, judge) -> tuple[np.ndarray, int]:
    """Ask, judge, tell: what the candidates were worth, and the steps it took."""
    settings = chain.config.controller
    before = (chain.iteration - 1) * tracks_until(settings, settings.generations)
    first = before + tracks_until(settings, search.generation)
    seeds = track_seeds("fitness", chain.config.seed, first, tracks_at(settings, search.generation))
    returns, steps = judge(settings, executor, as_c(search.ask()), seeds)
    search.tell(returns)
    return returns, steps


def _real(settings, executor, candidates: np.ndarray, seeds: list[int]) -> tuple[np.ndarray, int]:
    """Mean return of each candidate (n, P) over tracks, and the steps it took."""
    pairs = [(candidate, seed) for seed in seeds for candidate in range(len(candidates))]
    jobs = [Job(index, candidate, seed) for index, (candidate, seed) in enumerate(pairs)]
    episodes = executor.run(jobs, candidates, settings.patience)
    returns = np.array([episode.total for episode in episodes]).reshape(len(seeds), -1).mean(0)
    return returns, sum(episode.steps for episode in episodes)
