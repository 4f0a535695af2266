"""The report's tables: every arm's score, what the main arm was made from, and players that learnt in dreams."""

from __future__ import annotations

from wmbook.records.published import CORES, COUNTERPART, LEARNING_CURVE, ORIGINAL, SCORES
from wmbook.records.queries import main_arm, run_of, searched, stages_of
from wmbook.records.records import Records
from wmbook.show import temperatures
from wmbook.show.figures import look
from wmbook.show.tables import markdown_table
from wmlib.errors import UserError
from wmlib.stats import SOLVED


def scores(records: Records) -> str:
    """Table of every arm beside the paper's answer to the same question."""
    if not records.scores:
        return ""
    rows = []
    for arm, score in sorted(records.scores.items(), key=lambda item: -item[1]["over_seeds"]["mean"]):
        paper, over = SCORES.get(COUNTERPART.get(arm, "")), score["over_seeds"]
        original = f"{paper['mean']} ± {paper['std']}" if paper else "–"
        low, high = over["ci95"]
        returns = records.returns_by_run(arm)
        ours = f"{over['mean']:.0f} ± {returns.std(ddof=1):.0f}"
        solved = f"{100 * (returns >= SOLVED).mean():.0f} %"
        rows.append([look(arm).label, f"{over['runs']}", ours, f"{low:.0f} to {high:.0f}", solved, original])
    tracks = " or ".join(map(str, sorted({score["n"] for score in records.scores.values()})))
    caption = (
        f"Return on {tracks} test tracks of unmodified CarRacing-v3, over all training runs: mean ± standard deviation "
        "over episodes, 95 % interval of the mean over runs and tracks, share of episodes at 900 or more, and the "
        "original's score for the same question on CarRacing-v0 {cite:p}`ha2018worldmodels`."
    )
    return _table("tab-scores", caption, ["driver", "runs", "return", "95 % interval", "≥ 900", "original"], rows)


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
    return _table("tab-budget", caption, ["effort", "original", "here"], rows)


def dreams(records: Records) -> str:
    """Table of players that learnt in dreams of different temperature, ours and the original's."""
    scores = Records(records.folder / "takecover").scores
    if not temperatures.arms(scores):
        return ""
    header, rows = temperatures.temperature_rows(scores)
    games = header.index("games")  # a column's width is dear here, and they are as many everywhere
    counts = " or ".join(sorted({row[games] for row in rows}))
    header = ["τ", "dream", "game", *header[3:]]
    header, *rows = ([cell for place, cell in enumerate(row) if place != games] for row in (header, *rows))
    caption = (
        "Doom: tics survived by players that learnt in dreams of different temperature, ours and the original's "
        f"{{cite:p}}`ha2018worldmodels`; ± is the standard deviation over {counts} games. "
        f"{temperatures.SOLVED:.0f} counts as solved."
    )
    return _table("tab-dreams", caption, header, rows)


def _hours(hours: float | None) -> str:
    if hours is None:
        return "–"
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"


def _table(name: str, caption: str, header: list[str], rows: list[list[str]]) -> str:
    return f":::{{table}} {caption}\n:name: {name}\n\n{markdown_table(header, rows)}\n:::"


TABLES = {"scores": scores, "budget": budget, "dreams": dreams}


def record_table(name: str, records: Records | None = None) -> str:
    """Markdown of a table, empty where nothing is on record. Raises :class:`UserError` for an unknown name."""
    if name not in TABLES:
        raise UserError(f"no table {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name](records or Records())
