"""Learning CarRacing in dreams: what the dreams of a search promised, what the world paid, and what M knew of gas."""

from __future__ import annotations

import numpy as np

from wmbook.records.records import Records, find_root, read_table
from wmbook.show.figures import BLACK, BLUE, GREY, PAGE, VERMILLION, new_figure
from wmbook.show.tables import markdown_table

TRIALS = "dreams"  # the folder of trials among the results
MINDS = {
    "world": ("the world", BLACK, "o-"),
    "plain": ("M as it was", VERMILLION, "s--"),
    "shared out and stretches": ("M mended", BLUE, "^:"),
}


def trial(name: str) -> list[dict[str, float]]:
    """The rounds of a trial, as :func:`rounds` gives them; the last validation of each."""
    last = {row["round"]: row for row in _table("cma") if row["trial"] == name}
    return [
        {
            "steps": float(row["env_steps"]),
            "dream": float(row["dream_mean"]),
            "world": float(row["validation_mean"]),
            "n": int(row["validation_n"]),
        }
        for row in last.values()
    ]


def rounds(arm: str, seed: int = 0, records: Records | None = None) -> list[dict[str, float]]:
    """Each round of a recorded run: ``steps`` that V and M had learnt from, the population's return in the ``dream``
    and the answer's in the ``world``, a mean over ``n`` validation tracks."""
    records = records or Records()
    stages = records.runs[f"{arm}/seed{seed}"]["stages"]
    curve = [row for row in records.learning_curves if (row["arm"], int(row["train_seed"])) == (arm, seed)]
    found, steps = [], 0
    for iteration in sorted({int(row["iteration"]) for row in curve}):
        last = [row for row in curve if int(row["iteration"]) == iteration and row["validation_mean"]][-1]
        steps += stages["collect" if iteration == 1 else f"collect-{iteration}"]["env_steps"]
        numbers = {"dream": float(last["population_mean"]), "world": float(last["validation_mean"])}
        found.append({"steps": steps, **numbers, "n": int(last["validation_n"])})
    return found


def rounds_figure(runs: dict[str, list[dict[str, float]]]):
    """A panel for each run, named by its title: return over real steps, in the dream and in the world."""
    figure, panels = new_figure(PAGE, 2.6, 1, len(runs), sharey=True, squeeze=False)
    for axes, (title, found) in zip(panels[0], runs.items(), strict=True):
        steps = np.array([row["steps"] for row in found]) / 1000
        axes.plot(steps, [row["dream"] for row in found], "s--", color=VERMILLION, label="in its dreams")
        axes.plot(steps, [row["world"] for row in found], "o-", color=BLUE, label="in the world")
        axes.set(title=title, xlabel="thousand real steps", ylim=(-100, 950))
    panels[0, 0].set_ylabel("return of an episode")
    panels[0, -1].legend(loc="lower right")
    return figure


def gas_figure():
    """Reward a step when C gives more or less gas, in the world and in two M's."""
    figure, axes = new_figure(PAGE, 2.4)
    for where, (label, colour, style) in MINDS.items():
        rows = [row for row in _table("gas") if (row["where"], row["bias"]) == (where, "gas")]
        values = [float(row["reward_a_step"]) for row in rows]
        axes.plot([float(row["by"]) for row in rows], values, style, color=colour, label=label)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set(xlabel="added to C's gas, before it is squashed", ylabel="reward a step")
    axes.legend(loc="lower right")
    return figure


def judges_table() -> str:
    """How well M's and what C sees in them tell 48 neighbours of a C apart, as Markdown."""
    header = ["judge", "C sees", "correlation with the world", "of the spread of pace", "a choice by it wins"]
    rows = []
    world = next(row for row in _table("population") if row["m"] == "world")
    for row in _table("population"):
        if row["m"] != "world":
            spread = float(row["pace_spread"]) / float(world["pace_spread"])
            name = f"M, {row['m']}" if row["m"] != "plain" else "M as it was"
            seen = {"z": "z as drawn", "mean": "its likely mean"}.get(row["c_sees"], row["c_sees"])
            rows.append([name, seen, row["return_correlation"], f"{spread:.0%}", f"{float(row['gain']):.0f}"])
    rows.append(["the world", "", "1", "100%", f"{float(world['gain']):.0f}"])
    return markdown_table(header, rows)


def _table(name: str) -> list[dict[str, str]]:
    return read_table(find_root() / "book" / "results" / TRIALS / f"{name}.csv")
