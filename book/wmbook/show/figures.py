"""The house style: one look per arm, told apart by colour and, in black and white, by line, marker and hatch.

Colours are Okabe and Ito's, which stay distinct with the common forms of colour blindness. There are two widths: PAGE
(a page of the book, both columns of the report) and COLUMN (one column of the report).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wmbook.records.records import find_root
from wmlib.runs import atomic_path

PAGE, COLUMN = 7.0, 3.4  # inches
DPI = 144

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY, GREY, BLACK = "#CC79A7", "#E69F00", "#56B4E9", "#767676", "#1A1A1A"
BROWN, OLIVE = "#8C510A", "#6B7B00"
TEAL, WINE, INDIGO = "#117733", "#882255", "#332288"

PART = {"V": BLUE, "M": VERMILLION, "C": GREEN, "environment": GREY}


class Look(NamedTuple):
    """How one arm is drawn everywhere."""

    label: str
    colour: str
    line: str | tuple
    marker: str
    hatch: str


ARMS = {
    "vae-zh": Look("VAE, z and h", BLUE, "-", "o", ""),
    "vae-zh-long": Look("VAE, z and h, longer search", SKY, (0, (3, 1)), "P", "\\\\"),
    "vae-zh-quick": Look("VAE, z and h, quick scale", BLUE, (0, (1, 1)), ".", "//"),
    "vaegan-zh": Look("VAE/GAN, z and h", VERMILLION, "--", "s", "///"),
    "vaematched-zh": Look("VAE of the same rate", OLIVE, (0, (3, 1, 1, 1)), "p", "||"),
    "vaedis-zh": Look("features, no game", BROWN, (0, (2, 2)), "<", "oo"),
    "vae-z": Look("VAE, z only", GREEN, ":", "^", "..."),
    "vae-z-hidden": Look("VAE, z only, 40 hidden units", PURPLE, "-.", "D", "xxx"),
    "vae-zh-untrained-m": Look("VAE, z and h of an untrained M", ORANGE, (0, (5, 1, 1, 1, 1, 1)), "v", "\\\\\\"),
    "vae-zh-taught": Look("taught, z and h", TEAL, (0, (4, 1, 1, 1)), "X", "++"),
    "vae-zh-taught-evolved": Look("taught, then evolved, z and h", INDIGO, (0, (2, 1, 2, 3)), ">", "OO"),
    "vae-zh-hidden-taught": Look("taught, z and h, 40 hidden units", WINE, (0, (8, 1)), "h", "**"),
    "random": Look("random driver", GREY, (0, (1, 3)), "x", "---"),
    "published": Look("Ha and Schmidhuber 2018", BLACK, (0, (6, 2)), "*", "+++"),
}

STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.figsize": (PAGE, 2.8),
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E2E2E2",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.5,
    "image.interpolation": "nearest",
    "svg.hashsalt": "wmlib",
}


def use_style() -> None:
    """Draw every figure from here on in the house style."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(STYLE)


def look(arm: str) -> Look:
    """The look of an arm; at another scale it only says so, and one that is not listed is black, under its own name."""
    base, _, scale = arm.rpartition("-")
    if arm not in ARMS and base in ARMS:
        return ARMS[base]._replace(label=f"{ARMS[base].label}, {scale} scale")
    return ARMS.get(arm, Look(arm, BLACK, "-", "P", ""))


def write_svgs(drawings: dict[str, Callable], folder: Path | None = None) -> list[Path]:
    """Draw every figure, a function without arguments, as NAME.svg; the same drawings give the same bytes.

    Args:
        folder: where to; default ``book/figures``.
    """
    import matplotlib
    import matplotlib.pyplot as plt

    matplotlib.use("Agg")
    folder, files = folder or find_root() / "book" / "figures", []
    for name, draw in drawings.items():
        figure = draw()
        with atomic_path(folder / f"{name}.svg") as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
        files.append(folder / f"{name}.svg")
    return files


def new_figure(width: float = PAGE, height: float = 2.8, rows: int = 1, columns: int = 1, **options):
    """Figure and axes of one of the two widths, in the house style."""
    import matplotlib.pyplot as plt

    use_style()
    return plt.subplots(rows, columns, figsize=(width, height), **options)


def line_options(arm: str) -> dict:
    """Keyword arguments of ``Axes.plot`` for an arm's line."""
    style = look(arm)
    return {"color": style.colour, "linestyle": style.line, "label": style.label}


def label_lines(axes, fontsize: float = 8, least: float = 0.06) -> None:
    """Each labelled line's name at its right end, in its colour, in place of a legend.

    Args:
        least: distance between two names, as a share of the height; nearer ones are pushed apart.
    """
    axes.autoscale_view()
    named = []
    for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
        line = getattr(handle, "lines", (handle,))[0]  # of an error bar, its line
        end = np.column_stack([line.get_xdata(), line.get_ydata()])
        x, y = (axes.transScale + axes.transLimits).transform(end[np.isfinite(end).all(1)][-1])
        named.append([x, min(max(y, 0.0), 1.0), name, line.get_color()])
    named.sort(key=lambda each: each[1])
    for _ in range(100):
        for lower, upper in zip(named, named[1:], strict=False):
            short = least - (upper[1] - lower[1])
            if short > 0 and abs(upper[0] - lower[0]) < 0.5:
                lower[1], upper[1] = lower[1] - short / 2, upper[1] + short / 2
    for x, y, name, colour in named:
        x = max(other for other, *_ in named if other < x + 0.2)  # beside the ends of its neighbours, too
        axes.annotate(name, (x + 0.012, y), xycoords="axes fraction", color=colour, va="center", fontsize=fontsize,
                      annotation_clip=False)  # fmt: skip


