"""How drivers meet a bend, from ``bends.json``: the way in, and what z and h hold of the bend ahead."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

from wmbook.records.records import Records
from wmbook.show.figures import BLACK, BLUE, GREEN, ORANGE, PAGE, VERMILLION, new_figure, write_svgs
from wmbook.show.tables import markdown_table

LINES = (("-", "o", BLUE), ("--", "s", VERMILLION), (":", "^", GREEN), ("-.", "D", ORANGE))
PANELS = {"speed": ("speed", "m/s"), "gas": ("gas", "pedal, 0 to 1"), "brake": ("brake", "pedal, 0 to 1")}
PLACES = ("straight", "before a bend", "in a bend")
VIEWS = ("z", "h", "z and h", "z and h, squares too")
TURNS = {"turn": "which way, how far", "size of the turn": "how far alone"}


def approach(
    drivers: dict[str, dict], shown: tuple[str, ...] = tuple(PANELS), width: float = PAGE, height: float = 2.4
):
    """Speed, gas and brake over the last tiles of a straight and the first of a bend, a line for each driver.

    Args:
        drivers: label to an entry of ``bends.json``.
        shown: which of ``PANELS``.
        width, height: inches.
    """
    figure, panels = new_figure(width, height, columns=len(shown))
    for axes, name in zip(panels, shown, strict=True):
        title, unit = PANELS[name]
        for (label, entry), (line, marker, colour) in zip(drivers.items(), itertools.cycle(LINES)):
            way = entry["approach"]
            axes.plot(way["tiles"], way[name], line, marker=marker, markevery=4, color=colour, label=label)
        top = max(max(entry["approach"][name]) for entry in drivers.values())
        axes.set(title=title, ylabel=unit, ylim=(0, 1.1 * top if name == "speed" else 1))
        axes.axvline(0, color=BLACK, linewidth=0.8, linestyle=(0, (2, 2)))
    where = {"xy": (0, 1), "xycoords": ("data", "axes fraction"), "xytext": (3, -9), "textcoords": "offset points"}
    panels[0].annotate("bend", fontsize=7.5, **where)
    panels[-1].legend(
        loc="upper left", fontsize=6.5, labelspacing=0.1, handlelength=2.2, borderaxespad=0.1,
        frameon=True, framealpha=1, edgecolor="white",
    )  # fmt: skip
    figure.supxlabel("tiles from the beginning of the bend (one is 3.5 m)", fontsize=8.5)
    return figure


def places_table(drivers: dict[str, dict]) -> str:
    """Speed, gas and brake of each driver on the straight, before a bend and in it."""
    rows = []
    for label, entry in drivers.items():
        for name in PLACES:
            place = entry["places"][name]
            speed = f"{place['speed']['mean']:.1f}"
            rows.append([label, name, f"{100 * place['share']:.0f}", speed])
            rows[-1] += [f"{place[pedal]['mean']:.3f}" for pedal in ("gas", "brake")]
    return markdown_table(["driver", "place", "% of frames", "m/s", "gas", "brake"], rows, numeric_from=2)


def read_out_table(entry: dict) -> str:
    """R² of the turn of the road ahead, with its sign and without, from each view."""
    rows = []
    for view in VIEWS:
        found = entry["read_out"][view]
        told = [(found[turn]["r2"], *found[turn]["ci95"]) for turn in TURNS]
        rows.append([view, *(f"{r2:.2f} ({low:.2f} to {high:.2f})" for r2, low, high in told)])
    return markdown_table(["seen", *TURNS.values()], rows)


DRIVERS = {
    "vae-zh": "evolved",
    "vae-zh-taught-evolved": "taught, then evolved",
    "vae-zh-hidden-taught": "taught, hidden units",
}


def drivers_by_kind(records: Records) -> dict[str, dict]:
    """A driver of each way to find C, on the same V and M: label to its entry of ``bends.json``."""
    found = {label: records.bends[arm] for arm, label in DRIVERS.items() if arm in records.bends}
    seeds = set.intersection(*map(set, found.values())) if found else set()
    return {label: runs[min(seeds)] for label, runs in found.items()} if seeds else {}


def write(folder: Path | None = None, records: Records | None = None) -> list[Path]:
    """Draw ``bends.svg``, every training run of the paper's full model, and ``brakes.svg``, a driver of each kind."""
    records = records or Records()
    runs = records.bends.get("vae-zh", {})
    drivers, kinds = {f"training run {seed}": runs[seed] for seed in sorted(runs)}, drivers_by_kind(records)
    figures = {"bends": drivers, "brakes": kinds if len(kinds) > 1 else {}}
    return write_svgs({name: partial(approach, shown) for name, shown in figures.items() if shown}, folder)
