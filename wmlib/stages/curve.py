"""What every search of C leaves: its learning curve, validations of its answer, and the choice of the best."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.rollout.lanes import Job
from wmlib.runs import Stage, Stopwatch, available_cores, read_arrays, read_csv, write_arrays, write_csv, write_json
from wmlib.seeds import track_seeds
from wmlib.stats import spread

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


def validate(chain, stage: Stage, row: dict, answer: np.ndarray, executor) -> None:
    """Drive a row's answer (size,) on the validation tracks, every episode to its end; :func:`conclude` may take it."""
    count = chain.config.controller.validation_tracks
    seeds = track_seeds("validation", chain.config.seed, 0, count)
    jobs = [Job(index, 0, seed) for index, seed in enumerate(seeds)]
    totals = np.array([episode.total for episode in executor.run(jobs, answer[None])])
    row |= {"validation_mean": round(float(totals.mean()), 2), "validation_std": spread(totals), "validation_n": count}
    write_arrays(_answer(stage, row), {"parameters": answer})


def append(stage: Stage, curve: list[dict], row: dict, clock: Stopwatch) -> None:
    """Add a row, and when it was made, to a learning curve and write it."""
    row["wall_seconds"] = round(clock.seconds, 1)
    curve.append(row)
    write_csv(stage / "learning_curve.csv", COLUMNS, curve)


def validated(row: dict) -> str:
    """For the line of progress: what validation said, if there was one."""
    return f", validated {row['validation_mean']:.0f}" if row["validation_mean"] != "" else ""


def conclude(stage: Stage, curve: list[dict], clock: Stopwatch, size: int, dreamt: bool = False, **figures) -> None:
    """Write the answer (size,) of the best validated generation as the stage's and finish, with further ``figures``.

    Args:
        dreamt: the search drove in M alone. Nothing real then chooses: it is the last generation's.
    """
    rows = curve[-1:] if dreamt else [row for row in curve if row["validation_mean"] != ""]
    best = max(rows, key=lambda row: row["validation_mean"])
    answers = [read_arrays(_answer(stage, row), ("parameters",), {"parameters": (size,)}) for row in rows]  # all whole?
    write_arrays(stage / "controller.npz", answers[rows.index(best)])
    write_json(stage / "chosen.json", best)
    stage.finish(
        clock.seconds,
        generations=len(curve),
        env_steps=0 if dreamt else curve[-1]["env_steps"],
        **figures,
        chosen_generation=best["generation"],
        validation_mean=round(best["validation_mean"], 1),
        steps_per_second=round(curve[-1]["env_steps"] / clock.seconds),
    )


def _answer(stage: Stage, row: dict) -> Path:
    return stage / "means" / f"{row['generation']:05d}.npz"


def out_of_time(settings, clock: Stopwatch) -> bool:
    """Whether the search has had its ``minutes``."""
    return bool(settings.minutes) and clock.seconds >= 60 * settings.minutes


def over(settings, total: int, curve: list[dict], clock: Stopwatch) -> bool:
    """Whether a search has had its ``total`` generations, or its ``minutes`` and, at their end, a validated answer."""
    return len(curve) >= total or bool(curve) and curve[-1]["validation_mean"] != "" and out_of_time(settings, clock)


def read_curve(path: Path) -> list[dict]:
    """Rows of a learning curve, numbers parsed; empty when there is none yet."""
    whole = {"generation", "env_steps", "cores", "validation_n"}
    kinds = {name: int if name in whole else float for name in COLUMNS}
    return read_csv(path, kinds, optional=("validation_mean", "validation_std", "validation_n"), new=True)
