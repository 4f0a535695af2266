"""The report's own figures, one column wide: ``make report`` writes them to ``book/figures/``.

Drawings, the search on a hill, the learning curves of the recorded arms, and a film strip of a dream.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from wmbook.records.published import CORES, LEARNING_CURVE
from wmbook.records.records import Records, find_root
from wmbook.show import bends
from wmbook.show.diagrams import _tint, arrow, box, canvas, path
from wmbook.show.figures import (
    BLACK,
    COLUMN,
    GREEN,
    GREY,
    PART,
    VERMILLION,
    label_lines,
    line_options,
    look,
    new_figure,
    use_style,
    write_svgs,
)
from wmlib.search.cmaes import CMAES
from wmlib.stats import SOLVED

LEARNERS = ("vae-zh", "vae-z-hidden", "vae-z")
STRIP = (2, (0, 20, 40, 60, 80, 99))  # of the film: which dream, and its frames at 50 a second


def vision():
    """V: a picture squeezed through 32 numbers and drawn again."""
    figure, axes = canvas(1.12, COLUMN)
    middle = 7.6
    for x, name in ((4.6, "frame\n$x$"), (44, "redrawn\n$\\hat x$")):
        box(axes, x, middle, 8.4, 8.4, name, GREY)
        axes.text(x, middle - 6.6, "12,288 values", ha="center", fontsize=6.5)
    _funnel(axes, 11, 18.5, 4.6, 1.6, middle, "encoder")
    _funnel(axes, 30, 37.5, 1.6, 4.6, middle, "decoder")
    box(axes, 21.9, middle, 3.6, 7, "$\\mu$\n\n$\\sigma$", PART["V"])
    box(axes, 27, middle, 3.2, 5, "$z$", PART["V"])
    axes.text(24.2, middle - 6.6, "32 values", ha="center", fontsize=6.5)
    axes.text(27, middle + 6.1, "noise", ha="center", fontsize=6.5)
    arrow(axes, (27, middle + 5.6), (27, middle + 2.6), colour=GREY)
    for start, end in ((8.9, 11), (18.6, 20), (23.8, 25.3), (28.7, 30), (37.6, 39.7)):
        arrow(axes, (start, middle), (end, middle), colour=GREY)
    return figure


def memory():
    """M unrolled over two steps."""
    figure, axes = canvas(1.75, COLUMN)
    for x, now, then in ((15, "t", "t+1"), (35.5, "t+1", "t+2")):
        box(axes, x, 10.5, 11, 5, "LSTM", PART["M"])
        box(axes, x, 18, 11, 4.2, "5 Gaussians", PART["M"])
        arrow(axes, (x, 13), (x, 15.9), f"$h_{{{then}}}$", PART["M"], offset=(2.6, 0.1))
        arrow(axes, (x, 20.1), (x, 22), colour=PART["M"])
        axes.text(x, 23.4, f"$p(z_{{{then}}})$", ha="center", va="center", fontsize=8)
        for shift, letter, part in ((-2.8, "z", "V"), (2.8, "a", "C")):
            arrow(axes, (x + shift, 4.2), (x + shift, 8), colour=PART[part])
            axes.text(x + shift, 2.6, f"${letter}_{{{now}}}$", ha="center", va="center", color=PART[part], fontsize=9)
    for start, end in ((4.5, 9.5), (20.5, 30), (41, 47.5)):
        arrow(axes, (start, 10.5), (end, 10.5), colour=PART["M"])
    axes.text(4.6, 12.2, "$h_t$", ha="center", va="center", fontsize=8, color=PART["M"])
    points = [(20.5, 18), (24.5, 18), (24.5, 2.6), (30.4, 2.6)]
    path(axes, points, colour=GREY, linestyle=(0, (3, 2)))
    axes.text(25.2, 6.2, "dream:\na draw is\nfed back", ha="left", va="center", fontsize=6.5, color=GREY)
    return figure


def search():
    """CMA-ES climbing a curved ridge in two dimensions."""

    def height(point):
        x, y = point[..., 0], point[..., 1]
        return -2 * (y - 0.25 * x**2 + 1) ** 2 - 0.08 * (x - 2.5) ** 2

    hill = CMAES(parameters=2, population=8, sigma=0.5, seed=0, start=np.array([-2.5, 2.0]))
    history = []
    for _ in range(31):
        mean, covariance, candidates = hill.mean, hill.strategy.sigma**2 * hill.strategy.C, hill.ask()
        hill.tell(height(candidates))
        history.append((mean, covariance, candidates))
    grid = np.stack(np.meshgrid(np.linspace(-4, 4, 81), np.linspace(-2.2, 3.2, 55)), axis=-1)
    angle = np.linspace(0, 2 * np.pi, 60)
    figure, panels = new_figure(COLUMN, 1.15, 1, 3, sharey=True)
    for axes, generation in zip(panels, (1, 9, 31), strict=True):
        mean, covariance, candidates = history[generation - 1]
        levels = -np.sqrt(-height(grid))
        axes.contourf(grid[..., 0], grid[..., 1], levels, 10, cmap="Greys_r", alpha=0.6)
        ellipse = mean[:, None] + 2 * np.linalg.cholesky(covariance) @ np.stack([np.cos(angle), np.sin(angle)])
        axes.plot(*np.array([step[0] for step in history[:generation]]).T, color=GREEN, linewidth=1.2)
        axes.plot(*ellipse, color=GREEN, linestyle="--", linewidth=1.2)
        axes.plot(*candidates.T, "o", color=VERMILLION, markersize=2)
        axes.plot(2.5, 0.5625, "*", color=BLACK, markersize=6)
        axes.set(xlim=(-4, 4), ylim=(-2.2, 3.2), xticks=(), yticks=())
        axes.set_title(f"generation {generation}", fontsize=7.5, fontweight="normal", pad=2)
        axes.grid(False)
    return figure


def vaegan():
    """Which pictures the discriminator of VAE/GAN looks at, and what it is asked."""
    figure, axes = canvas(1.5, COLUMN)
    box(axes, 4, 15, 6.4, 4.4, "$x$", GREY)
    _funnel(axes, 9, 14.6, 3.4, 1.6, 15, "enc.")
    box(axes, 18, 15, 3.4, 4.4, "$z$", PART["V"])
    box(axes, 18, 5.5, 3.4, 4.4, "$z_p$", GREY)
    axes.text(11.4, 5.5, "noise", ha="center", va="center", fontsize=7)
    _funnel(axes, 22, 27.6, 1.6, 3.4, 15, "dec.")
    _funnel(axes, 22, 27.6, 1.6, 3.4, 5.5, "dec.")
    box(axes, 31.6, 15, 4.6, 4.4, r"$\hat x$", PART["V"])
    box(axes, 31.6, 5.5, 4.6, 4.4, "$x_p$", PART["V"])
    box(axes, 42, 10.3, 10.6, 8, "real?\nfeatures", BLACK, "D")
    for start, end, y in ((7.3, 9, 15), (14.7, 16.2, 15), (19.8, 22, 15), (27.7, 29.2, 15), (19.8, 22, 5.5),
                          (27.7, 29.2, 5.5), (13.8, 16.2, 5.5)):  # fmt: skip
        arrow(axes, (start, y), (end, y), colour=GREY)
    arrow(axes, (34, 15), (36.6, 12.8), colour=GREY)
    arrow(axes, (34, 5.5), (36.6, 7.8), colour=GREY)
    path(axes, [(4, 17.3), (4, 20), (42, 20), (42, 14.4)], colour=GREY)
    return figure


def learning(records: Records):
    """Return of the search's mean solution by core-hours of search: with memory, without, and the authors' search."""
    figure, axes = new_figure(COLUMN, 2.05)
    for arm in LEARNERS:
        curve = records.curve(arm)
        shown = np.isfinite(curve["validation_mean"])
        hours = (curve["wall_seconds"] * curve["cores"] / 3600)[shown]
        half = 1.96 * (curve["validation_std"] / np.sqrt(curve["validation_n"]))[shown]
        short = {"linewidth": 1.2, "label": look(arm).label.removeprefix("VAE, ")}  # short of the stars
        axes.errorbar(hours, curve["validation_mean"][shown], half, marker=look(arm).marker, markersize=3,
                      elinewidth=0.7, **line_options(arm) | short)  # fmt: skip
    authors = np.array([(hours * CORES, score) for _, _, score, hours in LEARNING_CURVE if score is not None])
    theirs = line_options("published") | {"linewidth": 1.2, "label": ""}
    axes.plot(*authors.T, marker=look("published").marker, **theirs)
    axes.axhline(SOLVED, color=BLACK, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set(xscale="log", ylim=(0, 1000), xlabel="core-hours of search", ylabel="return")
    label_lines(axes, fontsize=7, least=0.075)
    axes.annotate("the authors", authors[0], xytext=(0, -11), textcoords="offset points", fontsize=7)
    return figure


def dream_strip(film: Path) -> np.ndarray:
    """Rows real, redrawn and dreamt, columns the frames of one dream of the film: a picture (height, width, 3)."""
    import imageio_ffmpeg

    from wmlib.watch.film import CAPTION, DREAM_STEPS, GAP, SIZE

    frames = imageio_ffmpeg.read_frames(str(film))
    width, height = next(frames)["size"]
    dream, moments = STRIP
    wanted = {dream * DREAM_STEPS + moment for moment in moments}
    columns = []
    for number, data in enumerate(frames):
        if number in wanted:
            picture = np.frombuffer(data, np.uint8).reshape(height, width, 3)[CAPTION : CAPTION + SIZE : 2]
            columns.append(np.stack([picture[:, i * (SIZE + GAP) :][:, :SIZE:2] for i in range(3)]))
    gap = np.full((len(columns), 3, 4, SIZE // 2, 3), 255, np.uint8)
    stacked = np.concatenate([np.stack(columns), gap], axis=2)  # (columns, rows, height + 4, width, 3)
    stacked = np.concatenate([stacked, np.full((*stacked.shape[:3], 4, 3), 255, np.uint8)], axis=3)
    return stacked.transpose(1, 2, 0, 3, 4).reshape(3 * (SIZE // 2 + 4), -1, 3)[:-4, :-4]


def strip(film: Path):
    """The film strip with its rows and columns named."""
    picture = dream_strip(film)
    _, moments = STRIP
    width = COLUMN - 0.52
    drawn = width * picture.shape[0] / picture.shape[1]
    figure, axes = new_figure(COLUMN, drawn + 0.18, layout="none")
    figure.subplots_adjust(0.52 / COLUMN, 0, 1, drawn / (drawn + 0.18))
    axes.imshow(picture, aspect="auto", interpolation="lanczos")
    axes.set_axis_off()
    high, wide = picture.shape[:2]
    for row, name in enumerate(("world", "V", "dream")):
        axes.text(-8, high * (row + 0.5) / 3, name, ha="right", va="center", fontsize=7.5)
    for column, moment in enumerate(moments):
        label = f"{moment / 50:.1f} s"
        axes.text(wide * (column + 0.5) / len(moments), -8, label, ha="center", va="bottom", fontsize=7.5)
    return figure


def _funnel(axes, left: float, right: float, high: float, low: float, y: float, text: str) -> None:
    """A trapezium from half-height ``high`` on the left to ``low`` on the right."""
    from matplotlib.patches import Polygon

    corners = [(left, y - high), (left, y + high), (right, y + low), (right, y - low)]
    axes.add_patch(Polygon(corners, facecolor=_tint(PART["V"]), edgecolor=PART["V"], linewidth=1.3))
    axes.text((left + right) / 2, y, text, ha="center", va="center", fontsize=6.5)


DRAWINGS = {"vision": vision, "memory": memory, "search": search, "vaegan": vaegan}


def write(folder: Path | None = None, records: Records | None = None) -> list[Path]:
    """Draw every figure as ``report-NAME.svg``; the same records give the same bytes."""
    records = records or Records()
    film = find_root() / "book" / "_static" / "agent.mp4"
    brakes = partial(bends.approach, bends.drivers_by_kind(records), ("speed", "brake"), COLUMN, 1.5)
    every = DRAWINGS | {"brakes": brakes} | {"learning": partial(learning, records), "strip": partial(strip, film)}
    use_style()
    return write_svgs({f"report-{name}": draw for name, draw in every.items()}, folder)
