"""Stage evaluate. Reads: C, M, V's encoder. Writes: ``episodes.csv``, one row per episode.

The score is driven on the unmodified Gymnasium environment, on test tracks nothing was chosen on; the same tracks are
also driven with our renderer, so that the gap between the two is a number.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.config import RolloutConfig
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import Progress, Stage, Stopwatch, check_writable, csv_text, read_csv, write_text
from wmlib.seeds import TRACK_SEEDS, track_seeds
from wmlib.stages.agents import agent_of, shipped_agent
from wmlib.stats import describe

COLUMNS = ("task", "arm", "train_seed", "renderer", "track_seed", "return", "steps", "lap_finished")
TASK = "CarRacing-v3"
GYMNASIUM_LANES = 16  # drawing dominates there: a few lanes are enough to share the encoder's calls


def run(chain, stage: Stage) -> None:
    """Drive the test tracks with both renderers and record every episode."""
    config = chain.config
    seeds = track_seeds("test", config.seed, 0, config.evaluate.tracks)
    agent = agent_of(chain)
    clock = Stopwatch(stage)
    rows = []
    for renderer in ("gymnasium", "wmlib"):
        lanes = GYMNASIUM_LANES if renderer == "gymnasium" else config.rollout.lanes
        spec = agent.worker_spec(lanes, renderer)
        rows += evaluate(config.arm, config.seed, spec, agent.parameters, seeds, config.rollout)
    write_text(stage / "episodes.csv", format_rows(rows))
    score = describe([row["return"] for row in rows if row["renderer"] == "gymnasium"])
    own = describe([row["return"] for row in rows if row["renderer"] == "wmlib"])
    stage.finish(clock.seconds, arm=config.arm, **score, wmlib_renderer_mean=own["mean"])


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
        {
            "task": TASK,
            "arm": arm,
            "train_seed": train_seed,
            "renderer": spec.renderer,
            "track_seed": episode.track_seed,
            "return": round(episode.total, 4),
            "steps": episode.steps,
            "lap_finished": int(episode.lap_finished),
        }
        for episode in episodes
    ]


def format_rows(rows: list[dict]) -> str:
    """Evaluation rows as CSV text."""
    return csv_text(COLUMNS, rows)


def read_rows(path: Path) -> list[dict]:
    """Evaluation rows from a CSV, numbers parsed. Raises :class:`UserError` naming a file that is damaged or empty."""
    whole = {"train_seed", "track_seed", "steps", "lap_finished"}
    kinds = {name: int if name in whole else float if name == "return" else str for name in COLUMNS}
    return read_csv(path, kinds)


def evaluate_shipped(arguments) -> None:
    """``wmlib evaluate --pretrained``: drive shipped weights (or ``random``) and print the score."""
    from wmlib.config import RolloutConfig
    from wmlib.stages.evaluate import GYMNASIUM_LANES, evaluate, format_rows
    from wmlib.stats import describe

    check_writable(arguments.out, "--out")
    count = arguments.tracks or 100
    first = TRACK_SEEDS["test"].start if arguments.first_seed is None else arguments.first_seed
    renderer = arguments.renderer or "gymnasium"
    lanes = GYMNASIUM_LANES if renderer == "gymnasium" else 32
    if arguments.pretrained == "random":
        spec, parameters, train_seed = WorkerSpec(lanes, renderer=renderer), None, 0
    else:
        agent = shipped_agent(arguments.pretrained, arguments.train_seed)
        spec, parameters, train_seed = agent.worker_spec(lanes, renderer), agent.parameters, agent.train_seed
    seeds = list(range(first, first + count))
    rows = evaluate(arguments.pretrained, train_seed, spec, parameters, seeds, RolloutConfig())
    if arguments.out:
        write_text(arguments.out, format_rows(rows))
        print(f"{arguments.out}: {len(rows)} episodes")
    score = describe([row["return"] for row in rows])
    print(
        f"{arguments.pretrained} on {score['n']} tracks, {renderer} renderer: {score['mean']:.1f} ± "
        f"{score['std']:.1f}, 95 % interval of the mean {score['ci95'][0]:.1f} to {score['ci95'][1]:.1f}, "
        f"{100 * score['share_solved']:.0f} % at 900 or more"
    )
