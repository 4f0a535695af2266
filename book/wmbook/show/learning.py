"""How fast a policy is learnt: curves over every kind of cost, when a level was reached, and what the original needed.

A *curve* is a dictionary of columns of ``learning_curves.csv`` (see :meth:`wmbook.records.records.Records.curve`) with
the costs that this module adds: ``core_hours`` of the search, ``minutes`` of the search, and ``minutes_from_nothing``,
which also counts everything that ran before the search: recording, V, M, and earlier iterations.
"""

from __future__ import annotations

import numpy as np

from wmbook.records.published import CORES, EPISODES_PER_GENERATION, SEARCH_LOG
from wmbook.records.records import Records
from wmbook.show.tables import markdown_table

LEVELS = (800, 850, 900)  # of the validated mean solution


def curve(records: Records, arm: str, train_seed: int, iteration: int | None = None) -> dict[str, np.ndarray]:
    """Learning curve of one training run, with its costs. Empty if unknown.

    Args:
        iteration: which pass through the chain; None takes the last.
    """
    columns = records.curve(arm, train_seed, iteration)
    if not columns:
        return {}
    before = seconds_before_search(records, arm, train_seed, iteration)
    minutes = columns["wall_seconds"] / 60
    return columns | {
        "minutes": minutes,
        "core_hours": minutes / 60 * columns["cores"],
        "minutes_from_nothing": minutes + before / 60,
        "half_interval": 1.96 * columns["validation_std"] / np.sqrt(np.maximum(columns["validation_n"], 1)),
    }


def curves(records: Records) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """(arm, training seed) to curve, for every search on record."""
    return {pair: curve(records, *pair) for pair in records.searches}


