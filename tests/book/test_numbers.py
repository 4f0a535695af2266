"""Every number in the book's text is looked up, cited, set by the code beside it, or listed with its source.

Most numbers come through roles, tables and cells that read the records; those never appear in a source text. What is
left is checked here: a number in a sentence must be cited there, be a size that the code fixes, be literally in the
same notebook's code, or belong to a phrase in ``numbers.toml``, whose source is checked in turn. A score, a time or a
factor that someone types finds no such excuse.
"""

import importlib.util
import json
import math
import re
import tomllib
from functools import cache
from pathlib import Path

import nbformat
import pytest
from gymnasium.envs.box2d import car_racing

from wmbook.bench import dreaming, projection, rollout, simulator
from wmbook.press.markup import parse
from wmbook.records import published
from wmlib import stats
from wmlib.config import FRAME_SHAPE, LATENT_SIZE, MAX_STEPS, SCALES, Config, ControllerConfig
from wmlib.models import controller, mdnrnn, vae
from wmlib.seeds import TRACK_SEEDS
from wmlib.simulator import STEP_COST, lens
from wmlib.simulator.simulator import LAP

ROOT = Path(__file__).resolve().parents[2]
GENERATED = {"cli.md", "config.md"}  # written from the code, compared with it by test_reference.py
LISTED = tomllib.loads((Path(__file__).parent / "numbers.toml").read_text(encoding="utf-8"))
ANYWHERE = "*"

# A number with what makes it a measured one: a unit of time, of size, of comparison.
UNITS = (
    r"%|×(?!\s?\d)|-fold\b|[kMG]?B\b|[mµn]?s\b|times\b|points?\b|nats?\b|core-hours?\b|days?\b|hours?\b|minutes?\b"
    r"|seconds?\b|(?:steps|images|tokens|frames)/s\b"
)
NUMBER = re.compile(rf"(?<![\w.,])(\d[\d.,]*(?<![.,]))(\s?(?:{UNITS}))?")
COUNT = re.compile(r"\d|10|(?:19|20)\d\d")  # small counts and years, where no unit follows
SIZES = {
    str(LATENT_SIZE),
    str(FRAME_SHAPE[0]),
    f"{math.prod(FRAME_SHAPE):,}",
    str(Config().memory.hidden_size),
    str(controller.parameter_count(ControllerConfig())),
    f"{stats.SOLVED:.0f}",
}

# --- sources ---------------------------------------------------------------------------------------------------------


@cache
def names() -> dict:
    """What a listed phrase may be computed from: ``numbers.toml`` writes it as a format string."""
    driver = controller.parameter_count(ControllerConfig())
    analysis = json.loads((ROOT / "book" / "results" / "analysis.json").read_text(encoding="utf-8"))
    tiles = [track["tiles"] for arm in analysis.values() for track in arm["tracks"]]
    doom = Config.preset("full").override(["task=takecover"])
    player = controller.parameter_count(doom.controller, doom.memory.hidden_size, doom.numbers.latent_size, 1)
    hours = published.SEARCH_LOG[-1].hours
    products = {"image": 3 * picture_products(), "token": 3 * memory_products(), "dream": memory_products()}
    return {
        **{scale: Config.preset(scale) for scale in SCALES},
        **{name: getattr(published, name) for name in ("SCORES", "OTHERS", "SEARCH_LOG", "CORES", "ORIGINAL")},
        "EPISODES": published.EPISODES_PER_GENERATION,
        "DAYS": hours / 24,
        "ORIGINAL_SPEED": 1e6 * published.ORIGINAL["million_steps"] / (3600 * hours * published.CORES),
        "FPS": car_racing.FPS,
        "WINDOW": (car_racing.WINDOW_W, car_racing.WINDOW_H),
        "OBSERVATION": lens.OBSERVATION,
        "CROP": lens.CROP,
        "STEP_COST": STEP_COST,
        "MAX_STEPS": MAX_STEPS,
        "TILES": 100 * round(sum(tiles) / len(tiles) / 100),
        "FIRST": {purpose: seeds[0] for purpose, seeds in TRACK_SEEDS.items()},
        "LAST": {purpose: seeds[-1] for purpose, seeds in TRACK_SEEDS.items()},
        "PLAYER": player,
        "DOOM": doom,
        "TAKE_COVER": doom.numbers,
        "V": vae.PARAMETERS,
        "M": mdnrnn.PARAMETERS,
        "MILLIONS": vae.PARAMETERS / 1e6,
        "UNREWARDED": 100 * (1 - driver / (vae.PARAMETERS + mdnrnn.PARAMETERS + driver)),
        "SEEN": LATENT_SIZE + Config().memory.hidden_size,
        "NAT": 1 / math.log(2),
        "SOLVED": stats.SOLVED,
        "LAP": 100 * LAP,
        "RESAMPLES": stats.RESAMPLES,
        "BENCH": {"simulator": simulator.EPISODE, "rollout": rollout.EPISODE, "dreams": dreaming.LANES},
        "CORES_PROJECTED": projection.CORES,
        "PRODUCTS": {name: work / 1e6 for name, work in products.items()},
        "BOUND": {name: two_digits(2 * 16 * 3.5e9 / work) for name, work in products.items()},
    }


