"""Fills the page on the library with every module of wmlib while the book is built, so that none is ever missing."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

PACKAGE = Path(__file__).resolve().parent.parent.parent / "wmlib"
ORDER = (".", "config", "runs", "models", "search", "data", "envs", "rollout", "stages", "watch")  # others follow
PLACE = "<!-- modules -->"


def modules_markdown(package: Path = PACKAGE) -> str:
    """A heading and an ``automodule`` for each public module, sub-package by sub-package in the order of imports."""
    lines = []
    packages = {path.parent.name for path in package.glob("*/__init__.py")}
    for group in (*ORDER, *sorted(packages - set(ORDER))):
        files = sorted(path for path in (package / group).glob("*.py") if not path.name.startswith("_"))
        if files:
            lines += [f"## `{'wmlib' if group == '.' else 'wmlib.' + group}`", ""]
        for path in files:
            name = ".".join(["wmlib", *path.relative_to(package).with_suffix("").parts])
            lines += [f"### `{name}`", "", "```{eval-rst}", f".. automodule:: {name}", "```", ""]
    return "\n".join(lines)


def fill(app: Sphinx, document: str, source: list[str]) -> None:
    """Put the modules where the page says so."""
    if document.endswith("reference/api"):
        source[0] = source[0].replace(PLACE, modules_markdown())


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
