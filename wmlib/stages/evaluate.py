"""Stage evaluate. Reads: C, M, V's encoder. Writes: ``episodes.csv``, one row per episode.

The score is driven on the unmodified environment, on test tracks nothing was chosen on; where we have a renderer of our
own, the same tracks are also driven with that, so that the gap between the two is a number. A C that was learnt in
dreams also lives as many of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.config import TASKS, RolloutConfig
from wmlib.config.settings import one_of
from wmlib.errors import UserError
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import Progress, Stage, Stopwatch, check_writable, read_csv, write_csv
from wmlib.seeds import TRACK_SEEDS, track_seeds
from wmlib.stages.agents import agent_of, shipped_agent
from wmlib.stats import describe

COLUMNS = ("task", "arm", "train_seed", "renderer", "track_seed", "return", "steps", "lap_finished")
UNMODIFIED_LANES = 16  # drawing dominates there: a few lanes are enough to share the encoder's calls


def run(chain, stage: Stage) -> None:
    """Drive the test tracks with every renderer and record every episode."""
    config, task = chain.config, chain.config.numbers
    seeds = track_seeds("test", config.seed, 0, config.evaluate.tracks)
    agent = agent_of(chain)
    clock = Stopwatch(stage)
    rows = []
    for renderer in task.renderers:
        lanes = UNMODIFIED_LANES if renderer == task.renderers[0] else config.rollout.lanes
        spec = agent.worker_spec(lanes, renderer)
        rows += evaluate(config.arm, config.seed, spec, agent.parameters, seeds, config.rollout)
    if config.controller.world == "dream":
        with make_executor(config.rollout, agent.worker_spec(config.rollout.lanes)) as executor:
            rows += _dreamt(chain, executor, agent.parameters, seeds)
    write_csv(stage / "episodes.csv", COLUMNS, rows)
    score, *others = ([row["return"] for row in rows if row["renderer"] == name] for name in task.renderers)
    own = {f"{name}_renderer_mean": describe(other)["mean"] for name, other in zip(task.renderers[1:], others)}
    stage.finish(clock.seconds, arm=config.arm, **describe(score, task.solved), **own)


def _dreamt(chain, executor, parameters: np.ndarray, seeds: list[int]) -> list[dict]:
    """Rows of as many dreams, at the temperature that C was learnt at, beside the score in the world."""
    from wmlib.stages.dreams import Dreams

    returns, steps = Dreams(chain)(executor, parameters[None], seeds)
    return [
        _row(chain.config.task, chain.config.arm, chain.config.seed, "dream", seed, float(total), int(lived), False)
        for seed, total, lived in zip(seeds, returns[:, 0], steps[:, 0], strict=True)
    ]


def _row(task, arm, train_seed, renderer, track_seed, total, steps, lap_finished) -> dict:
    values = TASKS[task].record, arm, train_seed, renderer, track_seed, round(total, 4), steps, int(lap_finished)
    return dict(zip(COLUMNS, values, strict=True))


def evaluate(
    arm: str, train_seed: int, spec: WorkerSpec, parameters: np.ndarray | None, seeds: list[int], rollout: RolloutConfig
) -> list[dict]:
    """Drive one controller (or the random driver, ``parameters=None``) to the end of every track.

    Returns:
        Rows with the columns of ``episodes.csv``.
    """
    jobs = [Job(index, 0, seed) for index, seed in enumerate(seeds)]
    population = None if parameters is None else parameters[None]
    with make_executor(rollout, spec) as executor:
        with Progress(f"evaluate {arm} ({spec.renderer} renderer)", len(jobs), "episodes") as progress:
            episodes = executor.run(jobs, population, patience=0, progress=progress)
    return [
        _row(spec.task, arm, train_seed, spec.renderer, e.track_seed, e.total, e.steps, e.lap_finished)
        for e in episodes
    ]


def read_rows(path: Path) -> list[dict]:
    """Evaluation rows from a CSV, numbers parsed. Raises :class:`UserError` naming a file that is damaged or empty."""
    whole = {"train_seed", "track_seed", "steps", "lap_finished"}
    kinds = {name: int if name in whole else float if name == "return" else str for name in COLUMNS}
    return read_csv(path, kinds)


def evaluate_shipped(arguments) -> None:
    """``wmlib evaluate --pretrained``: drive shipped weights (or ``random``) and print the score."""
    check_writable(arguments.out, "--out")
    count = arguments.tracks or 100
    first = TRACK_SEEDS["test"].start if arguments.first_seed is None else arguments.first_seed
    agent, name = None, "carracing"
    if arguments.pretrained == "random" and arguments.train_seed is not None:
        raise UserError("--train-seed does not count with --pretrained random; leave one of them out")
    if arguments.pretrained != "random":
        agent = shipped_agent(arguments.pretrained, arguments.train_seed)
        name = agent.config.task
    task = TASKS[name]
    renderer = arguments.renderer or task.renderers[0]
    one_of("--renderer", renderer, task.renderers)
    lanes = UNMODIFIED_LANES if renderer == task.renderers[0] else 32
    if agent is None:
        spec, parameters, train_seed = WorkerSpec(lanes, renderer=renderer), None, 0
    else:
        spec, parameters, train_seed = agent.worker_spec(lanes, renderer), agent.parameters, agent.train_seed
    seeds = list(range(first, first + count))
    rows = evaluate(arguments.pretrained, train_seed, spec, parameters, seeds, RolloutConfig())
    if arguments.out:
        write_csv(arguments.out, COLUMNS, rows)
        print(f"{arguments.out}: {len(rows)} episodes")
    score = describe([row["return"] for row in rows], task.solved)
    print(
        f"{arguments.pretrained} on {score['n']} tracks, {renderer} renderer: {score['mean']:.1f} ± "
        f"{score['std']:.1f}, 95 % interval of the mean {score['ci95'][0]:.1f} to {score['ci95'][1]:.1f}, "
        f"{100 * score['share_solved']:.0f} % at {task.solved:.0f} or more"
    )