def two_digits(value: float) -> int:
    return int(float(f"{value:.1e}"))


def picture_products() -> int:
    """Multiply-adds of one frame through V: four convolutions, two dense layers and a half, four transposed ones."""
    down = ((3, 32, 4, 31), (32, 64, 4, 14), (64, 128, 4, 6), (128, 256, 4, 2))  # channels, kernel, size of the output
    up = ((1024, 128, 5, 1), (128, 64, 5, 5), (64, 32, 6, 13), (32, 3, 6, 30))  # the same, size of the input
    return sum(i * o * k * k * n * n for i, o, k, n in (*down, *up)) + 3 * 1024 * LATENT_SIZE


def memory_products() -> int:
    """Multiply-adds of one step of M: the LSTM's four gates, the mixture, the reward and the end."""
    size = Config().memory.hidden_size
    return size * 4 * (LATENT_SIZE + 3 + size) + size * (3 * 5 * LATENT_SIZE + 2)


def source_fault(phrase: str, source: str) -> str:
    """What is wrong with a listed phrase's source; empty if it holds."""
    if "{" in source:
        found = source.format(**names())
        return "" if found == phrase else f"computed now: {found!r}"
    if source.startswith("in "):
        name = source.removeprefix("in ")
        file = ROOT / name if "/" in name or (ROOT / name).exists() else Path(importlib.util.find_spec(name).origin)
        numbers = {plain(number) for number in re.findall(r"\d[\d.,_]*(?<![.,])", file.read_text(encoding="utf-8"))}
        missing = [number for number, _ in NUMBER.findall(phrase) if plain(number) not in numbers]
        return f"{name} does not have {', '.join(missing)}" if missing else ""
    if source.startswith("given: "):
        return ""
    keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    return "" if re.split(r"[,: ]", source)[0] in keys else "neither computed, nor in a file, nor in references.bib"


def plain(number: str) -> str:
    return number.replace(",", "").replace("_", "")


# --- texts -----------------------------------------------------------------------------------------------------------


@cache
def texts() -> dict[str, tuple[str, str]]:
    """Of each page its Markdown, and the code beside it."""
    found = {}
    for path in (ROOT / "README.md", *(ROOT / "book").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")):
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            kinds = ("markdown", "code")
            found[path.name] = tuple("\n\n".join(c.source for c in cells if c.cell_type == kind) for kind in kinds)
        elif path.name not in GENERATED and "results" not in path.parts:
            text = path.read_text(encoding="utf-8")
            found[path.name] = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL), ""
    return found


def sentences(nodes):
    """Plain text of each sentence and table cell, with § for a citation; no headings, formulas, code, links, roles."""
    for node in nodes:
        if node.type in ("fence", "colon_fence"):
            name, _, argument = node.info.partition(" ")
            content = re.sub(r"^:[\w-]+:.*\n", "", node.content, flags=re.MULTILINE)
            if "table" in name:  # the rows of a table have the citation of its caption
                yield "§ " * ("{cite" in argument) + re.sub(r"\{.*?\}`.*?`", "", argument + content)
            elif any(word in name for word in ("figure", "grid", "glossary", "note", "dropdown", "admonition")):
                yield from sentences(parse(content).children)
            elif "raw" in name:
                yield from re.findall(r">([^<>]+)<", content)
        elif node.type == "inline":
            yield from re.split(r"(?<=[.:?!])\s+(?=[A-Z*])", inline_text(node))
        elif node.type != "heading":
            yield from sentences(node.children)


