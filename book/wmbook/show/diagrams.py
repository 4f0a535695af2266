"""The drawings of the book: ``wmbook figures`` writes them to ``book/figures/`` as SVG.

V is blue, M vermillion, C green and the world grey, here and in every figure.
"""

from __future__ import annotations

from pathlib import Path

from wmbook.show.figures import BLACK, GREY, ORANGE, PAGE, PART, PURPLE, SKY, new_figure, write_svgs


def canvas(height: float, width: float = PAGE):
    """Figure and bare axes of this size in inches; a unit is the hundredth part of a page's width, up and across."""
    figure, axes = new_figure(width, height, layout="none")
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(0, 100 * width / PAGE), ylim=(0, 100 * height / PAGE), aspect="equal")
    axes.set_axis_off()
    return figure, axes


def box(
    axes, x: float, y: float, width: float, height: float, text: str, colour: str = GREY, bold: str = "", **options
):
    """A rounded box around its centre (x, y): an optional bold first line, then text."""
    from matplotlib.patches import FancyBboxPatch

    style = {"facecolor": _tint(colour), "edgecolor": colour, "linewidth": 1.3} | options
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=1.2", **style))
    lines = text.count("\n") + 1 if text else 0
    shift = 1.15 * lines if bold else 0
    if bold:
        axes.text(x, y + shift, bold, ha="center", va="center", fontsize=10.5, fontweight="bold", color=colour)
    if text:
        below = 1.6 if bold else 0
        axes.text(x, y - below, text, ha="center", va="center", fontsize=8, color=BLACK, linespacing=1.25)


def arrow(axes, start, end, text: str = "", colour: str = BLACK, bend: float = 0.0, offset=(0, 1.3), **options):
    """An arrow from ``start`` to ``end``, its label ``offset`` from the middle."""
    style = {"arrowstyle": "-|>,head_length=0.45,head_width=0.22", "color": colour, "linewidth": 1.2}
    style |= {"connectionstyle": f"arc3,rad={bend}", "shrinkA": 0, "shrinkB": 0} | options
    axes.annotate("", end, start, arrowprops=style)
    if text:
        x, y = (start[0] + end[0]) / 2 + offset[0], (start[1] + end[1]) / 2 + offset[1]
        axes.text(x, y, text, ha="center", va="center", fontsize=8, color=colour)


def path(axes, points, text: str = "", at=(0, 0), colour: str = BLACK, linestyle="-"):
    """A line with right-angled corners that ends in an arrow head."""
    for a, b in zip(points[:-2], points[1:-1], strict=True):
        axes.plot(*zip(a, b, strict=True), color=colour, linewidth=1.2, linestyle=linestyle, solid_capstyle="round")
    arrow(axes, points[-2], points[-1], colour=colour, linestyle=linestyle)
    if text:
        axes.text(*at, text, ha="center", va="center", fontsize=8, color=colour)


def architecture():
    """One time step of the agent: the world shows a frame, V compresses it, C acts, M remembers."""
    figure, axes = canvas(2.75)
    box(axes, 12, 22, 20, 11, "CarRacing-v3\n50 frames a second", PART["environment"], "world")
    box(axes, 43, 22, 20, 11, "autoencoder\n12,288 numbers to 32", PART["V"], "V  vision")
    box(axes, 88, 22, 20, 11, "linear\n867 parameters", PART["C"], "C  controller")
    box(axes, 65.5, 7.5, 24, 10, "recurrent network\n256 numbers of memory", PART["M"], "M  memory")
    arrow(axes, (22, 22), (33, 22), "frame $x_t$\n64×64×3", offset=(0, 3.2))
    arrow(axes, (53, 22), (78, 22), "what is seen: $z_t$", PART["V"], offset=(0.2, 1.4))
    path(axes, [(57, 22), (57, 12.5)], colour=PART["V"])
    axes.plot(57, 22, "o", color=PART["V"], markersize=4)
    path(axes, [(77.5, 8), (88, 8), (88, 16.5)], "what is\nremembered: $h_t$", (88, 5), PART["M"])
    path(axes, [(88, 27.5), (88, 34), (12, 34), (12, 27.5)], "action $a_t$: steer, gas, brake", (43, 35.6), PART["C"])
    path(axes, [(74, 34), (74, 12.5)], colour=PART["C"])
    axes.plot(74, 34, "o", color=PART["C"], markersize=4)
    points = [(53.5, 9), (48, 9), (48, 4.5), (53.5, 4.5)]
    path(axes, points, "$h_{t+1}$, used in\nthe next step", (39.5, 6.8), PART["M"])
    return figure