def frame_strip(rows: dict[str, np.ndarray], titles: list[str] | None = None, width: float = PAGE) -> None:
    """A film strip: each row a label and its pictures (n, height, width, 3), uint8 or floats in [0, 1]."""
    count = max(len(pictures) for pictures in rows.values())
    labels = 0.95  # inches left of the pictures
    cell = (width - labels) / count
    height = cell * len(rows) + (0.25 if titles else 0.05)
    figure, grid = new_figure(width, height, len(rows), count, squeeze=False, layout="none")
    top = 1 - (0.22 if titles else 0.02) / height
    figure.subplots_adjust(left=labels / width, right=0.998, bottom=0.02 / height, top=top, wspace=0.04, hspace=0.04)
    for axes in grid.flat:
        axes.set_axis_off()
    for line, (label, pictures) in zip(grid, rows.items(), strict=True):
        line[0].text(-0.08, 0.5, label, transform=line[0].transAxes, ha="right", va="center")
        for axes, picture in zip(line, pictures, strict=False):
            axes.imshow(picture, vmin=0, vmax=1)
    for axes, title in zip(grid[0], titles or [], strict=False):
        axes.set_title(title, fontsize=8, fontweight="normal", loc="center", pad=3)


def learning_curve(axes, arm: str, curve: dict[str, np.ndarray], x: str = "generation", scale: float = 1.0) -> None:
    """One search: the population's mean with its range behind it, and the validated mean solution with its interval.

    Args:
        curve: columns of ``learning_curves.csv`` as arrays, see :meth:`wmbook.records.records.Records.curve`.
        x: column on the horizontal axis, divided by ``scale``.
    """
    style, horizontal = look(arm), curve[x] / scale
    axes.fill_between(
        horizontal, curve["population_min"], curve["population_max"], color=style.colour, alpha=0.12, linewidth=0
    )
    axes.plot(horizontal, curve["population_mean"], color=style.colour, linewidth=0.9, alpha=0.75)
    validated = np.isfinite(curve["validation_mean"])
    half = 1.96 * curve["validation_std"] / np.sqrt(np.maximum(curve["validation_n"], 1))
    axes.errorbar(
        horizontal[validated],
        curve["validation_mean"][validated],
        half[validated],
        fmt=style.marker,
        linestyle=style.line,
        color=style.colour,
        elinewidth=0.8,
        label=style.label,
    )


def score_histogram(axes, returns: dict[str, np.ndarray], solved: float = 900.0) -> None:
    """Distribution of episode returns, one outlined histogram per arm, and the line at which the task is solved."""
    low = min(min(values.min() for values in returns.values()), 0.0)
    edges = np.arange(50 * np.floor(low / 50), 1001, 25)
    for arm, values in returns.items():
        style = look(arm)
        shares = 100 * np.histogram(values, edges)[0] / len(values)
        axes.stairs(shares, edges, fill=True, color=style.colour, alpha=0.25, hatch=style.hatch)
        axes.stairs(shares, edges, color=style.colour, linestyle=style.line, linewidth=1.4, label=style.label)
    axes.axvline(solved, color=BLACK, linewidth=0.9, linestyle=(0, (2, 2)))
    axes.annotate("solved: 900", (solved, 0.98), xycoords=("data", "axes fraction"), ha="right", va="top",
                  xytext=(-4, 0), textcoords="offset points", fontsize=8)  # fmt: skip
    axes.set(xlabel="return of an episode", ylabel="share of episodes, %")


def score_intervals(axes, scores: dict[str, dict], solved: float = 900.0) -> None:
    """Mean return per arm: thick bar the 95 % interval of the mean, thin bar the standard deviation over tracks.

    Args:
        scores: label or arm -> ``{"mean", "std"}`` and, where known, ``"ci95"``; published ones have no interval.
    """
    for place, (name, score) in enumerate(scores.items()):
        style = look(name) if name in ARMS else ARMS["published"]
        mean = score["mean"]
        axes.plot([mean - score["std"], mean + score["std"]], [place, place], color=style.colour, linewidth=1)
        if score.get("ci95"):
            axes.plot(score["ci95"], [place, place], color=style.colour, linewidth=5, alpha=0.45)
        axes.plot(mean, place, style.marker, color=style.colour, markersize=7)
        axes.annotate(f"{mean:.0f} ± {score['std']:.0f}", (mean, place), xytext=(0, 7), textcoords="offset points",
                      ha="center", fontsize=8)  # fmt: skip
    axes.axvline(solved, color=BLACK, linewidth=0.9, linestyle=(0, (2, 2)))
    labels = [look(name).label if name in ARMS else name for name in scores]
    axes.set_yticks(range(len(scores)), labels)
    axes.set_ylim(len(scores) - 0.4, -0.7)
    axes.grid(False, axis="y")
    axes.set_xlabel("return, mean ± standard deviation over tracks")


def rank(arm: str) -> tuple:
    """Arms in the order of the house style; others follow."""
    names = list(ARMS)
    return (names.index(arm) if arm in names else len(names), arm)
