"""The report as a paper: ``wmbook paper`` sets ``book/report.md`` as ``_build/report.pdf``.

One text, two outputs. Sphinx makes a page of the book of it; here the same file is written in Typst, a typesetter that
comes as a wheel and brings its own fonts. ``book/report.typ`` is the layout.
"""

from __future__ import annotations

import json
from pathlib import Path

from wmbook.press.markup import blocks, inline, parse
from wmbook.records.records import find_root
from wmlib.errors import UserError
from wmlib.runs import atomic_path

PAGES = 4  # of text; the references follow
LEADINGS = (48, 76)  # hundredths of an em between lines: as tight and as airy as it may get


def source(root: Path) -> str:
    """The whole paper in Typst: the layout applied to title, abstract (what stands before the first section), text."""
    title, *rest = parse((root / "book" / "report.md").read_text(encoding="utf-8")).children
    first = next(index for index, node in enumerate(rest) if node.type == "heading")
    return (
        '#import "/book/report.typ": formula, paper\n'
        f"#show: paper.with(title: [{inline(title)}], abstract: [{blocks(rest[:first]).strip()}])\n\n"
        f"{blocks(rest[first:])}"
    )


def build(output: Path | None = None, root: Path | None = None, format: str = "pdf") -> Path:
    """Set the paper so that its text ends on page four, with the lines as far apart as that allows.

    The same text and records give the same bytes: the fonts are Typst's own, and no date is written.

    Raises:
        UserError: Typst is not installed, or the text is too long or too short.
    """
    root = root or find_root()
    output = output or root / "_build" / "report.pdf"
    try:
        import typst
    except ImportError:
        raise UserError("the report needs typst: pip install 'wmlib[book]', or make setup") from None
    text = source(root).encode()

    def compiler(leading: int):
        inputs = {"leading": str(leading / 100)}
        return typst.Compiler(text, str(root), ignore_system_fonts=True, sys_inputs=inputs)

    def fits(leading: int) -> bool:
        return json.loads(compiler(leading).query("<end>", field="value", one=True)) <= PAGES

    tight, airy = LEADINGS
    if not fits(tight):
        raise UserError(f"book/report.md: the text is longer than {PAGES} pages; shorten it")
    if fits(airy):
        raise UserError(f"book/report.md: the text does not fill {PAGES} pages; lengthen it")
    while airy - tight > 1:
        middle = (tight + airy) // 2
        tight, airy = (middle, airy) if fits(middle) else (tight, middle)
    output.parent.mkdir(parents=True, exist_ok=True)
    options = {"pdf_standards": "ua-1"} if format == "pdf" else {"ppi": 110.0}  # UA: tagged, every picture described
    pages = compiler(tight).compile(text, format=format, **options)
    for number, page in enumerate(pages if isinstance(pages, list) else [pages], 1):
        path = output if format == "pdf" else output.with_name(f"{output.stem}-{number}.{format}")
        with atomic_path(path) as temporary:
            temporary.write_bytes(page)
    return output
