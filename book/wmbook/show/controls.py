"""Which ingredient of the VAE/GAN moved what: its rate, its features or its game.

Two controls stand between VAE and VAE/GAN. A VAE of the same rate differs from the VAE in its nats alone; features
without the game (VAE_Dis_l of Larsen et al. 2016, table 1) lack of the VAE/GAN only the game. So what the features and
what the game change add up to the whole difference, on the training seeds that all of them have.
"""

from __future__ import annotations

import numpy as np

from wmbook.records.intervals import paired_difference
from wmbook.records.ratios import pooled
from wmbook.records.records import Records
from wmbook.show import figures
from wmbook.show.comparison import CONTROLS, FEATURES, GROUPS, RATE, REFERENCE, look, shared_seeds, verdict
from wmbook.show.drivers import ARM, SHOWN
from wmbook.show.tables import markdown_table

STEPS = {  # column -> the arms whose difference it shows
    "the whole: VAE/GAN − VAE": (ARM, REFERENCE),
    "rate: VAE of the same rate − VAE": (RATE, REFERENCE),
    "features: features, no game − VAE": (FEATURES, REFERENCE),
    "game: VAE/GAN − features, no game": (ARM, FEATURES),
}
NAMES = ("latent/kl", *SHOWN)
RETURN = "return on test tracks"


def seeds_of_all(records: Records) -> list[str]:
    """Training seeds that both arms and every control on record share; none without a control."""
    known = [arm for arm in CONTROLS if arm in records.comparison.get("arms", {})]
    return shared_seeds(records.comparison, REFERENCE, ARM, *known) if known else []


def changes(records: Records) -> dict[str, dict[str, dict]]:
    """Column of ``STEPS`` to measurement to its difference (``value``, ``ci95``, ``runs``); only controls on record.

    The drivers' returns are among them, as ``RETURN``, for those arms that have drivers of these seeds.
    """
    measured, seeds, found = records.comparison.get("arms", {}), seeds_of_all(records), {}
    for column, arms in STEPS.items():
        if not seeds or not set(arms) <= set(measured):
            continue
        found[column] = {}
        for name in NAMES:
            sides = [[measured[arm][seed]["measurements"][name] for seed in seeds] for arm in arms]
            found[column][name] = pooled(*([(each["sums"], each["counts"]) for each in side] for side in sides))
        returns = [_returns(records, f"{arm}-zh", seeds) for arm in arms]
        if all(returns):
            told = paired_difference(*returns)
            found[column][RETURN] = {"value": told["mean"], "ci95": told["ci95"], "runs": min(told["runs"])}
    return found


def _returns(records: Records, arm: str, seeds: list[str]) -> list:
    """Returns on the test tracks, a row for each of these seeds; empty if one has no driver."""
    rows = [list(records.returns(arm, train_seed=int(seed))) for seed in seeds]
    return rows if all(rows) else []


def rows() -> dict[str, tuple[str, int, str]]:
    """Measurement to text, sign of better and format."""
    known = {name: (text, better, spec) for group in GROUPS.values() for text, name, better, spec in group}
    return {name: known[name] for name in NAMES} | {RETURN: (RETURN, 1, ".1f")}


def controls_forest(records: Records) -> None:
    """What each ingredient changes, a panel each, with 95 % intervals; right is better.

    A row is counted in half widths of the whole difference's interval, so that along it features and game add up to the
    whole. Rows that have no better side keep their sign and are drawn hollow.
    """
    found, texts = changes(records), rows()
    whole = next(iter(found.values()))
    _, panels = figures.new_figure(figures.PAGE, 0.9 + 0.26 * len(texts), 1, len(found), sharex=True, sharey=True)
    for axes, (column, differences) in zip(panels, found.items(), strict=True):
        title, arms = column.split(":")[0], STEPS[column]
        style = look(arms[0]) if title != "game" else figures.ARMS["published"]
        for place, (name, (_, better, _)) in enumerate(texts.items()):
            if name not in differences or name not in whole:
                continue
            unit = (better or 1) * np.ptp(whole[name]["ci95"]) / 2
            axes.plot(np.array(differences[name]["ci95"]) / unit, [place, place], color=style.colour, linewidth=2)
            axes.plot(differences[name]["value"] / unit, place, style.marker, color=style.colour, markersize=4,
                      markerfacecolor=style.colour if better else "white")  # fmt: skip
        axes.axvline(0, color=figures.BLACK, linewidth=0.9)
        axes.set_title(title)
        axes.grid(False, axis="y")
    panels[0].set_yticks(range(len(texts)), [text.replace("', ", "',\n") for text, *_ in texts.values()], fontsize=7.5)
    panels[0].set_ylim(len(texts) - 0.5, -0.5)
    panels[0].figure.supxlabel("half widths of the whole's interval; right is better", fontsize=8.5)


def controls_table(records: Records) -> str:
    """What each ingredient changes, a column for each; empty without a control on record."""
    found, lines = changes(records), []
    if not found:
        return ""
    for name, (text, better, spec) in rows().items():
        cells = [_cell(column.get(name), better, spec) for column in found.values()]
        arrow = {1: " ↑", -1: " ↓"}.get(better, "")
        lines.append([text + arrow, *cells])
    return markdown_table(["measurement", *found], lines)


def _cell(difference: dict | None, better: int, spec: str) -> str:
    if difference is None:
        return "–"
    low, high = (format(limit, "+" + spec) for limit in difference["ci95"])
    told = verdict(difference, better)
    value = f"{format(difference['value'], '+' + spec)} [{low}, {high}]"
    return value if told == "not told apart" else f"**{value}** {told}"
