"""The report as a page of the book, and its PDF beside the pages.

``{measured}`FAMILY:WHAT``` prints a number that :mod:`wmbook.show.claims` computes from the records, the directive
``{record-table}`` one of :mod:`wmbook.show.report_tables`. The paper takes them from the same place.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from wmbook.press.paper import build
from wmbook.show.claims import measured
from wmbook.show.report_tables import record_table

RESULTS = Path(__file__).resolve().parent.parent / "results"


def note_records(env) -> None:
    """Pages with such numbers are written anew when a record changes."""
    for path in sorted([*RESULTS.glob("*.json"), *RESULTS.glob("*.csv")]):
        env.note_dependency(str(path))


class MeasuredRole(SphinxRole):
    """A number within a sentence."""

    def run(self):
        note_records(self.env)
        return [nodes.Text(measured(self.text).text)], []


class RecordTable(SphinxDirective):
    """A table made from the records; nothing where there is no record."""

    required_arguments = 1

    def run(self):
        note_records(self.env)
        container = nodes.Element()
        lines = StringList(record_table(self.arguments[0]).splitlines(), self.env.docname)
        self.state.nested_parse(lines, self.content_offset, container)
        return container.children


def add_paper(app: Sphinx, error: Exception | None) -> None:
    """Set the PDF where the front page links to it."""
    if error is None and app.builder.format == "html":
        build(Path(app.outdir) / "report.pdf")


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_role("measured", MeasuredRole())
    app.add_directive("record-table", RecordTable)
    app.connect("build-finished", add_paper)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
