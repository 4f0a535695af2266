"""Learning in dreams of different temperatures: scores in the dream and in the game, ours beside the paper's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmbook.records.published import DOOM
from wmbook.records.records import Records, find_root
from wmbook.show.figures import BLACK, BLUE, GREY, PAGE, VERMILLION, new_figure
from wmbook.show.tables import markdown_table
from wmlib.config import TASKS
from wmlib.stages.evaluate import read_rows
from wmlib.stats import describe

SOLVED = TASKS["takecover"].solved


def records() -> Records:
    """The records of Take Cover."""
    return Records(find_root() / "book" / "results" / "takecover")


def arms(scores: dict[str, dict]) -> dict[float, dict]:
    """Temperature to the entry of ``summary.json`` of the C that learnt at it, coldest first."""
    dreamt = {float(arm.removeprefix("dream-tau-")): entry for arm, entry in scores.items() if "dream" in entry}
    return dict(sorted(dreamt.items()))


def _score(entry: dict | None) -> str:
    return f"{entry['mean']:.0f} ± {entry['std']:.0f}" if entry else ""


def _interval(entry: dict) -> str:
    return f"{entry['ci95'][0]:.0f} to {entry['ci95'][1]:.0f}"


def temperature_rows(scores: dict[str, dict]) -> tuple[list[str], list[list[str]]]:
    """A header, a row per temperature, then the players that learn nothing; ± is the standard deviation over games."""
    header = ["temperature", "in the dream", "in the game", "95 % interval", "games", "paper: dream", "paper: game"]
    rows = []
    for tau, entry in arms(scores).items():
        theirs = DOOM.get(tau, {})
        ours = [_score(entry["dream"]), _score(entry), _interval(entry), str(entry["n"])]
        rows.append([f"{tau:.2f}", *ours, _score(theirs.get("dream")), _score(theirs.get("game"))])
    for arm, label in (("random", "random buttons"), ("stay", "standing still")):
        if arm in scores:
            entry, theirs = scores[arm], DOOM.get(arm, {})
            rows.append([label, "", _score(entry), _interval(entry), str(entry["n"]), "", _score(theirs.get("game"))])
    return header, rows


def temperature_table(scores: dict[str, dict]) -> str:
    """:func:`temperature_rows` as Markdown."""
    return markdown_table(*temperature_rows(scores))


def temperature_figure(scores: dict[str, dict]):
    """Return over temperature: ours with 95 % intervals of the mean, the paper's as open marks."""
    figure, axes = new_figure(PAGE, 3.0)
    ours = arms(scores)
    for place, colour, marker, shift, label in (
        ("dream", VERMILLION, "s", -0.06, "in the dream"),
        ("game", BLUE, "o", 0.06, "in the game"),
    ):
        entries = [entry["dream"] if place == "dream" else entry for entry in ours.values()]
        means = np.array([entry["mean"] for entry in entries])
        low, high = np.array([entry["ci95"] for entry in entries]).T
        x = np.arange(len(ours)) + shift
        style = {"fmt": marker, "color": colour, "capsize": 3, "label": f"{label}, ours"}
        axes.errorbar(x, means, (means - low, high - means), **style)
        theirs = [DOOM[tau][place]["mean"] for tau in ours]
        axes.plot(x, theirs, marker, color=colour, fillstyle="none", label=f"{label}, the paper")
    for value, label in ((SOLVED, "solved"), (scores["random"]["mean"], "random"), (scores["stay"]["mean"], "still")):
        axes.axhline(value, color=BLACK if label == "solved" else GREY, linewidth=0.8, linestyle=(0, (2, 2)))
        place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom", "fontsize": "small"}
        axes.annotate(f"{label}: {value:.0f}", (0.995, value), **place)
    axes.set(xticks=range(len(ours)), xticklabels=[f"{tau:.2f}" for tau in ours], xlabel="temperature of the dream")
    axes.set(ylabel="tics survived", ylim=(0, 2200), xlim=(-0.4, len(ours) - 0.1))
    axes.legend(ncols=2, loc="upper right")
    return figure


def own(chapter, arm: str = "dream-tau-1.15") -> None:
    """The score of a run of the reader's own in the game and in its dreams, beside the book's."""
    found = {"the book's run": records().scores.get(arm)}
    if chapter.mine:
        rows = read_rows(chapter.chain.evaluate / "episodes.csv")
        returns = [[row["return"] for row in rows if (row["renderer"] == "dream") is dream] for dream in (False, True)]
        game, dream = (describe(each, SOLVED) for each in returns)
        found = {"your run": game | {"dream": dream}, **found}
    for name, entry in found.items():
        if entry:
            low, high = entry["ci95"]
            score = f"{entry['mean']:.0f} ± {entry['std']:.0f} tics in {entry['n']} games"
            dream = f"{entry['dream']['mean']:.0f} in its dreams"
            print(f"{name:15s} {score}, 95 % interval of the mean {low:.0f} to {high:.0f}; {dream}")


def passes(folder: Path | None = None, arm: str = "dream-tau-1.15") -> dict[int, dict]:
    """Pass to its last generation: ``dream``, what the population returns in M; ``game``, what its mean does there."""
    found = {}
    for row in _curve(folder, arm):
        if row["validation_mean"]:
            dream, game = float(row["population_mean"]), float(row["validation_mean"])
            found[int(row["iteration"])] = {"dream": dream, "game": game, "n": int(row["validation_n"])}
    return found


def passes_figure(folder: Path | None = None, arm: str = "dream-tau-1.15"):
    """What the search of each pass saw (its population's dreams) and what it did not (its mean in the real game)."""
    rows = _curve(folder, arm)
    numbers = sorted({int(row["iteration"]) for row in rows})
    figure, panels = new_figure(PAGE, 2.2, 1, len(numbers), sharey=True, squeeze=False)
    for axes, number in zip(panels[0], numbers, strict=True):
        curve = [row for row in rows if int(row["iteration"]) == number]
        dreamt = [float(row["population_mean"]) for row in curve]
        axes.plot([int(row["generation"]) for row in curve], dreamt, color=VERMILLION, label="in its dreams")
        seen = [row for row in curve if row["validation_mean"]]
        real = [float(row["validation_mean"]) for row in seen]
        axes.plot([int(row["generation"]) for row in seen], real, "o--", color=BLUE, markersize=4, label="in the game")
        axes.set(title=f"pass {number}", xlabel="generation", ylim=(0, 2100))
        axes.axhline(SOLVED, color=BLACK, linewidth=0.8, linestyle=(0, (2, 2)))
    panels[0, 0].set_ylabel("tics survived")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _curve(folder: Path | None, arm: str) -> list[dict]:
    """Rows of an arm's search, all passes."""
    found = Records(folder) if folder else records()
    return [row for row in found.learning_curves if row["arm"] == arm]
