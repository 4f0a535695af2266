"""The library's own code on a page: what a chapter shows is what runs."""

from __future__ import annotations

import ast
import inspect
import textwrap


def source_of(*objects, docstring: bool = True) -> str:
    """Source text of functions, methods or classes, dedented, in the order given.

    Args:
        docstring: False leaves the objects' own docstrings out, where the surrounding text already says it.

    Raises:
        TypeError: an object has no Python source.
    """
    parts = []
    for item in objects:
        item = getattr(item, "py_func", item)  # what Numba compiled
        text = textwrap.dedent(inspect.getsource(item)).rstrip()
        parts.append(text if docstring else _without_docstring(text))
    return "\n\n\n".join(parts)


def show_source(*objects, docstring: bool = True):
    """The same as a Markdown code block, which Jupyter and the book both highlight."""
    from IPython.display import Markdown

    return Markdown(f"```python\n{source_of(*objects, docstring=docstring)}\n```")


def _without_docstring(text: str) -> str:
    node = ast.parse(text).body[0]
    first = node.body[0]
    if not (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    ):
        return text
    lines = text.splitlines()
    return "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :]).rstrip()
