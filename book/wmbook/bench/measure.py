"""How speeds are compared: contenders take turns, round after round, and only numbers of the same round are divided.

A busy moment of the machine then hurts every contender, not only the one that happened to run. Nothing here knows what
is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

MISSING = "–"


@dataclass(frozen=True)
class Contender:
    """One way of doing the work.

    Attributes:
        key: name in the record.
        label: name in the table.
        factory: ``module:Name`` of a class; an instance's ``measure()`` returns metric -> number.
        options: keyword arguments of the class.
        host: contenders of the same host share a process; by default each has its own.
        needs: module that may not be installed; the contender is then left out.
        instructions: processor extensions, one of which it needs to make sense.
    """

    key: str
    label: str
    factory: str
    options: dict = field(default_factory=dict)
    host: str = ""
    needs: str | None = None
    instructions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One metric of several contenders, as ratios to one of them.

    Attributes:
        key: name in the record.
        title: heading of the table.
        metric: which number of ``measure()``.
        unit: of that number.
        baseline: key of the contender the others are divided by.
        contenders: keys, in the table's order.
        less_is_better: times and sizes; ratios then say how many times smaller a number is.
    """

    key: str
    title: str
    metric: str
    unit: str
    baseline: str
    contenders: tuple[str, ...]
    less_is_better: bool = False


def interleave(
    measures: dict[str, Callable[[], dict[str, float]]],
    repetitions: int,
    watch: Callable[[str], None] = lambda key: None,
) -> dict[str, list[dict[str, float]]]:
    """Call every measurement in turn, ``repetitions`` times: A B C, A B C, ...

    Args:
        watch: called with the key after each measurement.

    Returns:
        for each key, one dictionary of metrics per round.
    """
    rounds: dict[str, list] = {key: [] for key in measures}
    for _ in range(repetitions):
        for key, measure in measures.items():
            rounds[key].append(measure())
            watch(key)
    return rounds


def spread(values: list[float]) -> dict:
    """Median and range, all to four significant digits."""
    return {"median": significant(median(values)), "low": significant(min(values)), "high": significant(max(values))}


def significant(value: float, digits: int = 4) -> float:
    """``value`` rounded to so many significant digits."""
    return float(f"{value:.{digits}g}")


def compare(comparison: Comparison, labels: dict[str, str], rounds: dict[str, list[dict[str, float]]]) -> dict:
    """The record of one comparison.

    Each contender has ``median``, ``low``, ``high``, ``repetitions`` and, against the baseline, ``ratio`` (median of
    the rounds' own ratios) with ``ratio_low`` and ``ratio_high``; ``text`` and ``ratio_text`` are made for prose. A
    contender without measurements has only the texts, which are dashes.
    """
    rows = rounds.get(comparison.baseline, [])
    baseline = [row[comparison.metric] for row in rows if comparison.metric in row]
    entries = {}
    for key in comparison.contenders:
        entry = {"label": labels[key], "text": MISSING, "ratio_text": MISSING}
        values = [row[comparison.metric] for row in rounds.get(key, []) if comparison.metric in row]
        if values:
            entry |= spread(values) | {"repetitions": [significant(value) for value in values]}
            entry["text"] = text(entry["median"])
        if values and baseline:
            pairs = zip(values, baseline, strict=True)
            ratios = [b / v if comparison.less_is_better else v / b for v, b in pairs]
            ratio = spread(ratios)
            entry |= {"ratio": ratio["median"], "ratio_low": ratio["low"], "ratio_high": ratio["high"]}
            entry["ratio_text"] = text(entry["ratio"])
        entries[key] = entry
    return {
        "title": comparison.title,
        "unit": comparison.unit,
        "baseline": comparison.baseline,
        "contenders": entries,
    }


def text(value: float) -> str:
    """A number as the book prints it: three significant digits, thousands separated."""
    rounded = significant(value, 3)
    if rounded >= 100:
        return f"{rounded:,.0f}"
    return f"{rounded:.1f}" if rounded >= 10 else f"{rounded:.3g}"


def table(record: dict) -> str:
    """A comparison as lines for the terminal."""
    head = f"{record['title']} ({record['unit']})"
    lines = [f"{head:58s}{'median':>10s}{'range':>20s}{'ratio':>9s}{'range':>17s}"]
    for key, entry in record["contenders"].items():
        if "median" not in entry:
            lines.append(f"  {entry['label']:56s}{'not measured':>10s}")
            continue
        limits = f"{text(entry['low'])} to {text(entry['high'])}"
        line = f"  {entry['label']:56s}{entry['text']:>10s}{limits:>20s}"
        if "ratio" in entry:
            band = f"{text(entry['ratio_low'])} to {text(entry['ratio_high'])}"
            line += f"{'1' if key == record['baseline'] else entry['ratio_text']:>9s}"
            line += "" if key == record["baseline"] else f"{band:>17s}"
        lines.append(line)
    return "\n".join(lines)
