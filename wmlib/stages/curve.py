"""What every search of C leaves: its learning curve, validations of its answer, and the choice of the best."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from wmlib.rollout.lanes import Job
from wmlib.runs import Stage, Stopwatch, available_cores, csv_text, read_arrays, read_csv, write_arrays, write_json
from wmlib.seeds import track_seeds

COLUMNS = (
    "generation",
    "env_steps",
    "wall_seconds",
    "cores",
    "population_mean",
    "population_min",
    "population_max",
    "sigma",
    "validation_mean",
    "validation_std",
    "validation_n",
)


def curve_row(generation: int, env_steps: int, returns: np.ndarray, sigma: float) -> dict:
    """One row of a learning curve, to be timed and perhaps validated.

    Args:
        returns: of what was driven in this generation or round, (n,).
        sigma: the search's step size; 0 where nothing is drawn around the answer.
    """
    blank = dict.fromkeys(("validation_mean", "validation_std", "validation_n"), "")
    return {
        "generation": generation,
        "env_steps": env_steps,
        "wall_seconds": 0.0,
        "cores": available_cores(),
        "population_mean": round(float(returns.mean()), 2),
        "population_min": round(float(returns.min()), 2),
        "population_max": round(float(returns.max()), 2),
        "sigma": round(sigma, 5),
    } | blank


def validate(chain, mean: np.ndarray, executor) -> dict:
    """Drive the search's mean on the validation tracks, every episode to its end."""
    count = chain.config.controller.validation_tracks
    seeds = track_seeds("validation", chain.config.seed, 0, count)
    jobs = [Job(index, 0, seed) for index, seed in enumerate(seeds)]
    totals = np.array([episode.total for episode in executor.run(jobs, mean[None])])
    return {
        "validation_mean": round(float(totals.mean()), 2),
        "validation_n": count,
        "validation_std": round(float(totals.std(ddof=1)), 2) if count > 1 else 0.0,
    }


def choose(stage: Stage, curve: list[dict], size: int) -> int:
    """Write the mean (size,) of the best validated generation as the stage's answer; returns the generation."""
    best = max((row for row in curve if row["validation_mean"] != ""), key=lambda row: row["validation_mean"])
    file, names = stage / "means" / f"{best['generation']:05d}.npz", ("parameters",)
    mean = read_arrays(file, names, {"parameters": (size,)})
    write_arrays(stage / "controller.npz", mean)
    write_json(stage / "chosen.json", best)
    return best["generation"]


def out_of_time(settings, clock: Stopwatch) -> bool:
    """Whether the search has had its ``minutes``."""
    return bool(settings.minutes) and clock.seconds >= 60 * settings.minutes


def format_curve(rows: list[dict]) -> str:
    """Learning curve as CSV text."""
    return csv_text(COLUMNS, rows)


def read_curve(path: Path) -> list[dict]:
    """Rows of a learning curve, numbers parsed; empty when there is none yet."""
    if not os.path.lexists(path):
        return []
    whole = {"generation", "env_steps", "cores", "validation_n"}
    kinds = {name: int if name in whole else float for name in COLUMNS}
    return read_csv(path, kinds, optional=("validation_mean", "validation_std", "validation_n"))
