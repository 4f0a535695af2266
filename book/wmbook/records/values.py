"""Numbers for prose, looked up where they were written: in the committed records, or in the presets."""

from __future__ import annotations

import json
import re
from pathlib import Path

from wmbook.records.records import find_root
from wmlib.config import SCALES, Config

MISSING = "–"
MINUS = "−"


def lookup(expression: str, folder: Path | None = None) -> str:
    """Text of ``file.key.key|format``: one value of a JSON file in ``book/results``.

    Raises:
        KeyError: the file exists but has no such value.
    """
    path, _, specification = expression.partition("|")
    name, *keys = path.strip().split(".")
    file = (folder or find_root() / "book" / "results") / f"{name}.json"
    if not file.exists():
        return MISSING
    value = json.loads(file.read_text(encoding="utf-8"))
    try:
        while keys:  # a name may have a point in it, as dream-tau-1.15 does
            length = next((n for n in range(1, len(keys) + 1) if ".".join(keys[:n]) in value), 1)
            name = ".".join(keys[:length])
            value, keys = value[int(name)] if isinstance(value, list) else value[name], keys[length:]
    except (KeyError, IndexError, TypeError, ValueError):
        raise KeyError(f"{file.name} has no {path.strip().partition('.')[2]}") from None
    return _printed(value, specification)


def setting(expression: str) -> str:
    """Text of ``scale.key.key|format``, from :mod:`wmlib.config`; ``full/takecover.key`` is another task's.

    Raises:
        KeyError: no such scale or key.
    """
    path, _, specification = expression.partition("|")
    scale, *keys = path.strip().split(".")
    scale, _, task = scale.partition("/")
    if scale not in SCALES:
        raise KeyError(f"no scale {scale}")
    value = Config.preset(scale).override([f"task={task}"] if task else [])
    for key in keys:
        if not hasattr(value, key):
            raise KeyError(f"no setting {'.'.join(keys)}")
        value = getattr(value, key)
    return _printed(value, specification)


def _printed(value, specification: str) -> str:
    """A value as text; a number has a minus, not a hyphen, and a space before its percent sign."""
    text = format(value, specification.strip())
    if isinstance(value, str):
        return text
    return re.sub("^-", MINUS, text).replace("%", "\N{NO-BREAK SPACE}%")
