"""Which ingredient of the VAE/GAN moved what: its rate, its features or its game.

Two controls stand between VAE and VAE/GAN. A VAE of the same rate differs from the VAE in its nats alone; features
without the game (VAE_Dis_l of Larsen et al. 2016, table 1) lack of the VAE/GAN only the game. So what the features and
what the game change add up to the whole difference, on the training seeds that all of them have.
"""

from __future__ import annotations

import numpy as np

from wmbook.records.ratios import pooled
from wmbook.records.records import Records
from wmbook.show.comparison import CONTROLS, FEATURES, GROUPS, RATE, REFERENCE, look, shared_seeds, verdict
from wmbook.show.contest import ARM, SHOWN
from wmbook.show.tables import descending, markdown_table
from wmbook.show.verdicts import controls
from wmlib.stats import paired_difference

STEPS = {  # column -> the arms whose difference it shows, and how a sentence about it begins
    "the whole: VAE/GAN − VAE": (ARM, REFERENCE, ""),
    "rate: VAE of the same rate − VAE": (RATE, REFERENCE, "Changing the rate alone gives"),
    "features: features, no game − VAE": (FEATURES, REFERENCE, "Changing the features alone gives"),
    "game: VAE/GAN − features, no game": (ARM, FEATURES, "Adding the game to the features gives"),
}
NAMES = ("latent/kl", *SHOWN)
RETURN = "return on test tracks"
PARTS = {  # group of measurements -> what it is about
    "pixels": "pictures",
    "distribution": "pictures",
    "z": "$z$",
    "zh": "$[z, h]$",
    "memory": "M's predictions",
    "openloop": "M's predictions",
}


def seeds_of_all(records: Records) -> list[str]:
    """Training seeds that both arms and every control on record share; none without a control."""
    known = controls(records)
    return shared_seeds(records.comparison, REFERENCE, ARM, *known) if known else []


def changes(records: Records) -> dict[str, dict[str, dict]]:
    """Column of ``STEPS`` to measurement to its difference (``value``, ``ci95``, ``runs``); only controls on record.

    The drivers' returns are among them, as ``RETURN``, for those arms that have drivers of these seeds.
    """
    measured, seeds, found = records.comparison.get("arms", {}), seeds_of_all(records), {}
    for column, (*arms, _) in STEPS.items():
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


def _rows() -> dict[str, tuple[str, int, str]]:
    """Measurement to text, sign of better and format."""
    known = {name: (text, better, spec) for group in GROUPS.values() for text, name, better, spec in group}
    return {name: known[name] for name in NAMES} | {RETURN: (RETURN, 1, ".1f")}


def ingredients_table(records: Records) -> str:
    """What each ingredient changes, a column for each; empty without a control on record."""
    found, rows = changes(records), []
    if not found:
        return ""
    for name, (text, better, spec) in _rows().items():
        cells = [_cell(column.get(name), better, spec) for column in found.values()]
        arrow = {1: " ↑", -1: " ↓"}.get(better, "")
        rows.append([text + arrow, *cells])
    return markdown_table(["", *found], rows)


def _cell(difference: dict | None, better: int, spec: str) -> str:
    if difference is None:
        return "–"
    low, high = (format(limit, "+" + spec) for limit in difference["ci95"])
    told = verdict(difference, better)
    value = f"{format(difference['value'], '+' + spec)} [{low}, {high}]"
    return value if told == "not told apart" else f"**{value}** {told}"


def _parts(names: list[str]) -> str:
    """How many of these rows are about what, in brackets."""
    about = {name: part for group, part in PARTS.items() for _, name, _, _ in GROUPS[group]}
    about |= {"latent/kl": "rate", RETURN: "driver"}
    counts = {part: [about[name] for name in names].count(part) for part in dict.fromkeys(about.values())}
    told = ", ".join(f"{part} {count}" for part, count in counts.items() if count)
    return f" ({told})" if told else ""


def ingredients(records: Records) -> str:
    """To which ingredient the differences between VAE/GAN and VAE go back; empty without a control on record."""
    found = changes(records)
    if not found:
        return ""
    told = {
        column: {name: verdict(each, better) for name, (_, better, _) in _rows().items() if (each := rows.get(name))}
        for column, rows in found.items()
    }
    whole, *parts = told
    moved = {name: said for name, said in told[whole].items() if said != "not told apart"}
    runs = len(seeds_of_all(records))
    count = "one training seed" if runs == 1 else f"{runs} training seeds"
    text = [
        f"On the {count} that VAE, VAE/GAN and controls share, VAE/GAN and VAE differ in {len(moved)} of the "
        f"{len(told[whole])} rows."
    ]
    for column in parts:
        same = [row for row, said in moved.items() if told[column].get(row) == said]
        against = sum(told[column].get(row, said) not in (said, "not told apart") for row, said in moved.items())
        opposite = f", the opposite one in {against}" if against else ""
        text.append(f"{STEPS[column][-1]} the same verdict in {len(same)} of them{_parts(same)}{opposite}.")
    drivers = {
        arm: descending(map(np.mean, records.returns_by_run(f"{arm}-zh"))) for arm in (*CONTROLS, ARM, REFERENCE)
    }
    if any(drivers[arm] for arm in CONTROLS):
        each = [f"{look(arm).label} {values}" for arm, values in drivers.items() if values]
        text.append(f"The drivers return on the test tracks, run by run: {'; '.join(each)}.")
    if runs == 1:
        text.append("One seed describes these networks; it does not show that another would say the same.")
    return " ".join(text)