def over_runs(runs: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Validations of several searches with the same plan: millions of steps, and mean, lowest and highest return."""
    rows = [np.flatnonzero(np.isfinite(columns["validation_mean"])) for columns in runs]
    shortest = min(map(len, rows))
    steps, returns = (
        np.stack([columns[name][row[:shortest]] for columns, row in zip(runs, rows, strict=True)])
        for name in ("env_steps", "validation_mean")
    )
    return {"steps": steps.mean(0) / 1e6, "mean": returns.mean(0), "low": returns.min(0), "high": returns.max(0)}


def seconds_before_search(records: Records, arm: str, train_seed: int, iteration: int | None = None) -> float:
    """Wall seconds of all stages that come before a search, the last unless told; NaN if costs are not on record."""
    stages = records.runs.get(f"{arm}/seed{train_seed}", {}).get("stages")
    if not stages:
        return float("nan")
    names = list(stages)
    searches = [index for index, name in enumerate(names) if name.startswith("controller-")]
    search = searches[-1 if iteration is None else iteration - 1]
    return float(sum(stages[name]["seconds"] for name in names[:search]))


def soonest(records: Records, arm: str, level: float) -> dict[int, float | None]:
    """Training seed to the fewest minutes from nothing to a validated ``level``, in any iteration; None if never."""
    reached = {}
    for _, train_seed in (pair for pair in records.searches if pair[0] == arm):
        minutes = []
        for iteration in records.iterations(arm, train_seed):
            columns = curve(records, arm, train_seed, iteration)
            if (row := first(columns, level)) is not None:
                minutes.append(float(columns["minutes_from_nothing"][row]))
        reached[train_seed] = min(minutes, default=None)
    return reached


def original() -> dict[str, np.ndarray]:
    """The authors' curve, from the rows of their log; costs are the search's alone, since only those are published.

    Steps are estimated: episodes per generation times their average length, summed over the generations in between.
    """
    rows = np.array([[np.nan if value is None else value for value in row] for row in SEARCH_LOG], float)
    generation, mean, worst, best, validated, hours, frames = rows.T
    lengths = np.interp(np.arange(1, generation[-1] + 1), generation, frames)  # (generations,)
    steps = EPISODES_PER_GENERATION * np.cumsum(lengths)[generation.astype(int) - 1]
    return {
        "generation": generation,
        "env_steps": steps,
        "population_mean": mean,
        "population_min": worst,
        "population_max": best,
        "validation_mean": validated,
        "minutes": 60 * hours,
        "core_hours": CORES * hours,
    }


def first(columns: dict[str, np.ndarray], level: float) -> int | None:
    """Row in which the validated mean is first at ``level`` or above; None if it never is."""
    reached = np.flatnonzero(np.nan_to_num(columns["validation_mean"], nan=-np.inf) >= level)
    return int(reached[0]) if len(reached) else None


def for_good(columns: dict[str, np.ndarray], level: float) -> int | None:
    """Row from which on no validation falls below ``level``; None if the last one does."""
    validated = np.flatnonzero(np.isfinite(columns["validation_mean"]))
    below = np.flatnonzero(columns["validation_mean"][validated] < level)
    later = validated[below[-1] + 1 :] if len(below) else validated
    return int(later[0]) if len(later) else None


def milestones(columns: dict[str, np.ndarray], levels=LEVELS) -> list[dict]:
    """When each level was reached: its costs when first reached and when reached for good, None where it was not."""
    names = ("generation", "env_steps", "minutes", "minutes_from_nothing", "core_hours")
    found = []
    for level in levels:
        entry = {"level": level}
        for key, find in (("first", first), ("for_good", for_good)):
            row = find(columns, level)
            entry[key] = None if row is None else {n: float(columns[n][row]) for n in names if n in columns}
        found.append(entry)
    return found


def against_original(records: Records, arm: str, train_seed: int, level: float) -> dict | None:
    """How many times the core-hours the original's search took to validate at ``level``, and why.

    Returns:
        ``search``, the last pass's search against the original's, which is ``fewer_steps`` x ``faster_steps`` (frames
        driven, and frames per core and second); ``passes``, with the searches of earlier passes on our side;
        ``nothing``, with all our stages; and both ``rates``. None if either search never validated at the level.
    """
    ours, theirs = curve(records, arm, train_seed), original()
    ours_row, their_row = first(ours, level), first(theirs, level)
    if ours_row is None or their_row is None:
        return None
    cores = ours["cores"][ours_row]
    earlier = sum(
        curve(records, arm, train_seed, iteration)["core_hours"][-1]
        for iteration in records.iterations(arm, train_seed)[:-1]
    )
    whole = ours["minutes_from_nothing"][ours_row] / 60 * cores
    reached = ((ours, ours_row), (theirs, their_row))
    ours, theirs = ({name: c[name][row] for name in ("env_steps", "core_hours")} for c, row in reached)
    rates = [run["env_steps"] / run["core_hours"] / 3600 for run in (ours, theirs)]
    return {
        "level": level,
        "search": float(theirs["core_hours"] / ours["core_hours"]),
        "passes": float(theirs["core_hours"] / (ours["core_hours"] + earlier)),
        "nothing": float(theirs["core_hours"] / whole),
        "fewer_steps": float(theirs["env_steps"] / ours["env_steps"]),
        "faster_steps": float(rates[0] / rates[1]),
        "rates": [float(rate) for rate in rates],
    }


def cheaper_table(records: Records, arm: str) -> str:
    """How many times cheaper the quickest training run reached each level, by what is counted on our side."""
    rows = []
    for level in LEVELS:
        found = [against_original(records, arm, int(seed), level) for seed in records.scores[arm]["train_seeds"]]
        if any(found):
            best = max((each for each in found if each), key=lambda each: each["search"])
            counted = [f"{best[name]:,.0f}" for name in ("search", "passes", "nothing")]
            why = f"{best['fewer_steps']:.1f} × {best['faster_steps']:,.0f}"
            rows.append([str(level), *counted, why])
    header = ["level", "last search alone", "both passes' searches", "everything from nothing", "frames × speed"]
    return markdown_table(header, rows)


def tracks_per_generation(settings: dict, generations: int) -> np.ndarray:
    """Tracks every candidate drives, by generation, for ``settings`` of the controller: (generations,)."""
    every = settings.get("double_tracks_every", 0)
    return settings["tracks"] * 2 ** (np.arange(generations) // every if every else np.zeros(generations, int))


def episode_lengths(columns: dict[str, np.ndarray], settings: dict) -> np.ndarray:
    """Average frames per episode in each generation: (generations,)."""
    episodes = settings["population"] * tracks_per_generation(settings, len(columns["generation"]))
    return np.diff(columns["env_steps"], prepend=0) / episodes


def milestone_table(runs: dict[str, dict[str, np.ndarray]], levels=LEVELS, beside_original: bool = True) -> str:
    """Markdown table of milestones.

    Args:
        runs: label to curve.
        beside_original: add the original's below ours.
    """
    runs = {**runs, "Ha and Schmidhuber 2018": original()} if beside_original else runs
    header = ["search", "level", "generation", "million steps", "from nothing", "core-hours of search", "for good from"]
    rows = []
    for label, columns in runs.items():
        for entry in milestones(columns, levels):
            cells = [label, str(entry["level"])]
            if entry["first"] is None:
                best = np.nanmax(columns["validation_mean"])
                rows.append([*cells, f"not reached (best {best:.1f})", "–", "–", "–", "–"])
                break  # nor was any higher level
            at = entry["first"]
            nothing = at.get("minutes_from_nothing", np.nan)
            rows.append(
                [
                    *cells,
                    f"{at['generation']:.0f}",
                    f"{at['env_steps'] / 1e6:,.1f}",
                    duration(nothing) if np.isfinite(nothing) else "not published",
                    f"{at['core_hours']:,.1f}",
                    held(columns, entry["level"]),
                ]
            )
    return markdown_table(header, rows, numeric_from=2)


def held(columns: dict[str, np.ndarray], level: float) -> str:
    """From when on a level was held, in words; a level that only the last validation reached was not yet held."""
    row, last = for_good(columns, level), np.flatnonzero(np.isfinite(columns["validation_mean"]))[-1]
    if row is None:
        return "not held"
    return "last validation only" if row == last else f"generation {columns['generation'][row]:.0f}"


def duration(minutes: float) -> str:
    """Minutes as a person says them: ``42 min``, ``3.1 h``, ``4.8 days``."""
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} days"


def between_seeds(records: Records, arm: str, levels=LEVELS) -> dict:
    """How much an arm's training runs differ: test means, best validated means, minutes from nothing to each level.

    Every value is a list over the training seeds on record, None where a level was not reached.
    """
    scores = records.scores.get(arm, {}).get("train_seeds", {})
    found = {seed: columns for (name, seed), columns in curves(records).items() if name == arm}
    reached = {}
    for level in levels:
        rows = [first(columns, level) for columns in found.values()]
        reached[str(level)] = [
            None if row is None else float(columns["minutes_from_nothing"][row])
            for row, columns in zip(rows, found.values(), strict=True)
        ]
    return {
        "train_seeds": [int(seed) for seed in scores],
        "test_means": [score["mean"] for score in scores.values()],
        "test_stds": [score["std"] for score in scores.values()],
        "best_validated": [float(np.nanmax(columns["validation_mean"])) for columns in found.values()],
        "minutes_to": reached,
    }
