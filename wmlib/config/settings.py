"""Trees of frozen dataclasses as settings: checks of values, ``dotted.key=value`` assignments, dictionaries."""

from __future__ import annotations

import dataclasses
from types import UnionType
from typing import Any, get_args, get_type_hints

from wmlib.errors import UserError


def one_of(name: str, value: Any, allowed: tuple) -> None:
    """Raise :class:`UserError` unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise UserError(f"{name}={value!r}: choose one of {', '.join(map(str, allowed))}")


def at_least(name: str, value: float, minimum: float) -> None:
    """Raise :class:`UserError` unless ``value >= minimum``."""
    if not value >= minimum:
        raise UserError(f"{name}={value!r}: must be at least {minimum}")


def positive(name: str, value: float) -> None:
    """Raise :class:`UserError` unless ``value > 0``."""
    if not value > 0:
        raise UserError(f"{name}={value!r}: must be positive")


def share(name: str, value: float) -> None:
    """Raise :class:`UserError` unless ``value`` lies between 0 and 1, both included."""
    if not 0 <= value <= 1:
        raise UserError(f"{name}={value!r}: must lie between 0 and 1")


def later(default: Any) -> Any:
    """A setting added after runs were made without it: at its default, it leaves their identity as it was."""
    return dataclasses.field(default=default, metadata={"later": True})


def key(group: Any) -> dict:
    """A group as what a stage's identity depends on."""
    kept = [f for f in dataclasses.fields(group) if not f.metadata.get("later") or getattr(group, f.name) != f.default]
    return {f.name: getattr(group, f.name) for f in kept}


def check_numbers(name: str, group: Any) -> None:
    """Raise :class:`UserError` unless every number of a group is finite, not negative, below 1e9 and of its type."""
    for field, kind in get_type_hints(type(group)).items():
        value = getattr(group, field)
        if kind not in (int, float, bool, str):
            continue
        if not isinstance(value, (int, float) if kind is float else kind) or (kind is not bool and value is True):
            raise UserError(f"{name}{field}={value!r}: expected {kind.__name__}")
        if kind in (int, float) and not 0 <= value < 1e9:
            raise UserError(f"{name}{field}={value!r}: must be a finite number from 0 to 1e9")


def from_dict(kind: type, values: dict, where: str):
    """A tree of type ``kind`` from nested dictionaries. Raises :class:`UserError` for a key it does not know, or lacks:
    only settings added :func:`later` may be missing."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected a group of settings, not {values!r}")
    hints = get_type_hints(kind)
    unknown = set(values) - set(hints)
    if unknown:
        raise UserError(f"{where}: unknown key {sorted(unknown)[0]!r}; it was written by another version of wmlib")
    lacking = [f.name for f in dataclasses.fields(kind) if f.name not in values and not f.metadata.get("later")]
    if lacking:
        raise UserError(f"{where}: lacks {lacking[0]!r}; restore it, or choose another --run folder")
    parsed = {}
    for name, value in values.items():
        nested = dataclasses.is_dataclass(hints[name])
        parsed[name] = from_dict(hints[name], value, f"{where}.{name}") if nested else value
    try:
        return kind(**parsed)
    except TypeError:  # compared with a number before its type is checked
        raise UserError(f"{where}: a value is not of its type") from None


def assign(node: Any, values: dict[str, str], above: str = ""):
    """A copy of the tree with the values at dotted keys parsed from text: all at once, since one may need another.

    Raises:
        UserError: unknown key, a value of the wrong type, or values that do not go together.
    """
    kinds, changed, inner = get_type_hints(type(node)), {}, {}
    names = [f.name for f in dataclasses.fields(node)]
    for key, text in values.items():
        name, _, rest = key.partition(".")
        if name not in names:
            raise UserError(f"--set {above}{key}: no such key; known here: {', '.join(sorted(names))}")
        if dataclasses.is_dataclass(kinds[name]):
            if not rest:
                known = ", ".join(f.name for f in dataclasses.fields(kinds[name]))
                raise UserError(f"--set {above}{key}: is a group; set one of its keys: {known}")
            inner.setdefault(name, {})[rest] = text
        elif rest:
            raise UserError(f"--set {above}{key}: {name} is a value, it has no key {rest!r}")
        else:
            changed[name] = _parse(kinds[name], text, above + key)
    groups = {name: assign(getattr(node, name), those, f"{above}{name}.") for name, those in inner.items()}
    return dataclasses.replace(node, **changed, **groups)


def _parse(kind: Any, text: str, key: str):
    if isinstance(kind, UnionType):
        kind = next(k for k in get_args(kind) if k is not type(None))
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise UserError(f"--set {key}={text}: expected true or false")
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"--set {key}={text}: expected {kind.__name__}") from None
