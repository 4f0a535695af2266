"""Figures of the results chapter, drawn from the records."""

from __future__ import annotations

import numpy as np

from wmbook.records.published import OTHERS, SCORES
from wmbook.show.figures import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PAGE,
    SKY,
    VERMILLION,
    label_lines,
    look,
    new_figure,
    score_histogram,
    score_intervals,
)
from wmbook.show.learning import original, over_runs
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


def beside_others(ours: dict[str, dict]) -> None:
    """What others state for this task over 100 tracks, and ours, best first: mean and standard deviation over tracks.

    Args:
        ours: arm to ``mean``, ``std`` and ``ci95``.
    """
    others = {name: {"mean": mean, "std": std} for name, (mean, std, *_) in OTHERS.items()}
    scores = sorted((SCORES | others | ours).items(), key=lambda item: -item[1]["mean"])
    _, axes = new_figure(PAGE, 0.6 + 0.3 * len(scores))
    score_intervals(axes, dict(scores))


def learning_panels(arm: str, runs: dict[int, dict]):
    """One arm's validated mean solutions over generations, steps, hours and core-hours, beside the original's.

    Args:
        runs: training seed to curve of :func:`wmbook.show.learning.curve`.
    """
    figure, panels = new_figure(PAGE, 4.6, 2, 2, sharey=True)
    ours, theirs = look(arm), look("published")
    kinds = (
        ("generation", 1, "generation"),
        ("env_steps", 1e6, "million environment steps"),
        ("minutes", 60, "hours of search"),
        ("core_hours", 1, "core-hours of search"),
    )
    for axes, (column, scale, label) in zip(panels.flat, kinds, strict=True):
        for style, curve in (*((ours, curve) for curve in runs.values()), (theirs, original())):
            shown = np.isfinite(curve["validation_mean"])
            axes.plot(curve[column][shown] / scale, curve["validation_mean"][shown], color=style.colour,
                      linestyle=style.line, marker=style.marker, markersize=3, linewidth=1.1)  # fmt: skip
        axes.set(xscale="log", xlabel=label, ylim=(500, 1000))
        _solved(axes)
    panels[1, 1].annotate(f"ours,\n{len(runs)} runs", (0.24, 0.3), xycoords="axes fraction", color=ours.colour)
    panels[1, 1].annotate("the original", (0.98, 0.62), xycoords="axes fraction", ha="right", color=theirs.colour)
    for axes in panels[:, 0]:
        axes.set_ylabel("return")
    return figure


def arms_panel(curves: dict[tuple[str, int], dict], arms: tuple[str, ...]):
    """Validated mean solutions against steps: of each arm the mean over its runs, and the range of several."""
    figure, axes = new_figure(PAGE, 3.1)
    for arm in arms:
        found, style = over_runs([curve for (name, _), curve in curves.items() if name == arm]), look(arm)
        axes.fill_between(found["steps"], found["low"], found["high"], color=style.colour, alpha=0.15, linewidth=0)
        axes.plot(found["steps"], found["mean"], color=style.colour, linestyle=style.line, marker=style.marker,
                  markersize=3.5, label=style.label)  # fmt: skip
    _solved(axes)
    axes.set(xlabel="million environment steps of search", ylabel="return of the mean solution")
    label_lines(axes)
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


def lap(speed: np.ndarray, actions: np.ndarray, radius: np.ndarray, tight: float):
    """One drive over time: speed, steering, gas and brake; where the bend is tighter than ``tight`` m, a grey band.

    Args:
        speed: (T,) m/s; actions: (T, 3); radius: (T,) of the bend the car is in, m.
    """
    figure, panels = new_figure(PAGE, 3.6, 3, 1, sharex=True, height_ratios=(1.2, 1.2, 1))
    seconds = np.arange(len(speed)) / 50
    steer, gas, brake = actions.T
    for axes in panels:
        axes.fill_between(seconds, 0, 1, where=radius < tight, color="#DDDDDD", linewidth=0, step="mid",
                          transform=axes.get_xaxis_transform())  # fmt: skip
        axes.grid(False, axis="x")
    panels[0].plot(seconds, speed, color=BLUE)
    panels[0].set(ylabel="speed, m/s", ylim=(0, 1.25 * speed.max()))
    panels[0].annotate(f"grey: bends under {tight:.0f} m", (0.99, 0.06), xycoords="axes fraction", ha="right")
    panels[1].plot(seconds, steer, color=BLACK, linewidth=0.9)
    panels[1].set(ylabel="steering", ylim=(-1.05, 1.05))
    panels[2].plot(seconds, gas, color=GREEN, label="gas")
    panels[2].plot(seconds, brake, "--", color=VERMILLION, label="brake")
    panels[2].set(ylabel="pedals", ylim=(-0.03, 1.45), yticks=(0, 1), xlabel="seconds", xlim=(0, seconds[-1]))
    panels[2].legend(loc="upper right", ncols=2)
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
