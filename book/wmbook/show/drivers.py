"""VAE against VAE/GAN: what the two arms share, and how their drivers compare, for any number of training runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wmbook.records.intervals import paired_difference
from wmbook.records.queries import pair, stages_of
from wmbook.records.ratios import interval
from wmbook.records.records import Records
from wmbook.show import comparison, learning
from wmbook.show.comparison import GROUPS, REFERENCE, look, verdict
from wmbook.show.tables import markdown_table
from wmlib.stats import RESAMPLES, SOLVED

ARM = "vaegan"
SHOWN = (  # the measurements of the one table, the drivers' come after them
    *("pixels/mse", "pixels/car_mse", "pixels/edge_mse", "pixels/sharpness"),
    *("distribution/reconstruction/kid", "distribution/prior/kid", "distribution/prior/coverage"),
    *("probe/linear/z/offset", "probe/linear/z/heading", "probe/linear/z/turn10"),
    *("probe/linear/zh/offset", "probe/linear/zh/heading", "probe/linear/zh/turn10", "probe/linear/zh/speed"),
    *("memory/gain", "openloop/road/expected/at10", "openloop/road/expected/at50"),
)


@dataclass(frozen=True)
class Outcome:
    """One thing measured of both arms' drivers.

    Attributes:
        text: what; better: sign of better; spec: how its numbers are printed.
        theirs, ours: one value for each training run, None where there is none.
        difference: ours - theirs, None if unknown.
        ci95: of the difference; None where there are too few runs for one.
        agreeing, seeds: in how many of the shared training seeds ours is above theirs.
    """

    text: str
    better: int
    spec: str
    theirs: list
    ours: list
    difference: float | None
    ci95: list | None
    agreeing: int
    seeds: int

    @property
    def verdict(self) -> str:
        """better, worse, not told apart; a dash without an interval."""
        return verdict({"ci95": self.ci95}, self.better) if self.ci95 else "–"


def drivers(records: Records) -> tuple[str, str] | None:
    """Names of the VAE/GAN's and the VAE's driver on record at one scale."""
    return pair(records, f"{ARM}-zh", f"{REFERENCE}-zh")


def train_seeds(records: Records, arm: str) -> list[int]:
    """Training seeds of an arm's drivers."""
    return [int(seed) for seed in records.scores[arm]["train_seeds"]]


def outcomes(records: Records) -> list[Outcome]:
    """What both arms' drivers did: on test tracks, and while they were learning. Empty without both."""
    names = drivers(records)
    if not names:
        return []
    seeds = [train_seeds(records, arm) for arm in names]
    returns = [records.returns_by_run(arm) for arm in names]
    found = []
    for text, spec, values in (
        ("return on test tracks", ".1f", returns),
        (f"test tracks at {SOLVED:.0f} or more, %", ".0f", [100.0 * (each >= SOLVED) for each in returns]),
    ):
        told = paired_difference(*values)
        means = [each.mean(1) for each in values]
        found.append(_outcome(text, 1, spec, means, seeds, told["mean"], told["ci95"]))
    curves = [[learning.curve(records, arm, seed) for seed in each] for arm, each in zip(names, seeds)]
    validated = [[float(np.nanmean(curve["validation_mean"])) for curve in each] for each in curves]
    found.append(_outcome("validated return, mean over the search", 1, ".0f", validated, seeds, *_between(*validated)))
    for level in learning.LEVELS:
        steps = [[_steps(curve, level) for curve in each] for each in curves]
        text = f"million steps of search until validated at {level}"
        found.append(_outcome(text, -1, ".1f", steps, seeds, *_between(*steps)))
    return found


def _outcome(text, better, spec, values, seeds, difference, ci95) -> Outcome:
    ours, theirs = (dict(zip(names, each, strict=True)) for names, each in zip(seeds, values, strict=True))
    both = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs and None not in (ours[seed], theirs[seed])]
    above = sum(bool(one > other) for one, other in both)
    return Outcome(text, better, spec, list(values[1]), list(values[0]), difference, ci95, above, len(both))


def _steps(curve: dict, level: float) -> float | None:
    row = learning.first(curve, level)
    return None if row is None else float(curve["env_steps"][row]) / 1e6


def _between(ours: list, theirs: list) -> tuple[float | None, list | None]:
    """Difference of means of one number per run, and its bootstrap interval over runs; none with a run alone."""
    if None in ours or None in theirs:
        return None, None
    difference = float(np.mean(ours) - np.mean(theirs))
    if min(len(ours), len(theirs)) < 2:
        return difference, None
    random = np.random.default_rng(0)
    means = [
        np.asarray(each)[random.integers(len(each), size=(RESAMPLES, len(each)))].mean(1) for each in (ours, theirs)
    ]
    return difference, interval(means[0] - means[1])


