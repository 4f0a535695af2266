"""What the records say, as Markdown for the report: a sentence that depends on a result is chosen by that result.

Each function returns text, empty where there is nothing on record; :func:`finding` calls them by name.
"""

from __future__ import annotations

from wmbook.records.published import CORES, COUNTERPART, LEARNING_CURVE, ORIGINAL, SCORES
from wmbook.records.queries import (
    HEADLINE,
    main_arm,
    pair,
    reached,
    rehearsed,
    run_of,
    searched,
    stages_of,
)
from wmbook.records.records import Records
from wmbook.show.figures import ARMS, look
from wmbook.show.tables import descending, markdown_table
from wmlib.errors import UserError
from wmlib.stats import paired_difference

ADVERSARIAL = "vaegan-zh"
LEVELS = (500, 700, 800, 850, 900)


def headline(records: Records) -> str:
    """The main arm's score and what its search cost, within a sentence."""
    arm = main_arm(records)
    if not arm:
        return "no result yet"
    score, (low, high) = records.scores[arm], records.scores[arm]["ci95"]
    return (
        f"{score['mean']:.0f} ± {score['std']:.0f} on {score['n']} unseen tracks (95 % interval of the mean "
        f"{low:.0f} to {high:.0f}) after {_hours(searched(run_of(records, arm))[1])} core-hours of search"
    )


def scores(records: Records) -> str:
    """Table of every arm beside the paper's answer to the same question."""
    if not records.scores:
        return ""
    rows = []
    for arm, score in sorted(records.scores.items(), key=lambda item: -item[1]["mean"]):
        paper = SCORES.get(COUNTERPART.get(arm.removesuffix("-quick"), ""))
        original = f"{paper['mean']} ± {paper['std']}" if paper else "–"
        low, high = score["ci95"]
        ours = f"{score['mean']:.0f} ± {score['std']:.0f}"
        solved = f"{100 * score['share_solved']:.0f} %"
        rows.append([look(arm).label, ours, f"{low:.0f} to {high:.0f}", solved, original])
    tracks = " or ".join(map(str, sorted({score["n"] for score in records.scores.values()})))
    caption = (
        f"Return on {tracks} test tracks of unmodified CarRacing-v3: mean ± standard deviation over tracks, "
        "95 % interval of the mean, share of tracks at 900 or more, and the original's score for the same question "
        "on CarRacing-v0 {cite:p}`ha2018worldmodels`."
    )
    return _table("tab-scores", caption, ["driver", "return", "95 % interval", "≥ 900", "original"], rows)


def budget(records: Records) -> str:
    """Table of what the main arm was made from, beside the original."""
    arm = main_arm(records)
    if not arm:
        return ""
    run = run_of(records, arm)
    config, chosen, search = run["config"], run["chosen"], run["config"]["controller"]
    frames = sum(stage["frames"] for stage in stages_of(run, "collect"))
    epochs = stages_of(run, "vision")[-1]["updates"] * config["vae"]["batch_size"] / frames
    doublings = (chosen["generation"] - 1) // (search.get("double_tracks_every") or chosen["generation"])
    last = search["tracks"] * 2**doublings
    tracks = f"{search['tracks']}" + (f" to {last}" if doublings else "")
    steps, hours = searched(run)
    rows = [
        ["frames to learn from", f"{ORIGINAL['frames']:,}", f"{frames:,}"],
        ["training of V", ORIGINAL["vision"], f"{epochs:.1f} epochs"],
        ["training of M, updates", f"{ORIGINAL['memory']:,}", f"{stages_of(run, 'memory')[-1]['updates']:,}"],
        ["candidates × tracks", "{population} × {tracks}".format(**ORIGINAL), f"{search['population']} × {tracks}"],
        ["generations", f"{ORIGINAL['generations']:,}", f"{chosen['generation']:,}"],
        ["steps of search, millions", f"{ORIGINAL['million_steps']:,}", f"{steps / 1e6:,.1f}"],
        ["core-hours of search", _hours(LEARNING_CURVE[-1][-1] * CORES), _hours(hours)],
    ]
    rehearsal = " and its rehearsal" if config["iterations"] > 1 else ""
    caption = (
        "What the original's agent {cite:p}`ha2018code` and ours were made with, the latter at the scale "
        f"*{run['scale']}* of our code. An epoch is one pass through all frames. The search{rehearsal} is counted up "
        "to the generation that was chosen."
    )
    return _table("tab-budget", caption, ["", "original", "here"], rows)


