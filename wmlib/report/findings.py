"""What the records say, as Markdown for the report: a sentence that depends on a result is chosen by that result.

Each function returns text, empty where there is nothing on record; :func:`finding` calls them by name.
"""

from __future__ import annotations

from wmlib.errors import UserError
from wmlib.report.figures import look
from wmlib.report.published import CORES, COUNTERPART, LEARNING_CURVE, ORIGINAL, SCORES
from wmlib.report.records import Records
from wmlib.report.stats import bootstrap_interval
from wmlib.report.tables import markdown_table

HEADLINE, ADVERSARIAL = "vae-zh", "vaegan-zh"
LEVELS = (500, 700, 800, 850, 900)


def headline(records: Records) -> str:
    """The main arm's score and what its search cost, within a sentence."""
    if HEADLINE not in records.scores:
        return "no result yet"
    score, (low, high) = records.scores[HEADLINE], records.scores[HEADLINE]["ci95"]
    chosen = _run(records, HEADLINE)["chosen"]
    hours = chosen["wall_seconds"] * chosen["cores"] / 3600
    return (
        f"{score['mean']:.0f} ± {score['std']:.0f} on {score['n']} unseen tracks (95 % interval of the mean "
        f"{low:.0f} to {high:.0f}) after {_hours(hours)} core-hours of search"
    )


def scores(records: Records) -> str:
    """Table of every arm beside the paper's answer to the same question."""
    if not records.scores:
        return ""
    scales = {score.get("scale") for score in records.scores.values()}
    rows = []
    for arm, score in sorted(records.scores.items(), key=lambda item: -item[1]["mean"]):
        paper = SCORES.get(COUNTERPART.get(arm, ""))
        label = look(arm).label + ("" if len(scales) == 1 else f" ({score.get('scale')})")
        low, high = score["ci95"]
        original = f"{paper['mean']} ± {paper['std']}" if paper else "–"
        ours = f"{score['mean']:.0f} ± {score['std']:.0f}"
        rows.append([label, ours, f"{low:.0f} to {high:.0f}", f"{100 * score['share_solved']:.0f} %", original])
    counts = sorted({score["n"] for score in records.scores.values()})
    tracks = " or ".join(map(str, counts))
    caption = (
        f"Return on {tracks} test tracks of unmodified CarRacing-v3: mean ± standard deviation over tracks, "
        "95 % interval of the mean, share of tracks at 900 or more, and the original's score for the same question "
        "on CarRacing-v0 {cite:p}`ha2018worldmodels`."
    )
    return _table("tab-scores", caption, ["driver", "return", "95 % interval", "≥ 900", "original"], rows)


def budget(records: Records) -> str:
    """Table of what the main arm was made from, beside the original."""
    if HEADLINE not in records.scores:
        return ""
    run = _run(records, HEADLINE)
    config, chosen = run["config"], run["chosen"]
    frames, vision, memory_updates = (_total(run, *key) for key in (("collect", "frames"), ("vision", "updates"),
                                                                    ("memory", "updates")))  # fmt: skip
    hours = chosen["wall_seconds"] * chosen["cores"] / 3600
    search = config["controller"]
    rows = [
        ["frames to learn from", f"{ORIGINAL['frames']:,}", f"{frames:,}"],
        ["training of V", ORIGINAL["vision"], f"{vision * config['vae']['batch_size'] / frames:.1f} epochs"],
        ["training of M, updates", f"{ORIGINAL['memory']:,}", f"{memory_updates:,}"],
        ["candidates × tracks", f"{ORIGINAL['population']} × {ORIGINAL['tracks']}",
         f"{search['population']} × {search['tracks']}"],
        ["generations", f"{ORIGINAL['generations']:,}", f"{chosen['generation']:,}"],
        ["steps driven, millions", f"{ORIGINAL['million_steps']:,}", f"{chosen['env_steps'] / 1e6:.1f}"],
        ["core-hours of search", _hours(LEARNING_CURVE[-1][-1] * CORES), _hours(hours)],
    ]  # fmt: skip
    caption = (
        "What the original's agent {cite:p}`ha2018code` and ours were made with, the latter at the scale "
        f"*{run['scale']}* of our code. An epoch is one pass through all frames; the search is counted up to the "
        "generation that was chosen."
    )
    return _table("tab-budget", caption, ["", "original", "here"], rows)


def cost(records: Records) -> str:
    """How long the main arm's run took, part by part."""
    if HEADLINE not in records.scores:
        return ""
    run = _run(records, HEADLINE)
    parts = ("collect", "vision", "encode", "memory", "controller")
    minutes = {part: _total(run, part, "seconds") / 60 for part in parts}
    return (
        f"On {run['chosen']['cores']} cores, collecting frames took {_minutes(minutes['collect'])}, V "
        f"{_minutes(minutes['vision'])}, M {_minutes(minutes['encode'] + minutes['memory'])} and the search "
        f"{_minutes(minutes['controller'])}."
    )


def renderer(records: Records) -> str:
    """What the same tracks give with our simulator's pictures."""
    ours = records.scores.get(HEADLINE, {}).get("wmlib_renderer")
    return f"With our own pictures the same tracks give {ours['mean']:.0f} ± {ours['std']:.0f}." if ours else ""