def pipeline():
    """The stages in order, what each hands on, and the way back for a second iteration."""
    figure, axes = canvas(2.0)
    world = PART["environment"]
    stages = (
        (9, "collect", "frames,\nactions", world),
        (27, "V", "vision", PART["V"]),
        (44, "encode", "frames\nto $z$", PART["V"]),
        (61, "M", "memory", PART["M"]),
        (77, "C", "controller", PART["C"]),
        (93, "evaluate", "test tracks", world),
    )
    for x, name, text, colour in stages:
        box(axes, x, 17, 11, 9, text, colour, name)
    for (x, *_), (following, *_), text in zip(stages[:-1], stages[1:], ("frames", "", "latents", "", ""), strict=True):
        arrow(axes, (x + 5.5, 17), (following - 5.5, 17), text, offset=(0, 1.4))
    path(axes, [(9, 21.5), (9, 26), (44, 26), (44, 21.5)], "frames and actions", (24, 27.4))
    path(axes, [(27, 12.5), (27, 7.5), (76, 7.5), (76, 12.5)], "V's encoder: $z$ while driving", (51.5, 8.9), PART["V"])
    points = [(78, 12.5), (78, 2.5), (9, 2.5), (9, 12.5)]
    path(axes, points, "next iteration: noisy copies of C drive", (43, 3.9), PART["C"], (0, (4, 2)))
    axes.text(69, 18.4, "$h$", ha="center", va="center", fontsize=8, color=PART["M"])
    return figure


def vision():
    """V's layers with the size of what passes between them."""
    from matplotlib.patches import Rectangle

    figure, axes = canvas(2.6)
    middle = 21
    down = [("frame", 64, 3), ("", 31, 32), ("", 14, 64), ("", 6, 128), ("", 2, 256)]
    places = [6, 16, 24, 31, 37]
    for (name, size, depth), x in zip(down, places, strict=True):
        _slab(axes, x, middle, size, depth, name)
    box(axes, 46.5, middle + 5.2, 5, 6, r"$\mu$", PART["V"])
    box(axes, 46.5, middle - 5.2, 5, 6, r"$\sigma$", PART["V"])
    axes.text(46.5, middle + 9.6, "32 numbers each", ha="center", fontsize=7)
    arrow(axes, (39.3, middle + 1), (43.8, middle + 5), colour=GREY)
    arrow(axes, (39.3, middle - 1), (43.8, middle - 5), colour=GREY)
    box(axes, 54, middle, 5, 6, "$z$", PART["V"])
    arrow(axes, (49.2, middle + 5), (51.8, middle + 2), colour=GREY)
    arrow(axes, (49.2, middle - 5), (51.8, middle - 2), colour=GREY)
    axes.text(53, middle - 10.4, r"noise $\epsilon$", ha="center", fontsize=7.5)
    arrow(axes, (54, middle - 8.6), (54, middle - 3.2), colour=GREY)
    axes.text(49, 4.5, r"$z = \mu + \sigma\,\epsilon$", ha="center", fontsize=9)
    up = [("", 1, 1024), ("", 5, 128), ("", 13, 64), ("", 30, 32), ("reconstruction", 64, 3)]
    for (name, size, depth), x in zip(up, [63.5, 69.5, 76, 84, 93.5], strict=True):
        _slab(axes, x, middle, size, depth, name)
    for x, text in ((22, "encoder: 4 convolutions, stride 2"), (76, "decoder: 4 transposed convolutions")):
        axes.text(x, 1.6, text, ha="center", fontsize=8, color=PART["V"], fontweight="bold")
    axes.add_patch(Rectangle((0.5, 0.3), 39, 36.3, fill=False, edgecolor=GREY, linewidth=0.7, linestyle=(0, (3, 3))))
    axes.add_patch(Rectangle((58, 0.3), 41.5, 36.3, fill=False, edgecolor=GREY, linewidth=0.7, linestyle=(0, (3, 3))))
    return figure