def inline_text(node) -> str:
    if node.type == "myst_role":
        return " §" if node.meta["name"].startswith("cite") else ""
    known = {"text": node.content, "softbreak": " ", "code_inline": "code", "link": "link", "image": ""}
    return known[node.type] if node.type in known else "".join(map(inline_text, node.children))


def untraced(text: str, code: str = "", phrases: tuple[str, ...] = ()) -> list[str]:
    """``number: sentence`` for each number without a source."""
    beside = {plain(number) for number in re.findall(r"\d[\d._]*(?<!\.)", code)}
    listed = re.compile("|".join(rf"(?<![\w.,]){re.escape(p)}(?!\w|[.,]\d)" for p in sorted(phrases, key=len)[::-1]))
    faults = []
    for sentence in sentences(parse(text).children):
        left = listed.sub("", sentence) if phrases else sentence
        for number, unit in NUMBER.findall(left):
            excused = number in SIZES or not unit and (COUNT.fullmatch(number) or plain(number) in beside)
            if not excused and "§" not in sentence:
                faults.append(f"{number}{unit}: {sentence}")
    return faults


# --- tests -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", texts())
def test_every_number_has_a_source(page):
    phrases = (*LISTED[ANYWHERE], *LISTED.get(page, ()))
    assert untraced(*texts()[page], phrases) == []


@pytest.mark.parametrize("page", LISTED)
def test_every_listed_number_is_what_its_source_says(page):
    readers = texts().values() if page == ANYWHERE else [texts()[page]]
    said = " ".join(" ".join(text for text, _ in readers).split())
    for phrase, source in LISTED[page].items():
        assert source_fault(phrase, source) == "", phrase
        assert phrase in said, f"nobody says {phrase!r} any more: take it out of numbers.toml"


def test_a_number_without_a_source_is_found():
    assert untraced("We reach 912 points.\n") == ["912 points: We reach 912 points."]
    assert untraced("It takes 5 minutes.\n") == ["5 minutes: It takes 5 minutes."]
    assert untraced("It is 3 × faster, 64 × 64 pixels.\n") == ["3 ×: It is 3 × faster, 64 × 64 pixels."]
    assert untraced("Others reach 912 {cite:p}`a`. With $\\tau = 3$ we see 32 numbers, {result}`a.b`, in v3.\n") == []
    assert untraced("```{figure} a.svg\n:width: 490px\n\nIt has 17 parts.\n```\n") == ["17: It has 17 parts."]
    assert untraced(":::{table} Rows {cite:p}`a`.\n\n| a |\n| :-- |\n| 17 |\n:::\n") == []
    assert untraced(":::{table} Rows.\n\n| a |\n| :-- |\n| 17 |\n:::\n") == ["17: Rows.\n| a |\n| :-- |\n| 17 |\n"]
    assert untraced("| a |\n| :-- |\n| 17 |\n") == ["17: 17"]


def test_a_listed_number_excuses_only_its_phrase():
    assert untraced("All 906 ± 21, and 17.\n", phrases=("906 ± 21",)) == ["17: All 906 ± 21, and 17."]
    assert untraced("All 1906 ± 21.\n", phrases=("906 ± 21",)) != []
    assert untraced("We draw 5,000 times.\n", "draw(5000)") == ["5,000 times: We draw 5,000 times."]
    assert untraced("We take 5,000 futures.\n", "draw(5000)") == []


def test_a_wrong_source_is_found():
    assert source_fault("905 ± 21", "{SCORES[full world model: z and h][mean]} ± 21") == "computed now: '906 ± 21'"
    assert "does not have 912" in source_fault("912 steps", "in gymnasium.envs.box2d.car_racing")
    assert "neither" in source_fault("912", "someone said so")


def test_the_promised_half_hour_holds_on_record():
    """Two pages promise 30 minutes for `quick`: what the record says, and ten minutes for all around it."""
    runs = json.loads((ROOT / "book" / "results" / "runs.json").read_text(encoding="utf-8"))
    seconds = [run["total_seconds"] for name, run in runs.items() if name.startswith("vae-zh-quick/")]
    assert seconds and max(seconds) + 600 < 30 * 60