def settings(records: Records) -> list[list[str]]:
    """What the two arms were made with: text, the VAE's, the VAE/GAN's, and same or differs (nothing for costs)."""
    names = drivers(records)
    seeds = [set(train_seeds(records, arm)) for arm in names]
    seed = min(seeds[0] & seeds[1], default=None)
    ours, theirs = (records.runs[f"{arm}/seed{min(own) if seed is None else seed}"] for arm, own in zip(names, seeds))
    rows = []

    def row(text, function, whole=None) -> None:
        cells = [function(run) for run in (theirs, ours)]
        same = [(whole or function)(run) for run in (theirs, ours)]
        rows.append([text, *map(str, cells), "same" if same[0] == same[1] else "differs"])

    def v(run) -> dict:
        return run["config"][run["config"]["vision"]]

    def loss(run) -> str:
        if run["config"]["vision"] == REFERENCE:
            return "squared error of pixels, KL"
        return f"features and {v(run)['pixel_weight']:g} × pixels, KL, and the game (γ {v(run)['gamma']:g})"

    def part(name):
        return lambda run: run["config"][name]

    search = part("controller")
    row("iterations of the chain", lambda run: run["config"]["iterations"])
    row("frames for V and M", lambda run: f"{sum(stage['frames'] for stage in stages_of(run, 'collect')):,}")
    row("V's updates × frames", lambda run: f"{v(run)['updates']:,} × {v(run)['batch_size']}")
    row("V's loss", loss)
    row("V's rate of learning", lambda run: f"{v(run)['learning_rate']:g}, then {v(run)['final_learning_rate']:g}")
    row("free nats of z", lambda run: f"{32 * v(run)['kl_floor']:g}")
    row("arithmetic while V trains", lambda run: v(run)["compute"])
    row("arithmetic of the encoder afterwards", part("encoder_compute"))
    row("minutes V took", lambda run: f"{stages_of(run, 'vision')[-1]['seconds'] / 60:.0f}")
    rows[-1][-1] = ""
    row("M: units, updates", lambda run: "{hidden_size}, {updates:,}".format(**run["config"]["memory"]), part("memory"))
    row("C sees", lambda run: run["config"]["controller"]["inputs"])
    row(
        "search: candidates × tracks, all its settings",
        lambda run: "{population} × {tracks}".format(**search(run)),
        search,
    )
    row("generations", lambda run: search(run)["generations"])
    row("validation tracks", lambda run: search(run)["validation_tracks"])
    tracks = [{r["track_seed"] for r in records.evaluations if r["arm"] == arm} for arm in names]
    rows.append(
        ["test tracks", *(str(len(each)) for each in tracks[::-1]), "same" if tracks[0] == tracks[1] else "differs"]
    )
    return rows


def settings_table(records: Records) -> str:
    """The same as a table; empty without both arms."""
    rows = settings(records) if drivers(records) else []
    header = ["setting", look(REFERENCE).label, look(ARM).label, "compared"]
    return markdown_table(header, rows, numeric_from=3) if rows else ""


def improvement_table(records: Records) -> str:
    """The one table: what improved, by how much, how sure. Empty without a record of both arms."""
    record, rows = records.comparison, []
    lines = {name: (text, better, spec) for group in GROUPS.values() for text, name, better, spec in group}
    differences = record.get("differences", {}).get(ARM, {})
    for name in SHOWN:
        if name in differences:
            text, better, spec = lines[name]
            means = [comparison.summary(record, arm, name)["value"] for arm in (REFERENCE, ARM)]
            above, seeds = comparison.agreement(record, ARM, name)
            told = differences[name]
            rows.append(_line(text, better, spec, means, told["value"], told["ci95"], above, seeds))
    for each in outcomes(records):
        means = [None if None in values else float(np.mean(values)) for values in (each.theirs, each.ours)]
        rows.append(
            _line(each.text, each.better, each.spec, means, each.difference, each.ci95, each.agreeing, each.seeds)
        )
    labels = [look(REFERENCE).label, look(ARM).label]
    header = ["measurement", *labels, "difference", "95 % interval", "seeds that agree", "verdict"]
    return markdown_table(header, rows) if rows else ""


def _line(text, better, spec, means, difference, ci95, above, seeds) -> list[str]:
    cells = [format(mean, spec) if mean is not None else "not by all" for mean in means]
    arrow = {1: " ↑", -1: " ↓"}.get(better, "")
    if difference is None:
        return [text + arrow, *cells, "–", "–", "–", "–"]
    agree = f"{above if difference > 0 else seeds - above} of {seeds}"
    if not ci95 or None in ci95:
        return [text + arrow, *cells, format(difference, "+" + spec), "one run", agree, "–"]
    limits = " to ".join(format(limit, "+" + spec) for limit in ci95)
    return [text + arrow, *cells, format(difference, "+" + spec), limits, agree, verdict({"ci95": ci95}, better)]