def memory():
    """M unrolled over three steps: the same network each time, its state passed on."""
    figure, axes = canvas(3.0)
    for step, (x, name) in enumerate(((20, "t"), (50, "t+1"), (80, "t+2"))):
        following = ("t+1", "t+2", "t+3")[step]
        box(axes, x, 17.5, 15, 8.5, "256 units", PART["M"], "LSTM")
        box(axes, x, 32, 20, 6, "mixture of 5 Gaussians", PART["M"])
        arrow(axes, (x, 21.75), (x, 29), f"$h_{{{following}}}$", PART["M"], offset=(3.4, 0))
        arrow(axes, (x, 35), (x, 38), colour=PART["M"])
        axes.text(x, 39.9, f"$p(z_{{{following}}})$, reward, end?", ha="center", va="center", fontsize=8)
        arrow(axes, (x - 4.5, 6.3), (x - 4.5, 13.25), colour=PART["V"])
        arrow(axes, (x + 4.5, 6.3), (x + 4.5, 13.25), colour=PART["C"])
        axes.text(x - 4.5, 4.3, f"$z_{{{name}}}$", ha="center", va="center", color=PART["V"], fontsize=9.5)
        axes.text(x + 4.5, 4.3, f"$a_{{{name}}}$", ha="center", va="center", color=PART["C"], fontsize=9.5)
    for x in (5, 35, 65):
        arrow(axes, (x - (1 if x == 5 else 7.5), 17.5), (x + 7.5, 17.5), colour=PART["M"])
    arrow(axes, (87.5, 17.5), (96.5, 17.5), colour=PART["M"])
    axes.text(5.8, 19.4, "$h_t, c_t$", ha="center", va="center", fontsize=8, color=PART["M"])
    for x, start in ((30.5, 20), (60.5, 50)):
        points = [(start + 10, 32), (x + 4.5, 32), (x + 4.5, 4.3), (x + 12.5, 4.3)]
        path(axes, points, "", colour=GREY, linestyle=(0, (3, 2)))
    axes.text(35.7, 10, "dreaming:\na sample is\nfed back", ha="left", va="center", fontsize=7, color=GREY)
    return figure


