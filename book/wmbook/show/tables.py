"""Result tables as Markdown, computed from the records."""

from __future__ import annotations

from wmbook.records.published import COUNTERPART, OTHERS, SCORES
from wmbook.show.figures import look


def markdown_table(header: list[str], rows: list[list[str]], numeric_from: int = 1) -> str:
    """A Markdown table; columns from ``numeric_from`` on are right-aligned."""
    rule = [":--" if index < numeric_from else "--:" for index in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *rows])


def published_table() -> str:
    """The paper's own table of CarRacing-v0 scores."""
    return markdown_table(
        ["method", "return over 100 tracks"], [[name, f"{s['mean']} ± {s['std']}"] for name, s in SCORES.items()]
    )


def arms_table(scores: dict[str, dict], runs: dict[str, dict]) -> str:
    """Every arm's headline run: score, its interval, what it was selected on, how it varies, and the paper's number.

    Args:
        scores: arm to its entry of ``summary.json``.
        runs: ``ARM/seedN`` to its entry of ``runs.json``.
    """
    header = ["driver", "return", "95 % interval", "tracks", "≥ 900", "all training runs", "chosen on", "paper"]
    rows = []
    for arm, score in sorted(scores.items(), key=lambda item: -item[1]["mean"]):
        chosen = runs.get(f"{arm}/seed{score['headline_seed']}", {}).get("chosen")
        paper = SCORES.get(COUNTERPART.get(arm, ""))
        each = [f"{run['mean']:.0f}" for run in score["train_seeds"].values()]
        rows.append(
            [
                look(arm).label,
                f"{score['mean']:.0f} ± {score['std']:.0f}",
                f"{score['ci95'][0]:.0f} to {score['ci95'][1]:.0f}",
                str(score["n"]),
                f"{100 * score['share_solved']:.0f} %",
                ", ".join(each),
                f"{chosen['validation_n']} validation tracks: {chosen['validation_mean']:.0f}" if chosen else "nothing",
                f"{paper['mean']} ± {paper['std']}" if paper else "",
            ]
        )
    return markdown_table(header, rows)


def others_table(ours: dict[str, dict]) -> str:
    """What others state for this task over 100 tracks, ours among them, best first; sources are citations.

    Args:
        ours: label to its entry of ``summary.json``, put in bold.
    """
    rows = [(mean, std, name, *rest) for name, (mean, std, *rest) in OTHERS.items()]
    rows += [(s["mean"], s["std"], name, "CarRacing-v0", "ha2018worldmodels", "") for name, s in SCORES.items()]
    table = [(mean, std, name, world, f"{{cite:t}}`{key}`", remark) for mean, std, name, world, key, remark in rows]
    for name, s in ours.items():
        interval = f"95 % interval {s['ci95'][0]:.0f} to {s['ci95'][1]:.0f}, {s['n']} tracks"
        table.append((s["mean"], s["std"], f"**{name}**", "CarRacing-v3", "this book", interval))
    table.sort(key=lambda row: -row[0])
    cells = [
        [name, world, source, remark, f"{mean:.0f} ± {std:.0f}"] for mean, std, name, world, source, remark in table
    ]
    return markdown_table(["driver", "environment", "source", "remark", "return"], cells, numeric_from=4)


def descending(values, spec: str = ".1f") -> str:
    """Numbers of several runs in one line, the highest first."""
    return ", ".join(format(float(value), spec) for value in sorted(values, reverse=True))