def speed(records: Records) -> str:
    """Table of core-hours until the search's mean solution first passed each level, arm by arm and the authors'."""
    rows = []
    for arm in records.scores:
        curve = records.curve(arm)
        if curve:
            rows.append([look(arm).label, *(_hours(_reached(curve, level)) for level in LEVELS)])
    if not rows:
        return ""
    validated = [(score, hours * CORES) for _, _, score, hours in LEARNING_CURVE if score is not None]
    first = validated[0][1]
    cells = []
    for level in LEVELS:
        hours = next(hours for score, hours in validated if score >= level)
        cells.append(("≤ " if hours == first else "") + _hours(hours))
    rows.append([look("published").label, *cells])
    caption = (
        "How fast the policy is learnt: core-hours of search until the mean solution, driven on validation tracks, "
        "first reaches a return. The last row is from the authors' log, whose first validation came at generation "
        f"{next(row[0] for row in LEARNING_CURVE if row[2])} {{cite:p}}`ha2018code`; its cores are older ones."
    )
    return _table("tab-speed", caption, ["search", *map(str, LEVELS)], rows)


def memory(records: Records) -> str:
    """What M adds: the main arm against the same V with less to go by."""
    names = {"vae-z": "$z$ alone", "vae-z-hidden": "$z$ and a hidden layer", "vae-zh-untrained-m": "an untrained M"}
    parts = [difference(records, HEADLINE, arm, f"with {name}") for arm, name in names.items()]
    parts = [part for part in parts if part]
    return f"**What M adds.** On the same tracks, $z$ and $h$ together score {'; '.join(parts)}." if parts else ""


def adversarial(records: Records) -> str:
    """What VAE/GAN changed."""
    found = difference(records, ADVERSARIAL, HEADLINE, "with the VAE")
    if not found:
        return "No run with VAE/GAN is on record yet, so nothing is said here about what it changes."
    text = f"Measured on the same tracks, the driver with VAE/GAN scores {found}."
    curves = [records.curve(arm) for arm in (ADVERSARIAL, HEADLINE)]
    passed = [level for level in LEVELS if all(curve and _reached(curve, level) for curve in curves)]
    if passed:
        ours, plain = (_hours(_reached(curve, passed[-1])) for curve in curves)
        text += f" Its search first reaches {passed[-1]} after {ours} core-hours, that of the VAE after {plain}."
    return text


def runs(records: Records) -> str:
    """How many training runs stand behind the scores."""
    counts = sorted({score["over_seeds"]["runs"] for score in records.scores.values() if "over_seeds" in score})
    if not counts:
        return ""
    if counts == [1]:
        return (
            "Each score comes from one training run. Its interval says how well those weights drive, and not how much "
            "another seed would differ."
        )
    several = [
        f"{look(arm).label}: {over['mean']:.0f} over {over['runs']} runs ({over['ci95'][0]:.0f} to {over['ci95'][1]:.0f})"
        for arm, over in ((arm, score["over_seeds"]) for arm, score in records.scores.items() if "over_seeds" in score)
        if over["runs"] > 1
    ]
    return (
        "Each row shows one training run, where there are several the one that validation chose. The means over all "
        f"runs, with intervals over runs and tracks, are {'; '.join(several)}."
    )


def difference(records: Records, one: str, other: str, words: str) -> str:
    """Mean difference of two arms on the tracks both drove, with its interval; empty unless both ran at one scale."""
    if not {one, other} <= set(records.scores) or len({records.scores[arm].get("scale") for arm in (one, other)}) > 1:
        return ""
    ours, theirs = (_by_track(records, arm) for arm in (one, other))
    differences = [ours[track] - theirs[track] for track in sorted(set(ours) & set(theirs))]
    if not differences:
        return ""
    mean = sum(differences) / len(differences)
    low, high = bootstrap_interval(differences)
    chance = ", so it may be chance" if low <= 0 <= high else ""
    points = f"{abs(mean):.0f} points {'more' if mean > 0 else 'fewer'}"
    return f"{points} than {words} (95 % interval of the difference {low:+.0f} to {high:+.0f}{chance})"


def _by_track(records: Records, arm: str) -> dict[int, float]:
    wanted = (arm, "gymnasium", records.headline_seed(arm))
    rows = (row for row in records.evaluations if (row["arm"], row["renderer"], row["train_seed"]) == wanted)
    return {row["track_seed"]: row["return"] for row in rows}


def _run(records: Records, arm: str) -> dict:
    return records.runs[f"{arm}/seed{records.headline_seed(arm)}"]


def _total(run: dict, part: str, name: str) -> float:
    """Sum of a figure over the iterations of a stage."""
    return sum(stage.get(name, 0) for stage_name, stage in run["stages"].items() if stage_name.split("-")[0] == part)


def _reached(curve: dict, level: float) -> float | None:
    """Core-hours of search until a validated mean solution reached ``level``."""
    for score, seconds, cores in zip(curve["validation_mean"], curve["wall_seconds"], curve["cores"], strict=True):
        if score >= level:  # false where nothing was validated: NaN
            return seconds * cores / 3600
    return None


def _hours(hours: float | None) -> str:
    if hours is None:
        return "–"
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"


def _minutes(minutes: float) -> str:
    if minutes >= 120:
        return f"{minutes / 60:.1f} hours"
    return "a minute" if minutes < 1.5 else f"{minutes:.0f} minutes"


def _table(name: str, caption: str, header: list[str], rows: list[list[str]]) -> str:
    return f":::{{table}} {caption}\n:name: {name}\n\n{markdown_table(header, rows)}\n:::"


FINDINGS = {
    "headline": headline,
    "scores": scores,
    "budget": budget,
    "cost": cost,
    "renderer": renderer,
    "speed": speed,
    "memory": memory,
    "vaegan": adversarial,
    "runs": runs,
}


def finding(name: str, records: Records | None = None) -> str:
    """Markdown of a finding. Raises :class:`UserError` for an unknown name."""
    if name not in FINDINGS:
        raise UserError(f"no finding {name!r}; there are {', '.join(FINDINGS)}")
    return FINDINGS[name](records or Records())