def cost(records: Records) -> str:
    """How long the main arm's run took, part by part."""
    arm = main_arm(records)
    if not arm:
        return ""
    run = run_of(records, arm)
    parts = ("collect", "vision", "encode", "memory", "controller")
    minutes = {part: sum(stage["seconds"] for stage in stages_of(run, part)) / 60 for part in parts}
    return (
        f"On {run['chosen']['cores']} cores, collecting frames took {_minutes(minutes['collect'])}, V "
        f"{_minutes(minutes['vision'])}, M {_minutes(minutes['encode'] + minutes['memory'])} and the search "
        f"{_minutes(minutes['controller'])}."
    )


def data(records: Records) -> str:
    """Who drives while V's and M's frames are collected."""
    text = (
        "V and M learn from a random driver who holds a course for a while, since independent random actions cancel "
        "out."
    )
    if rehearsed(records):
        text += (
            " A short run of all stages comes first. Its controller then drives, with noise, to where a random driver "
            "never gets, and V and M learn anew from the frames of both."
        )
    return text


def horizon(records: Records) -> str:
    """What V and M never saw."""
    if rehearsed(records):
        return "V and M learn from what their own drivers see, and know little of places where those never get."
    return "V and M learn from what a random driver sees, and know little of places where such a driver never gets."


def renderer(records: Records) -> str:
    """What the same tracks give with our simulator's pictures."""
    ours = records.scores.get(main_arm(records), {}).get("wmlib_renderer")
    return f"With our own pictures the same tracks give {ours['mean']:.0f} ± {ours['std']:.0f}." if ours else ""


def speed(records: Records) -> str:
    """Table of core-hours until the search's mean solution first passed each level, arm by arm and the authors'."""
    rows = []
    for arm in sorted(records.scores, key=rank):
        curve = records.curve(arm)
        if curve:
            rows.append([look(arm).label, *(_hours(reached(curve, level)) for level in LEVELS)])
    if not rows:
        return ""
    validated = [(score, hours * CORES) for _, _, score, hours in LEARNING_CURVE if score is not None]
    first = validated[0][1]
    cells = []
    for level in LEVELS:
        hours = next(hours for score, hours in validated if score >= level)
        cells.append(("≤ " if hours == first else "") + _hours(hours))
    rows.append([look("published").label, *cells])
    generation = next(row[0] for row in LEARNING_CURVE if row[2])
    caption = (
        "How fast the policy is learnt: core-hours of the last search until its mean solution, driven on validation "
        "tracks, first reaches a return. The last row is from the authors' log, whose first validation came at "
        f"generation {generation} {{cite:p}}`ha2018code`; its cores are older ones."
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
    arms = pair(records, ADVERSARIAL, HEADLINE)
    text = f"Measured on the same tracks, the driver with VAE/GAN scores {found}."
    means = [[run["mean"] for run in records.scores[arm].get("train_seeds", {}).values()] for arm in arms]
    if min(map(len, means)) > 1:
        several = (descending(each, ".0f") for each in means)
        text += " Its runs score {}, those with the VAE {}.".format(*several)
    curves = [records.curve(arm) for arm in arms]
    passed = [level for level in LEVELS if all(curve and reached(curve, level) for curve in curves)]
    if passed:
        ours, plain = (_hours(reached(curve, passed[-1])) for curve in curves)
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
    several = []
    for arm, score in records.scores.items():
        over = score.get("over_seeds", {"runs": 1})
        if over["runs"] > 1:
            low, high = over["ci95"]
            several.append(f"{look(arm).label}: {over['mean']:.0f} over {over['runs']} runs ({low:.0f} to {high:.0f})")
    return (
        "Each row shows one training run, where there are several the one that validation chose. The means over all "
        f"runs, with intervals over runs and tracks, are {'; '.join(several)}."
    )


def difference(records: Records, one: str, other: str, words: str) -> str:
    """Mean difference of two arms, over all their training runs on the tracks they share, with its interval; empty
    unless both ran at one scale."""
    ours, theirs = (records.returns_by_run(arm) for arm in pair(records, one, other) or ("", ""))
    if not ours.size or ours.shape[-1] != theirs.shape[-1]:
        return ""
    found = paired_difference(ours, theirs)
    mean, (low, high) = found["mean"], found["ci95"]
    chance = ", so it may be chance" if low <= 0 <= high else ""
    digits = 0 if min(abs(mean), abs(low), abs(high)) >= 1 else 1  # no bound rounds to zero
    size = f"{abs(mean):.{digits}f}"
    points = f"{size} point{'s' * (size != '1')} {'more' if mean > 0 else 'fewer'}"
    return f"{points} than {words} (95 % interval of the difference {low:+.{digits}f} to {high:+.{digits}f}{chance})"


def rank(arm: str) -> tuple:
    """Arms in the order of the house style; others follow."""
    names = list(ARMS)
    return (names.index(arm) if arm in names else len(names), arm)


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
    "data": data,
    "horizon": horizon,
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
