"""What a run folder offers for a comparison: its recorded episodes, and every arm whose V and M have been trained."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wmbook.compare.labels import Recording
from wmlib.data.rollouts import RolloutStore, split
from wmlib.errors import UserError
from wmlib.runs import DONE, read_arrays, read_json

STAGES = ("vision", "encode", "memory")


@dataclass(frozen=True)
class Arm:
    """A trained V with the M that was trained on its latents; ``stages`` are the three folders by name."""

    name: str
    stages: dict[str, Path]

    def identities(self) -> dict[str, str]:
        """What each stage was made from, as its ``DONE`` says."""
        return {name: read_json(path / DONE)["identity"] for name, path in self.stages.items()}

    def latents(self, number: int) -> dict[str, np.ndarray]:
        """``mu``, ``log_variance`` (T + 1, 32) and ``actions`` (T, 3) of an episode, float32."""
        file = self.stages["encode"] / "latents" / f"{number:06d}.npz"
        arrays = read_arrays(file, ("mu", "log_variance", "actions"))
        return {name: array.astype(np.float32) for name, array in arrays.items()}


@dataclass(frozen=True)
class Run:
    """A run folder at its last iteration.

    Attributes:
        training, held_out: every recorded episode, split as V and M were trained.
        arms: those that are finished.
    """

    folder: Path
    seed: int
    scale: str
    iteration: int
    training: list[Recording]
    held_out: list[Recording]
    arms: list[Arm]


def finished(folder: Path) -> dict[tuple[str, int], Arm]:
    """Every (arm, iteration) of a run folder with all three stages done."""
    found = {}
    for path in sorted(folder.glob("vision-*")):
        name, iteration = re.fullmatch(r"vision-(.+?)(?:-(\d+))?", path.name).groups()
        suffix = f"-{iteration}" if iteration else ""
        stages = {stage: folder / f"{stage}-{name}{suffix}" for stage in STAGES}
        if all((stage / DONE).exists() for stage in stages.values()):
            found[name, int(iteration or 1)] = Arm(name, stages)
    return found


def open_run(folder: Path, wanted: list[str] | None = None) -> Run:
    """What can be compared in a run folder.

    Args:
        wanted: arms by name, or ``arm=name`` for one that goes by another name in the record, as a control does that
            was trained with other settings; None takes all that are finished.

    Raises:
        UserError: no finished arm, or one that was asked for is not finished at the run's last iteration.
    """
    config = read_json(folder / "config.json")
    known = finished(folder)
    if not known:
        raise UserError(f"{folder}: no arm has finished V and M; run `wmlib run --run {folder}` first")
    iteration = max(number for _, number in known)
    names = [name for name, number in known if number == iteration]
    arms = []
    for text in wanted or names:
        name, _, other = text.partition("=")
        if name not in names:
            there = f"{folder} has at iteration {iteration} a finished V and M of {', '.join(names)}"
            raise UserError(f"--arms {name}: {there}; finish this arm first")
        arms.append(replace(known[name, iteration], name=other or name))
    holdout, *others = {read_json(arm.stages["vision"] / "config.json")["key"]["holdout"] for arm in arms}
    if others:
        raise UserError(
            f"{folder}: its arms were trained with different holdouts, so no episode is new to all; use --arms"
        )
    training, held_out = [], []
    for number in range(1, iteration + 1):
        stage = folder / ("collect" if number == 1 else f"collect-{number}")
        samples = read_json(stage / "config.json")["key"]["samples"]
        files = RolloutStore(stage / "rollouts").files()
        first = len(training) + len(held_out)
        parts = split([Recording(first + place, file, samples) for place, file in enumerate(files)], holdout)
        training += parts[0]
        held_out += parts[1]
    return Run(folder, config["seed"], config["scale"], iteration, training, held_out, arms)


def spread(items: list, count: int) -> list:
    """At most ``count`` of the items, evenly from first to last."""
    if len(items) <= count:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, count).astype(int)]
