"""The table and the figures of the comparison of V's, from ``book/results/comparison.json`` and the pictures beside it.

Text and marks are taken from the record alone; ``wmbook compare`` writes it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmbook.records.ratios import pooled
from wmbook.show import figures
from wmbook.show.figures import ARMS, BLACK, GREEN, GREY, PURPLE, Look
from wmbook.show.tables import markdown_table

REFERENCE = "vae"
CONTROLS = RATE, FEATURES = "vaematched", "vaedis"  # V's that share one ingredient with the VAE/GAN each
FLOOR = "distribution/reconstruction/kid"  # of the entry real-frames
LOOKS = {
    "vae": ARMS["vae-zh"]._replace(label="VAE"),
    "vaegan": ARMS["vaegan-zh"]._replace(label="VAE/GAN"),
    "vaematched": ARMS["vaematched-zh"],
    "vaedis": ARMS["vaedis-zh"],
    "random-cnn": Look("random encoder", GREY, (0, (1, 3)), "x", "---"),
    "supervised": Look("supervised encoder", BLACK, "-.", "*", "..."),
    "majority": Look("majority answer", GREEN, ":", "1", "ooo"),
    "real-frames": Look("other real frames", PURPLE, (0, (6, 2)), "P", "+++"),
}
LABELS = {
    "offset": "offset",
    "heading": "heading",
    "turn5": "turn over 5 tiles",
    "turn10": "turn over 10 tiles",
    "turn20": "turn over 20 tiles",
    "speed": "speed",
    "yaw_rate": "yaw rate",
    "on_grass": "on grass",
}


def _probes(inputs: str, words: str) -> tuple:
    return tuple(
        (f"R² of {text} from {words}", f"probe/linear/{inputs}/{name}", 1, ".3f") for name, text in LABELS.items()
    )


GROUPS = {  # part of the question -> rows: text, measurement, sign of better, format
    "pixels": (
        ("squared error of a pixel", "pixels/mse", -1, ".5f"),
        ("squared error over the car", "pixels/car_mse", -1, ".5f"),
        ("squared error over road edges", "pixels/edge_mse", -1, ".5f"),
        ("peak signal-to-noise ratio, dB", "pixels/psnr", 1, ".2f"),
        ("structural similarity", "pixels/ssim", 1, ".3f"),
        ("contrast kept in its place, share", "pixels/sharpness", 1, ".3f"),
        ("contrast of any kind, share of the frames'", "pixels/contrast", 0, ".3f"),
    ),
    "distribution": (
        ("kernel distance beyond real frames', reconstructions", "distribution/reconstruction/kid", -1, ".3f"),
        ("density, reconstructions", "distribution/reconstruction/density", 0, ".3f"),
        ("coverage, reconstructions", "distribution/reconstruction/coverage", 1, ".3f"),
        ("kernel distance beyond real frames', samples of the prior", "distribution/prior/kid", -1, ".3f"),
        ("density, samples of the prior", "distribution/prior/density", 0, ".3f"),
        ("coverage, samples of the prior", "distribution/prior/coverage", 1, ".3f"),
        ("KL divergence of z, nats", "latent/kl", 0, ".1f"),
    ),
    "z": _probes("z", "z"),
    "zh": _probes("zh", "[z, h]"),
    "memory": (
        ("negative log-likelihood of M, nats a dimension", "memory/nll", -1, ".3f"),
        ("the same of the marginal Gaussian", "memory/marginal_nll", 0, ".3f"),
        ("the same of persistence", "memory/persistence_nll", 0, ".3f"),
        ("gain of M over the marginal, nats a step", "memory/gain", 1, ".2f"),
        ("gain of M over persistence, nats a step", "memory/gain_over_persistence", 1, ".2f"),
    ),
    "openloop": (
        ("road imagined 10 steps ahead, error/variance", "openloop/road/expected/at10", -1, ".3f"),
        ("road imagined 50 steps ahead, error/variance", "openloop/road/expected/at50", -1, ".3f"),
        ("road imagined 100 steps ahead, error/variance", "openloop/road/expected/at100", -1, ".3f"),
        ("motion imagined 10 steps ahead, error/variance", "openloop/motion/expected/at10", -1, ".3f"),
        ("pixels imagined 10 steps ahead", "openloop/pixels/expected/at10", -1, ".5f"),
        ("pixels imagined 50 steps ahead", "openloop/pixels/expected/at50", -1, ".5f"),
    ),
}
ROWS = tuple(row for rows in GROUPS.values() for row in rows)


def look(arm: str) -> Look:
    """The look of a V or a baseline."""
    return LOOKS.get(arm, figures.look(arm))


def visions(record: dict) -> list[str]:
    """Arms of a record that have a V, the reference first."""
    names = [arm for arm, seeds in record["arms"].items() if all("identities" in e["about"] for e in seeds.values())]
    return sorted(names, key=lambda name: (name != REFERENCE, name != "vaegan", name))


def _with_interval(summary: dict, spec: str, sign: str = "") -> str:
    if summary["value"] is None:
        return "–"
    low, high = (format(v, sign + spec) if v is not None else "–" for v in summary["ci95"])
    return f"{format(summary['value'], sign + spec)} [{low}, {high}]"


def verdict(difference: dict, better: int) -> str:
    """What an interval of a difference says: better, worse, or not told apart."""
    low, high = difference["ci95"]
    if low is None or high is None or low <= 0 <= high:
        return "not told apart"
    if not better:
        return "higher" if low > 0 else "lower"
    return "better" if (low > 0) == (better > 0) else "worse"


def summary(record: dict, arm: str, name: str) -> dict | None:
    """Mean of a measurement over training seeds, with its interval; None if the arm lacks it.

    Kernel distances are counted from the distance that the frames themselves, of which reconstructions are made, have
    from the same other frames. A few rare frames decide either distance alone, and most of that cancels.
    """
    found, floor = record["over_seeds"].get(arm, {}).get(name), record["arms"].get("real-frames", {})
    if not found or not name.endswith("/kid"):
        return found
    own, seeds = record["arms"][arm], shared_seeds(record, arm, "real-frames")
    if not seeds:
        return found
    runs = [[entry[seed]["measurements"][key] for seed in seeds] for entry, key in ((own, name), (floor, FLOOR))]
    return pooled(*([(each["sums"], each["counts"]) for each in side] for side in runs))


def shared_seeds(record: dict, *arms: str) -> list[str]:
    """Training seeds in which all of these arms were measured, and on the same episodes."""
    first, *others = (record.get("arms", {}).get(arm, {}) for arm in arms)
    return [
        seed
        for seed in first
        if all(seed in other and other[seed]["episodes"] == first[seed]["episodes"] for other in others)
    ]


def agreement(record: dict, arm: str, name: str, reference: str = REFERENCE) -> tuple[int, int]:
    """In how many training seeds the arm's value is above the reference's, and how many seeds both have."""
    pairs = [
        [record["arms"][each][seed]["measurements"].get(name, {}).get("value") for each in (arm, reference)]
        for seed in shared_seeds(record, arm, reference)
    ]
    known = [pair for pair in pairs if None not in pair]
    return sum(one > other for one, other in known), len(known)


def comparison_table(record: dict, arms: list[str] | None = None, groups: tuple[str, ...] = tuple(GROUPS)) -> str:
    """Values of several V's and baselines, mean over training seeds and 95 % interval, and the first one's difference
    to the reference, paired by seed and episode, with what it says.

    Args:
        arms: the first is compared with the reference; default the VAE/GAN alone.
        groups: keys of ``GROUPS``.
    """
    arm, *others = arms or ["vaegan"]
    columns = [REFERENCE, arm, *others]
    rows = []
    for text, name, better, spec in (row for group in groups for row in GROUPS[group]):
        values = [summary(record, each, name) for each in columns]
        if any(values):
            cells = [_with_interval(value, spec) if value else "–" for value in values]
            difference = record["differences"].get(arm, {}).get(name)
            told = [_with_interval(difference, spec, "+"), verdict(difference, better)] if difference else ["–", "–"]
            rows.append([text, *cells[:2], *told, *cells[2:]])
    runs = [len(record["arms"].get(each, {})) for each in columns]
    several = len(set(runs)) > 1  # then each column says how many
    labels = [look(each).label for each in columns]
    headed = [f"{text}, {n} run{'s' * (n != 1)}" if several else text for text, n in zip(labels, runs)]
    header = ["measurement", *headed[:2], f"{labels[1]} − {labels[0]}", "verdict", *headed[2:]]
    return markdown_table(header, rows)


def pictures(folder: Path, arm: str, seed: int = 0, size: int = 64) -> dict[str, np.ndarray]:
    """``frames``, ``reconstructions`` and ``samples`` of the picture beside a record: each (n, 64, 64, 3) in [0, 1].

    Args:
        folder: ``comparison`` beside ``comparison.json``.
    """
    from matplotlib.image import imread

    strips = imread(folder / f"{arm}-seed{seed}.png")[..., :3].reshape(3, size, -1, size, 3).swapaxes(1, 2)
    return dict(zip(("frames", "reconstructions", "samples"), strips))


def picture_seeds(folder: Path, arms: list[str]) -> list[int]:
    """Training seeds of which every arm has a picture."""
    found = [{int(file.stem.rpartition("-seed")[2]) for file in folder.glob(f"{arm}-seed*.png")} for arm in arms]
    return sorted(set.intersection(*found)) if found else []


def side_by_side(folder: Path, arms: list[str], seed: int = 0) -> None:
    """The same held-out frames through every V, below each what it lost (grey: nothing), last the second V minus the
    first."""
    found = {arm: pictures(folder, arm, seed) for arm in arms}
    rows = {"frame": found[arms[0]]["frames"]}
    for arm, each in found.items():
        rows[look(arm).label] = each["reconstructions"]
        rows[f"lost by {look(arm).label}"] = np.clip(0.5 + each["frames"] - each["reconstructions"], 0, 1)
    if len(arms) > 1:
        one, other = (found[arm]["reconstructions"] for arm in arms[:2])
        rows["difference"] = np.clip(0.5 + other - one, 0, 1)
    figures.frame_strip(rows)


def prior_samples(folder: Path, arms: list[str], seed: int = 0) -> None:
    """Pictures that every decoder makes of the same draws from the prior."""
    figures.frame_strip({look(arm).label: pictures(folder, arm, seed)["samples"] for arm in arms})


def forest(axes, record: dict, group: str, arm: str = "vaegan") -> None:
    """An arm's differences to the reference in one group of ``GROUPS``, a row each with its 95 % interval.

    A difference is counted in half widths of its own interval, and turned so that right is better: where the bar misses
    zero, the arms are told apart. Rows that have no better side keep their sign and are drawn hollow.
    """
    style, rows = look(arm), []
    for text, name, better, _ in GROUPS[group]:
        found = record["differences"].get(arm, {}).get(name)
        if found and found["value"] is not None:
            values = (better or 1) * np.array([found["value"], *found["ci95"]], float)
            rows.append((text, values / max(np.ptp(values[1:]) / 2, 1e-12), better))
    for place, (_, (value, *limits), better) in enumerate(rows):
        axes.plot(limits, [place, place], color=style.colour, linewidth=2)
        filling = style.colour if better else "white"
        axes.plot(value, place, style.marker, color=style.colour, markerfacecolor=filling, markersize=6)
    axes.axvline(0, color=BLACK, linewidth=0.9)
    axes.set_yticks(range(len(rows)), [text for text, *_ in rows])
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="VAE/GAN − VAE, in half widths of its interval; right is better")
    axes.grid(False, axis="y")


def probe_bars(axes, record: dict, arms: list[str], inputs: str = "z", kind: str = "linear") -> None:
    """R^2 of every label, a bar per arm with its interval; an arm without these inputs is left out.

    Args:
        inputs: z or zh; kind: linear or network.
    """
    names = [f"probe/{kind}/{inputs}/{label}" for label in LABELS]
    shown = [arm for arm in arms if all(name in record["over_seeds"].get(arm, {}) for name in names)]
    width = 0.8 / max(1, len(shown))
    for place, arm in enumerate(shown):
        style, found = look(arm), [record["over_seeds"][arm][name] for name in names]
        value = np.array([f["value"] if f["value"] is not None else np.nan for f in found], float)
        limits = np.array([f["ci95"] for f in found], float)
        where = np.arange(len(LABELS)) + (place - (len(shown) - 1) / 2) * width
        filling = {"color": style.colour, "alpha": 0.55, "hatch": style.hatch, "edgecolor": "white"}
        axes.bar(where, value, width, label=style.label, **filling)
        axes.bar(where, value, width, fill=False, edgecolor=style.colour)
        axes.vlines(where, *limits.T, color=BLACK, linewidth=0.9)
    axes.axhline(0, color=BLACK, linewidth=0.8)
    axes.set_xticks(range(len(LABELS)), LABELS.values(), rotation=25, ha="right")
    axes.set(xlim=(-0.6, len(LABELS) - 0.4), ylim=(max(-0.3, axes.get_ylim()[0]), 1))
    axes.grid(False, axis="x")
    axes.set_ylabel("R² on unseen tracks")


def open_loop_curves(axes, record: dict, arms: list[str], group: str = "road", kind: str = "expected") -> None:
    """Error over the horizon, a line per arm: thick what M imagines, thin what was last seen.

    The band is the interval over episodes for one training seed, the range of the seeds for several.

    Args:
        group: road, motion or pixels; kind: sample or expected.
    """
    for arm in arms:
        style, seeds = look(arm), record["arms"][arm].values()
        for which, width in ((kind, 1.6), ("persistence", 0.8)):
            found = [
                e["curves"][f"openloop/{group}/{which}"] for e in seeds if f"openloop/{group}/{which}" in e["curves"]
            ]
            if not found:
                continue
            values = np.array([curve["value"] for curve in found], float)
            horizon = found[0]["horizon"]
            label = style.label if which == kind else f"{style.label}, nothing moves"
            axes.plot(horizon, values.mean(0), color=style.colour, linestyle=style.line, linewidth=width, label=label)
            if which == kind:
                low, high = np.array([found[0]["low"], found[0]["high"]], float)
                band = (low, high) if len(found) == 1 else (values.min(0), values.max(0))
                axes.fill_between(horizon, *band, color=style.colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axes.set_ylim(bottom=0)
    axes.set(xlabel="steps M continues alone", ylabel="squared error" + ("" if group == "pixels" else " / variance"))
