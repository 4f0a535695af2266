"""Figures of the results chapter, drawn from the records."""

from __future__ import annotations

import matplotlib
import numpy as np

from wmbook.show.figures import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PAGE,
    SKY,
    VERMILLION,
    learning_curve,
    look,
    new_figure,
    score_histogram,
)
from wmbook.show.learning import original
from wmlib.stats import SOLVED

LOST = {  # reason for lost points -> label, colour, hatch
    "time": ("time: 0.1 per frame", GREY, ""),
    "not_reached": ("tiles not reached", SKY, "///"),
    "skipped": ("tiles skipped", VERMILLION, "..."),
    "left_field": ("left the field", BLACK, "xxx"),
}
VIEWS = {"z": (GREEN, "^"), "h": (ORANGE, "v"), "z and h": (BLUE, "o")}
STATES = {
    "speed": "speed",
    "yaw_rate": "turn rate",
    "steering_angle": "steering angle",
    "lateral_offset": "place across the road",
}


def _solved(axes) -> None:
    axes.axhline(SOLVED, color=BLACK, linewidth=0.8, linestyle=(0, (2, 2)))


def learning_panels(arm: str, runs: dict[int, dict]):
    """One arm's searches over generations, steps, wall time and core-hours, with the original's on the same axes.

    Args:
        runs: training seed to curve of :func:`wmbook.show.learning.curve`.
    """
    figure, panels = new_figure(PAGE, 5.2, 2, 2, sharey=True)
    theirs, style = original(), look("published")
    kinds = (
        ("generation", 1, "generation"),
        ("env_steps", 1e6, "million environment steps"),
        ("minutes", 60, "hours of search"),
        ("core_hours", 1, "core-hours of search"),
    )
    validated = np.isfinite(theirs["validation_mean"])
    for axes, (column, scale, label) in zip(panels.flat, kinds, strict=True):
        with matplotlib.rc_context({"lines.markersize": 2.5, "lines.linewidth": 1.1}):
            for curve in runs.values():
                learning_curve(axes, arm, curve, x=column, scale=scale)
        axes.plot(
            theirs[column] / scale, theirs["population_mean"], color=style.colour, linewidth=0.8, alpha=0.5
        )  # fmt: skip
        axes.plot(
            theirs[column][validated] / scale,
            theirs["validation_mean"][validated],
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            label=style.label,
        )
        axes.set(xscale="log", xlabel=label, ylim=(-100, 1000))
        _solved(axes)
    for axes in panels[:, 0]:
        axes.set_ylabel("return")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    panels[0, 0].legend(unique.values(), unique.keys(), loc="lower right")
    return figure


def arms_panel(curves: dict[tuple[str, int], dict]):
    """The validated mean solution of every search against steps; one look per arm, one line per training seed."""
    figure, axes = new_figure(PAGE, 3.1)
    named = set()
    for (arm, _), curve in curves.items():
        shown, style = np.isfinite(curve["validation_mean"]), look(arm)
        axes.plot(
            curve["env_steps"][shown] / 1e6,
            curve["validation_mean"][shown],
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=3.5,
            label="" if arm in named else style.label,
        )
        named.add(arm)
    _solved(axes)
    axes.set(xlabel="million environment steps of search", ylabel="return of the mean solution")
    axes.legend(loc="lower right")
    return figure


def race(curves: dict[tuple[str, int], dict]):
    """Validated mean solutions with their intervals over steps and over minutes from nothing, a line per search."""
    figure, panels = new_figure(PAGE, 2.7, columns=2, sharey=True)
    for axes, column, scale, label in (
        (panels[0], "env_steps", 1e6, "million environment steps of search"),
        (panels[1], "minutes_from_nothing", 1, "minutes from nothing"),
    ):
        named = set()
        for (arm, _), curve in curves.items():
            shown, style = np.isfinite(curve["validation_mean"]), look(arm)
            axes.errorbar(
                curve[column][shown] / scale,
                curve["validation_mean"][shown],
                curve["half_interval"][shown],
                fmt=style.marker,
                linestyle=style.line,
                color=style.colour,
                markersize=3.5,
                elinewidth=0.8,
                label=None if arm in named else style.label,
            )
            named.add(arm)
        _solved(axes)
        axes.set_xlabel(label)
    panels[0].set_ylabel("return of the mean solution")
    panels[0].legend(loc="lower right")
    return figure


def track_by_track(returns: dict[str, np.ndarray]):
    """Two arms on the same test tracks: how their returns are distributed, and one against the other.

    Args:
        returns: arm to returns (runs, tracks); the first arm is drawn across, the second up.
    """
    figure, (left, right) = new_figure(PAGE, 2.8, columns=2)
    score_histogram(left, {arm: each.ravel() for arm, each in returns.items()})
    left.legend(loc="upper left", fontsize=7)
    (one, across), (other, up) = ((arm, each.mean(0)) for arm, each in returns.items())
    ends = [min(across.min(), up.min()) - 10, max(across.max(), up.max()) + 10]
    right.plot(ends, ends, color=BLACK, linewidth=0.8, linestyle=(0, (2, 2)))
    right.plot(across, up, look(other).marker, color=look(other).colour, markersize=3, alpha=0.6)
    right.set(xlabel=f"return, {look(one).label}", ylabel=f"return, {look(other).label}", xlim=ends, ylim=ends)
    return figure


