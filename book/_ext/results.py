"""Numbers in the book's prose, taken from the committed records when the book is built; none is typed by hand.

``{result}`summary.arms.vae-zh.mean|.0f``` prints one value of ``book/results/summary.json`` in a Python format: the
first word names the JSON file, the others lead to the value. ``{setting}`full.vae.updates|,``` prints one value of a
preset. ``{results-table}`` prints every arm's score. A record that does not exist yet prints as a dash; a wrong path in
one that does is a warning, so that the build fails.
"""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.logging import getLogger

from wmbook.records.published import COUNTERPART, SCORES
from wmbook.records.values import MISSING, lookup, setting
from wmbook.show.figures import look

RESULTS = Path(__file__).resolve().parent.parent / "results"

logger = getLogger(__name__)


class ResultRole(SphinxRole):
    """One number of a record."""

    look_up = staticmethod(lookup)

    def run(self):
        self.env.note_dependency(str(RESULTS / f"{self.text.split('.')[0]}.json"))
        try:
            return [nodes.Text(self.look_up(self.text))], []
        except (KeyError, ValueError, TypeError) as error:
            logger.warning("%s %r: %s", self.name, self.text, error, location=self.get_location())
            return [nodes.Text("?")], []


class SettingRole(ResultRole):
    """One value of a preset."""

    look_up = staticmethod(setting)


class ResultsTable(SphinxDirective):
    """Every arm's score on the test tracks beside the paper's; ``:arms:`` chooses and orders them."""

    option_spec = {"arms": directives.unchanged}  # noqa: RUF012

    def run(self):
        file = RESULTS / "summary.json"
        self.env.note_dependency(str(file))
        arms = json.loads(file.read_text(encoding="utf-8"))["arms"] if file.exists() else {}
        chosen = self.options.get("arms", "").split() or sorted(arms, key=lambda arm: -arms[arm]["mean"])
        rows = [["Driver", "Training runs", "Return, mean over runs", "95 % interval", "The paper's"]]
        for name in (name for name in chosen if name in arms):
            over, paper = arms[name]["over_seeds"], SCORES.get(COUNTERPART.get(name, ""))
            low, high = over["ci95"]
            original = f"{paper['mean']} ± {paper['std']}" if paper else MISSING
            score, interval = f"{over['mean']:.0f}", f"{low:.0f} to {high:.0f}"
            rows.append([look(name).label, str(over["runs"]), score, interval, original])
        if len(rows) == 1:
            return [nodes.paragraph(text="No run has been reported yet: see the page on reproducing.")]
        return [table(rows)]


def table(rows: list[list[str]]) -> nodes.table:
    """A docutils table whose first row is the head."""
    group = nodes.tgroup(cols=len(rows[0]))
    group += [nodes.colspec(colwidth=1) for _ in rows[0]]
    head, body = nodes.thead(), nodes.tbody()
    for index, row in enumerate(rows):
        line = nodes.row()
        line += [nodes.entry("", nodes.paragraph(text=cell)) for cell in row]
        (body if index else head).append(line)
    group += [head, body]
    whole = nodes.table(classes=["results"])
    whole += group
    return whole


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_role("result", ResultRole())
    app.add_role("setting", SettingRole())
    app.add_directive("results-table", ResultsTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
