"""Figures of the performance page, from ``book/results/bench.json``: ``wmbook figures``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from wmbook.records.records import find_root
from wmbook.show.figures import BLACK, BLUE, GREEN, GREY, ORANGE, PAGE, PART, VERMILLION, new_figure, write_svgs

# Comparison, contender, and what the bar says; the ratio is to the comparison's baseline.
BARS = (
    ("simulator", "lockstep64", "simulator, 64x64, lockstep, 2x2 samples", PART["environment"]),
    ("simulator", "lockstep64v", "simulator, 64x64, lockstep, 3x3 samples", PART["environment"]),
    ("simulator", "env64", "environment, 64x64, 2x2 samples", PART["environment"]),
    ("simulator", "env96", "environment, 96x96", PART["environment"]),
    ("rollout", "population_64", "rollouts: environment, V, M and C", PART["C"]),
    ("encoding", "encode_int8", "encoding, int8", PART["V"]),
    ("encoding", "encode_float32", "encoding, float32", PART["V"]),
    ("vae", "vae_ours", "training V", PART["V"]),
    ("memory_training", "memory_ours", "training M", PART["M"]),
    ("dream", "dream_ours", "dreaming, batch 1,024", PART["M"]),
)
PROFILE_COLOURS = {
    "physics": GREY,
    "drawing": ORANGE,
    "V": PART["V"],
    "M": PART["M"],
    "C": PART["C"],
    "Python": BLACK,
}


def ratios(record: dict):
    """How many times faster than what a user would pick instead, on a logarithmic axis, with the rounds' range."""
    found = [
        (label, record["comparisons"][comparison]["contenders"][key], colour)
        for comparison, key, label, colour in BARS
        if "ratio" in record["comparisons"].get(comparison, {}).get("contenders", {}).get(key, {})
    ]
    figure, axes = new_figure(PAGE, 0.5 + 0.27 * len(found))
    for place, (_, entry, colour) in enumerate(found):
        axes.barh(place, entry["ratio"] - 1, left=1, color=colour, height=0.62)
        axes.plot([entry["ratio_low"], entry["ratio_high"]], [place, place], color=BLACK, linewidth=0.9)
        end = max(entry["ratio_high"], 1.0)
        axes.annotate(f"{entry['ratio_text']} ×", (end, place), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(found)), [label for label, *_ in found])
    axes.set_xscale("log")
    axes.set_xlim(1, 2.2 * max((entry["ratio_high"] for _, entry, _ in found), default=10))
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set_xlabel("times faster than the usual way, measured in the same run")
    return figure


def profile(record: dict):
    """One step of one car of a 64-lane worker, in microseconds."""
    parts = {name: record["profile"][name]["median"] for name in PROFILE_COLOURS}
    figure, axes = new_figure(PAGE, 1.15)
    left = 0.0
    for name, microseconds in parts.items():
        label = f"{name} {microseconds:.0f}"
        colour = PROFILE_COLOURS[name]
        axes.barh(0, microseconds, left=left, color=colour, edgecolor="white", linewidth=1, height=0.5, label=label)
        left += microseconds
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 0.95), ncols=len(parts), handlelength=1, columnspacing=1.5)
    axes.set(xlabel="µs per step of one car", yticks=[], ylim=(-0.3, 0.3), xlim=(0, left))
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    return figure


def scaling(record: dict):
    """Steps per second by lanes, by workers and by population, and the projection to more cores."""
    figure, panels = new_figure(PAGE, 2.4, 1, 4)
    rows = (("lanes", "lanes_", "cars of one worker"), ("workers", "workers_", "workers"),
            ("population", "population_", "candidates"))  # fmt: skip
    for axes, (key, prefix, label), colour in zip(panels, rows, (BLUE, GREEN, VERMILLION), strict=False):
        entries = record["comparisons"][key]["contenders"]
        x = [int(name.removeprefix(prefix)) for name in entries]
        y, low, high = ([entry[part] / 1000 for entry in entries.values()] for part in ("median", "low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(x, y, "o-", color=colour)
        axes.set_xscale("log", base=2)
        shown = [value for value in x if value not in (16, 64) or len(x) < 4]
        axes.set_xticks(shown, [str(value) for value in shown])
        axes.minorticks_off()
        axes.set(xlabel=label, ylim=(0, 1.1 * max(high)))
    panels[0].set_ylabel("1,000 steps/s")
    cores = record["projection"]["cores"]
    x, y = [int(count) for count in cores], [row["steps_per_second"] / 1000 for row in cores.values()]
    panels[3].loglog(x, y, "s", linestyle=(0, (3, 2)), color=BLACK)
    panels[3].loglog(x, [y[0] * count for count in x], color=GREY, linewidth=0.8)
    panels[3].set_xticks(x, [str(value) for value in x], rotation=45)
    panels[3].minorticks_off()
    panels[3].set(xlabel="cores", title="projection")
    return figure


FIGURES = {"bench-ratios": ratios, "bench-step": profile, "bench-scaling": scaling}


def write(record: dict | None = None, folder: Path | None = None) -> list[Path]:
    """Draw every figure as SVG; ``record`` defaults to the committed one."""
    if record is None:
        record = json.loads((find_root() / "book" / "results" / "bench.json").read_text(encoding="utf-8"))
    return write_svgs({name: partial(draw, record) for name, draw in FIGURES.items()}, folder)
