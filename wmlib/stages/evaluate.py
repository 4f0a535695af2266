"""Stage evaluate. Reads: C, M, V's encoder. Writes: ``episodes.csv``, one row per episode.

The score is driven on the unmodified Gymnasium environment, on test tracks nothing was chosen on; the same tracks are
also driven with our renderer, so that the gap between the two is a number.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from wmlib.config import RolloutConfig
from wmlib.progress import Progress
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import Stage, Stopwatch, csv_text, write_text
from wmlib.seeds import track_seeds
from wmlib.stages.controller import worker_spec
from wmlib.stats import describe

COLUMNS = ("task", "arm", "train_seed", "renderer", "track_seed", "return", "steps", "lap_finished")
TASK = "CarRacing-v3"
GYMNASIUM_LANES = 16  # drawing dominates there: a few lanes are enough to share the encoder's calls


def run(chain, stage: Stage) -> None:
    """Drive the test tracks with both renderers and record every episode."""
    config = chain.config
    seeds = track_seeds("test", config.seed, 0, config.evaluate.tracks)
    with np.load(chain.controller / "controller.npz") as arrays:
        parameters = arrays["parameters"]
    clock = Stopwatch(stage)
    rows = []
    for renderer in ("gymnasium", "wmlib"):
        lanes = GYMNASIUM_LANES if renderer == "gymnasium" else config.rollout.lanes
        spec = worker_spec(chain, lanes, renderer)
        rows += evaluate(config.arm, config.seed, spec, parameters, seeds, config.rollout)
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
    """Evaluation rows from a CSV, numbers parsed."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in ("train_seed", "track_seed", "steps", "lap_finished"):
            row[name] = int(row[name])
        row["return"] = float(row["return"])
    return rows