def differences(pairs: dict[str, dict]):
    """Mean paired differences with their intervals, one row each; left of the line the arm falls behind."""
    figure, axes = new_figure(PAGE, 0.8 + 0.38 * len(pairs))
    for place, (label, pair) in enumerate(pairs.items()):
        style = look(label)
        axes.plot(pair["ci95"], [place, place], color=style.colour, linewidth=5, alpha=0.45)
        axes.plot(pair["mean"], place, style.marker, color=style.colour, markersize=7)
        axes.annotate(f"{pair['mean']:+.0f}", (pair["mean"], place), xytext=(0, 7), textcoords="offset points",
                      ha="center", fontsize=8)  # fmt: skip
    axes.axvline(0, color=BLACK, linewidth=0.9)
    axes.set_yticks(range(len(pairs)), [look(label).label for label in pairs])
    axes.set_ylim(len(pairs) - 0.4, -0.8)
    axes.grid(False, axis="y")
    axes.set_xlabel("difference per track to the full model, mean and 95 % interval")
    return figure


def lost_points(tracks: list[dict]):
    """One bar per track, best first: what it lost to each reason. Bars end where the return begins."""
    figure, axes = new_figure(PAGE, 2.7)
    ranked = sorted(tracks, key=lambda track: -track["return"])
    places, bottom = np.arange(len(ranked)), np.zeros(len(ranked))
    for reason, (label, colour, hatch) in LOST.items():
        values = np.array([max(track["points"][reason], 0.0) for track in ranked])
        axes.bar(places, values, 0.85, bottom, color=colour, hatch=hatch, edgecolor="white", linewidth=0.3, label=label)
        bottom += values
    axes.axhline(1000 - SOLVED, color=BLACK, linewidth=0.9, linestyle=(0, (2, 2)))
    axes.set(xlabel="validation tracks, the best drive first", ylabel="points lost of 1,000")
    axes.set_xticks([])
    axes.set(xlim=(-0.7, len(ranked) - 0.3), ylim=(0, 1.3 * bottom.max()))
    axes.legend(loc="upper left", ncols=2)
    return figure


def bend_names(edges: list) -> list[str]:
    """Classes of curvature as radii a driver would name, from the straight to the tightest."""
    radii = [None if not edge else round(1 / edge) for edge in edges]
    names = [f"over {radii[1]} m"]
    names += [f"{radii[i + 1]} to {radii[i]} m" for i in range(1, len(edges) - 2)]
    return [*names, f"under {radii[-2]} m"]


def bends(record: dict):
    """By radius of the bend: where tiles are and where they are skipped; how fast and how far inside it is driven."""
    figure, (left, middle, right) = new_figure(PAGE, 2.5, columns=3)
    tiles, skipped = np.array(record["tiles"], float), np.array(record["skipped"], float)
    places = np.arange(len(tiles))
    left.bar(places - 0.2, 100 * tiles / tiles.sum(), 0.4, color=GREY, label="all tiles")
    left.bar(places + 0.2, 100 * skipped / max(skipped.sum(), 1), 0.4, color=VERMILLION, hatch="...",
             edgecolor="white", label="skipped tiles")  # fmt: skip
    left.set(title="where tiles are skipped", ylabel="share, %")
    left.legend()
    middle.plot(places, record["speed"], "o-", color=BLUE)
    middle.set(title="speed", ylabel="m/s", ylim=(0, 1.15 * max(record["speed"])))
    right.plot(places, record["inside"], "o-", color=BLUE)
    right.axhline(1, color=BLACK, linewidth=0.8, linestyle=(0, (2, 2)))
    right.annotate("edge of the road", (0, 1), xytext=(2, -9), textcoords="offset points", fontsize=7.5)
    right.set(title="how far inside", ylabel="half widths", ylim=(min(0, *record["inside"]), 1.1))
    for axes in (left, middle, right):
        axes.set_xticks(places, bend_names(record["edges"]), rotation=35, ha="right", fontsize=7)
    figure.supxlabel("radius of the bend", fontsize=8.5)
    return figure


def read_out(record: dict):
    """R² of linear read-outs: one group per part of the car's state, one marker per view, with intervals."""
    figure, axes = new_figure(PAGE, 2.5)
    present = [view for view in VIEWS if view in record]
    for shift, view in enumerate(present):
        colour, marker = VIEWS[view]
        for place, state in enumerate(STATES):
            entry = record[view][state]
            x = place + 0.18 * (shift - (len(present) - 1) / 2)
            axes.plot([x, x], np.maximum(entry["ci95"], -0.2), color=colour, linewidth=4, alpha=0.4)
            axes.plot(x, max(entry["r2"], -0.2), marker, color=colour, label=f"from {view}" if place == 0 else "")
    axes.set_xticks(range(len(STATES)), STATES.values())
    axes.axhline(0, color=BLACK, linewidth=0.8)
    axes.set(ylabel="R² on unseen tracks", ylim=(-0.22, 1.05))
    axes.legend(loc="lower right", ncols=len(present))
    return figure
