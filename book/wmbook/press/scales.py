"""The size of a notebook's live experiments."""

from __future__ import annotations

from typing import TypeVar

from wmlib.config import SCALES
from wmlib.config.settings import one_of

Value = TypeVar("Value")


def at_scale(scale: str, smoke: Value, quick: Value) -> Value:
    """``smoke`` at scale smoke, ``quick`` at every other: a page is read in minutes whatever the full run took.

    Raises:
        UserError: no such scale.
    """
    one_of("scale", scale, SCALES)
    return smoke if scale == "smoke" else quick
