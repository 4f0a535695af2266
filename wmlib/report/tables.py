"""Result tables as Markdown, computed from the records."""

from __future__ import annotations

from wmlib.report.figures import look
from wmlib.report.published import COUNTERPART, SCORES


def markdown_table(header: list[str], rows: list[list[str]], numeric_from: int = 1) -> str:
    """A Markdown table; columns from ``numeric_from`` on are right-aligned."""
    rule = [":--" if index < numeric_from else "--:" for index in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *rows])


def score_table(scores: dict[str, dict]) -> str:
    """Our arms beside the paper's rows: mean ± standard deviation, interval of the mean, share of tracks solved.

    Args:
        scores: arm to its entry of ``summary.json``.
    """
    header = ["driver", "return", "95 % interval of the mean", "tracks", "≥ 900", "paper"]
    rows = []
    for arm, score in sorted(scores.items(), key=lambda item: -item[1]["mean"]):
        paper = SCORES.get(COUNTERPART.get(arm, ""))
        rows.append(
            [
                look(arm).label,
                f"{score['mean']:.0f} ± {score['std']:.0f}",
                f"{score['ci95'][0]:.0f} to {score['ci95'][1]:.0f}",
                str(score["n"]),
                f"{100 * score['share_solved']:.0f} %",
                f"{paper['mean']} ± {paper['std']}" if paper else "",
            ]
        )
    return markdown_table(header, rows)


def published_table() -> str:
    """The paper's own table of CarRacing-v0 scores."""
    return markdown_table(
        ["method", "return over 100 tracks"], [[name, f"{s['mean']} ± {s['std']}"] for name, s in SCORES.items()]
    )
