"""The report's text: its numbers are traced, its figures are those that the records give."""

import re
from pathlib import Path

import pytest

from wmlib.config import FRAME_SHAPE, LATENT_SIZE, Config, ControllerConfig
from wmlib.models.controller import parameter_count
from wmlib.report.markup import parse
from wmlib.report.stats import SOLVED

BOOK = Path(__file__).resolve().parents[2] / "book"
NUMBER = re.compile(r"(?<![\w.,-])\d[\d.,]*(?<![.,])")
# Sizes that the code fixes, and the level of every interval.
SIZES = {
    str(LATENT_SIZE),
    str(FRAME_SHAPE[0]),
    f"{FRAME_SHAPE[0] * FRAME_SHAPE[1] * FRAME_SHAPE[2]:,}",
    str(Config().memory.hidden_size),
    str(parameter_count(ControllerConfig())),
    f"{SOLVED:.0f}",
    "95",
    "2018",  # the year of the work that is retold
}


def sentences(nodes):
    """Plain text of each sentence, with § in place of a citation; formulas and looked-up numbers are left out."""
    for node in nodes:
        if node.type in ("fence", "colon_fence"):
            name, _, argument = node.info.partition(" ")
            content = re.sub(r"^:[\w-]+:.*\n", "", node.content, flags=re.MULTILINE)
            if "table" in name:  # the rows of a table have the citation of its caption
                yield "§ " * ("{cite" in argument) + re.sub(r"\{.*?\}`.*?`", "", argument + content)
            elif "figure" in name:
                yield from sentences(parse(content).children)
        elif node.type == "inline":
            parts = {"text": lambda n: n.content, "softbreak": lambda n: " ", "code_inline": lambda n: "code"}
            roles = {"myst_role": lambda n: " §" if n.meta["name"].startswith("cite") else ""}
            known = parts | roles
            text = "".join(known[n.type](n) for n in node.walk() if n.type in known)
            yield from re.split(r"(?<=[.:?!])\s+(?=[A-Z])", text)
        else:
            yield from sentences(node.children)


def untraced(text: str) -> list[str]:
    return [
        f"{number}: {sentence}"
        for sentence in sentences(parse(text).children)
        if "§" not in sentence
        for number in NUMBER.findall(sentence)
        if number not in SIZES
    ]


def test_every_number_is_looked_up_cited_or_a_size_of_the_code():
    assert untraced((BOOK / "report.md").read_text(encoding="utf-8")) == []


def test_a_number_without_a_source_is_found():
    assert untraced("We reach 912 points.\n") == ["912: We reach 912 points."]
    assert untraced("Others reach 912 {cite:p}`a`. With $\\tau = 3$ we see 32 numbers, {result}`a.b`, in v3.\n") == []
    assert untraced("```{figure} a.svg\n:width: 490px\n\nIt has 7 parts.\n```\n") == ["7: It has 7 parts."]
    assert untraced(":::{table} Rows {cite:p}`a`.\n\n| a |\n| :-- |\n| 17 |\n:::\n") == []
    assert untraced(":::{table} Rows.\n\n| a |\n| :-- |\n| 17 |\n:::\n") == ["17: Rows.\n| a |\n| :-- |\n| 17 |\n"]


def test_figures_are_those_of_the_records(tmp_path):
    """The film strip is left out: a decoder may round otherwise elsewhere."""
    pytest.importorskip("matplotlib").use("Agg")
    from wmlib.report.paper_figures import write

    for file in write(tmp_path):
        if file.stem != "report-strip":
            assert file.read_bytes() == (BOOK / "figures" / file.name).read_bytes(), f"{file.name}: run make report"