def vaegan():
    """VAE/GAN: what is computed from what above, and below, term by term, which network learns from it."""
    figure, axes = canvas(3.7)
    top, low = 42, 30
    box(axes, 5, top, 6, 6, "$x$", GREY)
    for x, y, name, text in ((18, top, "Enc", "encoder"), (45, top, "Dec", "decoder"), (45, low, "Dec", "the same")):
        box(axes, x, y, 12, 6.5, text, PART["V"], name)
    box(axes, 31, top, 6, 6, "$z$", PART["V"])
    box(axes, 31, low, 6, 6, "$z_p$", GREY)
    box(axes, 59, top, 6, 6, r"$\hat x$", PART["V"])
    box(axes, 59, low, 6, 6, "$x_p$", PART["V"])
    box(axes, 76, 36, 13, 18.5, "discriminator", BLACK, "D")
    for start, end, y in ((8, 12, top), (24, 28, top), (34, 39, top), (51, 56, top), (62, 69.5, top),
                          (34, 39, low), (51, 56, low), (62, 69.5, low)):  # fmt: skip
        arrow(axes, (start, y), (end, y), colour=GREY)
    axes.text(22, low, "noise", ha="center", va="center", fontsize=8)
    arrow(axes, (24.6, low), (28, low), colour=GREY)
    path(axes, [(5, 45), (5, 50.5), (76, 50.5), (76, 45.4)], colour=GREY)
    for y, text in ((top, "features"), (low, "real?")):
        arrow(axes, (82.5, y), (87, y), colour=GREY)
        axes.text(88, y, text, ha="left", va="center", fontsize=8)
    for x in (18, 45, 76):
        axes.plot([x, x], [3, 26 if x > 18 else 38], color="#D5D5D5", linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    axes.text(6.4, 13, "gradients,\nterm by term", ha="center", va="center", fontsize=8)
    prior, llike, gan = (rf"$\mathcal{{L}}_{{\mathrm{{{name}}}}}$" for name in ("prior", "llike", "GAN"))
    full, empty, barred = "o", "white", "|"
    lanes = (  # term, height, colour, line, from and to, and what happens on the way
        (prior, 20, SKY, (0, (1, 1)), (31, 18), [(18, "learns", full)]),
        (llike, 13, PURPLE, "-", (88, 18),
         [(76, "passes", empty), (45, r"learns, times $\gamma$", full), (18, "learns", full)]),
        (gan, 6, ORANGE, (0, (4, 1.5)), (88, 31),
         [(76, "maximises", full), (45, "minimises", full), (31, "stops", barred)]),
    )  # fmt: skip
    for term, y, colour, line, (start, end), stations in lanes:
        axes.text(start + 1, y, term, ha="left", va="center", fontsize=10)
        axes.plot([start, end], [y, y], color=colour, linestyle=line, linewidth=2)
        for x, text, kind in stations:
            if kind == barred:
                axes.plot([x, x], [y - 1.8, y + 1.8], color=BLACK, linewidth=2.2)
            else:
                inside = colour if kind == full else empty
                axes.plot(x, y, "o", color=inside, markersize=8, markeredgecolor=BLACK, markeredgewidth=0.8)
            label = axes.text(x, y + 2.9, text, ha="center", va="center", fontsize=7.5)
            label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    return figure


def training_places():
    """Where C can be trained: in the world, or inside M's dream."""
    figure, axes = canvas(2.0)
    for x, name, source, colour in (
        (25, "in the world", "simulator draws the next frame", PART["environment"]),
        (75, "in the dream", "M samples the next $z$", PART["M"]),
    ):
        axes.text(x, 26.6, name, ha="center", fontsize=9, fontweight="bold", color=colour)
        box(axes, x, 19, 36, 7, source, colour)
        box(axes, x, 6, 16, 7, "", PART["C"], "C")
        path(axes, [(x + 18, 19), (x + 21, 19), (x + 21, 6), (x + 8, 6)], "", colour=PART["V"])
        path(axes, [(x - 8, 6), (x - 21, 6), (x - 21, 19), (x - 18, 19)], "", colour=PART["C"])
        axes.text(x + 14.5, 7.7, "$z, h$", ha="center", fontsize=8, color=PART["V"])
        axes.text(x - 14.5, 7.7, "action", ha="center", fontsize=8, color=PART["C"])
    return figure


def simulator():
    """The simulator's geometry: each pixel of the small picture asks which point of the field it shows."""
    import numpy as np
    from matplotlib.patches import Rectangle

    figure, axes = canvas(2.9)
    side, zoom = 15.0, 1.75
    road = np.array([[3, 8], [14, 7.5], [23, 12.5], [20, 22], [15, 30], [24, 34.5], [35, 31], [44, 33]])
    along = np.linspace(0, len(road) - 1, 200)
    road = np.stack([np.interp(along, np.arange(len(road)), place) for place in road.T], 1)
    smooth = np.hanning(41) / np.hanning(41).sum()
    road = np.stack([np.convolve(np.pad(place, 20, mode="edge"), smooth, "valid") for place in road.T], 1)
    car, (right, ahead) = road[51], (road[52] - road[51]) / np.hypot(*(road[52] - road[51]))
    turn = np.array([[ahead, right], [-right, ahead]])  # the car's own axes: to its right, ahead
    screen = np.array([76.5, 13.2])  # of the car in the picture
    corners = np.array([[-0.5, -0.25], [0.5, -0.25], [0.5, 0.75], [-0.5, 0.75], [-0.5, -0.25]]) * side

    def seen(points):
        """Points of the field as the camera shows them: moved, turned back, enlarged."""
        return screen + zoom * (np.asarray(points) - car) @ turn

    field = Rectangle((2, 3), 44, 34, facecolor=_tint(PART["C"]), edgecolor=GREY, linewidth=0.8)
    low = seen(car + turn @ corners[0])
    picture = Rectangle(low, zoom * side, zoom * side, facecolor=_tint(PART["C"]), edgecolor=PART["V"], linewidth=1.5)
    for patch, place, width in ((field, road, 12), (picture, seen(road), 12 * zoom)):
        axes.add_patch(patch)
        for colour, share in ((GREY, 1.0), ("#E6E6E6", 0.88)):
            (line,) = axes.plot(*place.T, color=colour, linewidth=share * width, solid_capstyle="butt", zorder=1.5)
            line.set_clip_path(patch)
    for cell in range(1, 8):
        step = cell * zoom * side / 8
        for line in (
            [(low[0] + step,) * 2, (low[1], low[1] + zoom * side)],
            [(low[0], low[0] + zoom * side), (low[1] + step,) * 2],
        ):
            axes.plot(*line, color=PART["V"], linewidth=0.4, alpha=0.5)
    window = car + corners @ turn.T
    axes.plot(*window.T, color=PART["V"], linewidth=1.5, linestyle=(0, (4, 2)))
    body = np.array([[-0.5, -1], [0.5, -1], [0.5, 1], [-0.5, 1]])
    axes.fill(*(car + body @ turn.T).T, color=BLACK, zorder=3)
    axes.fill(*(screen + zoom * body).T, color=BLACK, zorder=3)

    pixel = low + zoom * side / 8 * np.array([1.5, 5.5])
    point = car + turn @ ((pixel - screen) / zoom)
    cell = zoom * side / 8
    axes.add_patch(Rectangle(pixel - cell / 2, cell, cell, facecolor=PART["M"], edgecolor="none", zorder=2))
    axes.plot(*point, "o", color=PART["M"], markersize=5, zorder=4)
    arrow(axes, pixel - (cell / 2, 0), point, "which point do you show?", PART["M"], bend=0.18, offset=(3.5, 6.2))
    arrow(axes, pixel + (cell / 2, 0), pixel + (2.2 * cell, 0), colour=PART["M"])
    arrow(axes, point, point + turn @ (2.2 * cell / zoom, 0), colour=PART["M"])
    axes.text(*(point + (-1.0, -1.6)), "$p$", color=PART["M"], fontsize=9, ha="right")
    axes.text(35, 11, "car at $c$,\nturned by $\\varphi$", fontsize=8, va="top")
    axes.text(24, 0.6, "the field: filled in once per track", ha="center", fontsize=8, fontweight="bold")
    axes.text(screen[0], 0.6, "a frame: 64 × 64 pixels (here 8 × 8)", ha="center", fontsize=8, fontweight="bold")
    axes.text(screen[0], 38.2, r"$p = c + R(\varphi)\,s\,/\,\mathrm{zoom}$, with $s$ from the car to the pixel",
              ha="center", fontsize=8)  # fmt: skip
    return figure


def _slab(axes, x: float, y: float, size: int, depth: int, name: str) -> None:
    """A stack of feature maps: height as the square root of its pixels, width as its depth."""
    from matplotlib.patches import Rectangle

    height, width = 0.36 * size + 1.6, 0.75 + 0.095 * depth**0.62
    axes.add_patch(
        Rectangle(
            (x - width / 2, y - height / 2), width, height, facecolor=_tint(PART["V"]), edgecolor=PART["V"], linewidth=1
        )
    )
    axes.text(x, y - height / 2 - 1.7, f"{size}×{size}\n×{depth}", ha="center", va="top", fontsize=6.5, linespacing=1)
    if name:
        axes.text(x, y + height / 2 + 0.9, name, ha="center", fontsize=7.5)


def _tint(colour: str) -> tuple:
    from matplotlib.colors import to_rgb

    return tuple(0.86 + 0.14 * part for part in to_rgb(colour))


DIAGRAMS = {
    "architecture": architecture,
    "pipeline": pipeline,
    "vision": vision,
    "memory": memory,
    "training-places": training_places,
    "simulator": simulator,
    "vaegan": vaegan,
}


def write(folder: Path | None = None) -> list[Path]:
    """Draw every diagram; the same code gives the same bytes."""
    return write_svgs(DIAGRAMS, folder)
