"""Last touches to pages: pictures keep their place while they load, figures are numbered page by page, nothing asks
for a notebook server, and settings are described in whole sentences.

Each ``<img>`` gets its file's width and height, from which a browser knows the shape before the picture is there.
Each formula gets about the room it will take, for the time until MathJax has set it; book.css uses it. No line begins
with the comma after a formula, and numbers in tables have a minus, not a hyphen.
Sphinx counts the figures, tables and equations of all pages that are no numbered chapters in one row. Here each such
page begins at 1, so that the report's page and its PDF call everything by the same number.

Jupyter Book always loads sphinx-thebe, which puts a server's address on each page and declares it twice, an error in
the browser's console; it is switched off.

Napoleon takes what stands before a colon in an attribute's docstring for its type. Ours are sentences, which may have
colons; an empty comment before them keeps them whole.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import imagesize
from sphinx.application import Sphinx

IMAGE = re.compile(r'<img(?![^>]*\swidth=)[^>]*\ssrc="[^"]*?_images/([^"/]+)"[^>]*?(?=\s*/?>)')

FORMULA = re.compile(r'<(span|div) class="math notranslate nohighlight"([^>]*)>(.*?)</\1>([,.;:!?)]?)', re.DOTALL)
CELL = re.compile(r"<td\b.*?</td>", re.DOTALL)
HYPHEN = re.compile(r"(<code\b.*?</code>|<[^>]*>)|(?<![\w.)-])-(?=\d)", re.DOTALL)  # before a number, in no tag or code
# What a formula draws nothing for; what it draws in the place of a command
UNDRAWN = (
    "mathrm mathcal mathbb mathbf text operatorname boldsymbol left right big Big bigl bigr Bigl Bigr bigg Bigg hat "
    "tilde bar frac tfrac dfrac underbrace limits displaystyle"
).split()
DRAWN = {"log": "log", "exp": "exp", "max": "max", "min": "min", "quad": "mm", "qquad": "mmmm"}
DRAWN |= dict.fromkeys("le ge to sim approx in times cdot pm propto ll gg neq mapsto mid".split(), "=")
TALL = re.compile(r"\\(?:d?frac|sum|int|prod|underbrace)(?![a-zA-Z])")
# Widths in em, fitted to what MathJax draws: of a kind of letter, and what is left of it in an index
WIDTHS = (("=+<>-", 1.3), (",;:'|().[]!/ijltr", 0.46), ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1.15))
LETTER, SMALL = 0.74, 0.62
INDEX = re.compile(r"[_^](\{(?:[^{}]|\{[^{}]*\})*\}|\S)")


def width(formula: str) -> float:
    """About how wide a formula in a line of text will be, in em."""
    formula = re.sub(r"\\(?:begin|end)\{\w+\}|\\[,;:! ]", "", formula)
    formula = re.sub(r"\\([a-zA-Z]+)", lambda m: "" if m[1] in UNDRAWN else DRAWN.get(m[1], "m"), formula)
    formula = re.sub(r"[\s\\&]", "", formula)
    small = "".join(INDEX.findall(formula))
    line, small = (
        sum(next((w for kind, w in WIDTHS if letter in kind), LETTER) for letter in text if letter not in "{}")
        for text in (INDEX.sub("", formula), small)
    )
    return line + SMALL * small


def height(formula: str) -> float:
    """About how high a formula on lines of its own will be, in em."""
    return sum(3.4 if TALL.search(row) else 1.75 for row in re.split(r"\\\\(?!\w)", formula))


def with_room(html: str) -> str:
    """``html`` with the room each formula will take, in em: its width in a line, its height on lines of its own."""

    def tag(match: re.Match) -> str:
        kind, attributes, inside, after = match.groups()
        formula = unescape(re.sub(r"<[^>]*>|\\[()\[\]]", "", inside))
        size = height(formula) if kind == "div" else width(formula)
        opening = f'<{kind} class="math notranslate nohighlight" style="--room: {size:.2f}"{attributes}>'
        return f"{opening}{inside}</{kind}>{after and '&#8288;'}{after}"

    return FORMULA.sub(tag, html)


def with_minus(html: str) -> str:
    """``html`` with a minus before each negative number in a table's cells; code stays as it is."""
    return CELL.sub(lambda cell: HYPHEN.sub(lambda match: match[1] or "\N{MINUS SIGN}", cell[0]), html)


def with_sizes(html: str, files: dict[str, Path]) -> str:
    """``html`` with a size on each picture of ``_images/`` whose file is known and tells one."""

    def tag(match: re.Match) -> str:
        width, height = imagesize.get(files[match[1]]) if match[1] in files else (-1, -1)
        return match[0] + (f' width="{width:.0f}" height="{height:.0f}"' if min(width, height) > 0 else "")

    return IMAGE.sub(tag, html)


def keep_places(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Size the pictures and the formulas of one page."""
    if context.get("body"):
        files = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}
        context["body"] = with_minus(with_room(with_sizes(context["body"], files)))


def number_by_page(app: Sphinx, env) -> None:
    """Begin at 1 on each page whose numbers have no chapter before them."""
    for kinds in env.toc_fignumbers.values():
        for kind, numbers in kinds.items():
            if all(len(number) == 1 for number in numbers.values()):
                kinds[kind] = {name: (place,) for place, name in enumerate(numbers, 1)}


def without_notebook_server(app: Sphinx, config) -> None:
    """Take away what sphinx-thebe would do to the pages."""
    for event in ("env-before-read-docs", "doctree-resolved"):
        for listener in list(app.events.listeners[event]):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)


def whole_sentences(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep an attribute's docstring from being read as ``type: description``."""
    if what == "attribute" and lines:
        lines[:0] = ["..", ""]


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", whole_sentences, priority=1)  # before Napoleon
    app.connect("env-check-consistency", number_by_page)  # the first event after the numbers are given
    app.connect("config-inited", without_notebook_server)
    app.connect("html-page-context", keep_places)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
