"""How stage controller imitates. Writes: ``teacher.npz``, ``teacher.csv``, lessons, and what every search of C writes.

First a teacher who senses the simulator's state is evolved. Then, round after round, C drives on fresh tracks, the
teacher says at every frame what it would have done, and C learns all that was said so far by least squares. C itself
never senses more than [z, h]. The answer is the round that validation tracks prefer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wmlib.config import ACTION_SIZE
from wmlib.config.teaching import LESSONS, SCHOOL
from wmlib.envs.dream import in_threads
from wmlib.errors import UserError
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.teacher import beginner, judge, read_teacher
from wmlib.runs import (
    MetricLog,
    Progress,
    Stage,
    Stopwatch,
    available_cores,
    present,
    read_arrays,
    read_csv,
    write_arrays,
    write_csv,
)
from wmlib.search.cmaes import CMAES
from wmlib.seeds import generator, track_seeds
from wmlib.stages.agents import worker_spec
from wmlib.stages.curve import append, conclude, curve_row, out_of_time, over, read_curve, validate, validated

SHARE = 4  # candidates that one thread judges
TEACHER = {"generation": int, "env_steps": int, "fitness_mean": float, "fitness_max": float}


def imitate(chain, stage: Stage) -> None:
    """A teacher, then rounds; every round is a resumable checkpoint."""
    from wmlib.models.imitation import build_student, learn, parameters_of

    config, taught, clock = chain.config, chain.config.teaching, Stopwatch(stage)
    steps = find_teacher(chain, stage)
    clock.save()
    curve = _rounds_so_far(stage, taught.rounds)
    said = [_said(chain, stage, 0, len(curve) * taught.episodes)] if curve else []
    plain = worker_spec(config, chain.vision / "encoder.npz", chain.eyes / "memory.npz")
    beside = replace(plain, teacher=stage / "teacher.npz", record=stage / "lessons", noise=taught.noise,
                     every=taught.every)  # fmt: skip
    with (
        make_executor(config.rollout, beside) as school,
        make_executor(config.rollout, plain) as executor,
        MetricLog(stage.path, resume_at=len(curve) + 1) as log,
        Progress(f"{stage.name} (C)", taught.rounds, "rounds", len(curve)) as progress,
    ):
        while not over(config.controller, taught.rounds, curve, clock):
            number = len(curve)
            parameters = _row(chain, stage, number - 1) if number else np.zeros(_size(chain))
            episodes = _drive(chain, school, parameters, number)
            said.append(_said(chain, stage, number * taught.episodes, (number + 1) * taught.episodes))
            inputs, wanted = (np.concatenate(parts) for parts in zip(*said, strict=True))
            if number == 0:
                seen = inputs.astype(np.float32)
                write_arrays(stage / "standard.npz", {"centre": seen.mean(0), "spread": seen.std(0) + 1e-2})
            centre, spread = read_standard(stage, inputs.shape[1])
            student = build_student(config.controller, centre, spread, config.seed)
            if number:
                student.set_weights(_weights(stage, number - 1, student))
            last = number + 1 == taught.rounds
            error = learn(
                student,
                inputs,
                wanted,
                taught.last_passes if last else taught.passes,
                taught.batch_size,
                (taught.rate, taught.last_rate),
                int(generator(config.seed, "imitation", number).integers(2**31)),
            )
            parameters = parameters_of(student, config.controller, centre, spread)
            arrays = {f"w{index}": array for index, array in enumerate(student.get_weights())}
            write_arrays(stage / "rounds" / f"{number:03d}.npz", {"parameters": parameters, **arrays})
            driven = (curve[-1]["env_steps"] if curve else steps) + sum(episode.steps for episode in episodes)
            row = curve_row(number + 1, driven, np.array([episode.total for episode in episodes]), sigma=0.0)
            if (number + 1) % config.controller.validate_every == 0 or last or out_of_time(config.controller, clock):
                validate(chain, stage, row, parameters, executor)
            log.scalars(number + 1, error=error, returns=row["population_mean"])
            append(stage, curve, row, clock)  # last: what it lacks is done again
            clock.save()
            progress.advance(note=f"drove {row['population_mean']:.0f}, error {error:.4f}{validated(row)}")
    conclude(stage, curve, clock, _size(chain), teacher_steps=steps)


def find_teacher(chain, stage: Stage) -> int:
    """Evolve the teacher into ``teacher.npz``, unless it is there; returns the steps that took. A minute or two."""
    config, taught = chain.config, chain.config.teaching
    if present(stage / "teacher.npz"):
        read_teacher(stage / "teacher.npz")  # whole
        return read_csv(stage / "teacher.csv", TEACHER)[-1]["env_steps"]
    seed = int(generator(config.seed, "teacher").integers(2**31))
    search = CMAES(beginner().size, taught.population, taught.sigma, seed, beginner().reshape(-1))
    rows, steps = [], 0
    with Progress(f"{stage.name} (teacher)", taught.generations, "generations", 0) as progress:
        for generation in range(taught.generations):
            seeds = track_seeds("fitness", config.seed, SCHOOL.start + generation * taught.tracks, taught.tracks)
            parts = np.array_split(search.ask(), -(-taught.population // SHARE))
            calls = [
                (part, seeds, taught.blur, taught.calm, taught.patience,
                 generator(config.seed, "teacher", generation, index), config.numbers.max_steps)
                for index, part in enumerate(parts)
            ]  # fmt: skip
            judged = in_threads(judge, calls, available_cores())
            fitness = np.concatenate([part for part, _ in judged])
            search.tell(fitness)
            steps += sum(driven for _, driven in judged)
            rows.append(dict(zip(TEACHER, (generation + 1, steps, fitness.mean(), fitness.max()), strict=True)))
            progress.advance(note=f"mean {fitness.mean():.0f}, best {fitness.max():.0f}")
    write_csv(stage / "teacher.csv", TEACHER, rows)
    write_arrays(stage / "teacher.npz", {"weights": search.mean.reshape(beginner().shape)})
    return steps


def _drive(chain, school, parameters: np.ndarray, number: int) -> list:
    """The episodes of one round, each leaving its lesson."""
    taught = chain.config.teaching
    seeds = track_seeds("fitness", chain.config.seed, LESSONS.start + number * taught.episodes, taught.episodes)
    shared = 0 < number <= taught.shared_rounds  # a second candidate of zeros, for whom the teacher drives
    jobs = [Job(number * taught.episodes + index, index % 2 if shared else 0, seed) for index, seed in enumerate(seeds)]
    return school.run(jobs, np.stack([parameters, np.zeros_like(parameters)]), taught.patience)


def _rounds_so_far(stage: Stage, rounds: int) -> list[dict]:
    """Rows of the learning curve, one for every round that is over; empty when there is none yet."""
    file = stage / "learning_curve.csv"
    curve = read_curve(file)
    if [row["generation"] for row in curve] != list(range(1, len(curve) + 1)) or len(curve) > rounds:
        raise UserError(f"{file}: its rounds are not 1 to {rounds} in order; use --force to start again")
    return curve


def _said(chain, stage: Stage, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """What C saw in lessons ``first`` to ``end``, float16 (n, inputs), and what was wanted there, float32 (n, 3)."""
    shapes, parts = {"inputs": (None, _inputs(chain)), "wanted": (None, ACTION_SIZE)}, []
    for index in range(first, end):
        file = stage / "lessons" / f"{index:06d}.npz"
        parts.append(read_arrays(file, tuple(shapes), shapes))
        if len({len(array) for array in parts[-1].values()}) > 1 or not len(parts[-1]["wanted"]):
            raise UserError(f"{file}: inputs and wanted differ in length, or are empty; use --force to start again")
    return tuple(np.concatenate([part[name] for part in parts]) for name in shapes)


def _inputs(chain) -> int:
    from wmlib.models.controller import input_size

    return input_size(chain.config.controller, chain.config.memory.hidden_size)


def _size(chain) -> int:
    from wmlib.models.controller import parameter_count

    return parameter_count(chain.config.controller, chain.config.memory.hidden_size)


def _row(chain, stage: Stage, number: int) -> np.ndarray:
    file, size = stage / "rounds" / f"{number:03d}.npz", {"parameters": (_size(chain),)}
    return read_arrays(file, ("parameters",), size)["parameters"]


def read_standard(stage: Stage, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and spread of C's inputs in the first lessons, (inputs,) each."""
    arrays = read_arrays(stage / "standard.npz", ("centre", "spread"), {"centre": (inputs,), "spread": (inputs,)})
    return arrays["centre"], arrays["spread"]


def _weights(stage: Stage, number: int, student) -> list[np.ndarray]:
    shapes = {f"w{index}": array.shape for index, array in enumerate(student.get_weights())}
    arrays = read_arrays(stage / "rounds" / f"{number:03d}.npz", tuple(shapes), shapes)
    return [arrays[name] for name in shapes]
