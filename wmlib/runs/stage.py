"""Run directories: one folder per stage, written so that the same command again is always a resume or a no-op.

A stage folder holds ``config.json`` (only what the stage depends on), ``provenance.json``, ``metrics.jsonl``,
TensorBoard events, the payload, and ``DONE``, written last with the hash of its config and of the stages it read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wmlib.errors import UserError
from wmlib.runs.files import read_json, write_json
from wmlib.runs.machine import provenance

DONE = "DONE"


def digest(value: Any) -> str:
    """Short hash of a JSON-serialisable value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


class Stage:
    """One folder of a run.

    Args:
        path: the folder.
        key: the configuration values this stage depends on.
        inputs: stages it reads; their ``DONE`` hashes are part of this stage's identity.
        resumable: settings (``vaegan.gamma``) that may change while the stage is unfinished. Each change is recorded in
            ``config.json`` with the number of updates before it, and in ``provenance.json`` at the end.
    """

    def __init__(self, path: Path, key: dict, inputs: list[Stage] | None = None, resumable: tuple[str, ...] = ()):
        self.path = Path(path)
        self.key = key
        self.inputs = inputs or []
        self.resumable = resumable

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def identity(self) -> str:
        """Hash of the configuration and of everything read."""
        return self._identity(self.key)

    def _identity(self, key: dict) -> str:
        return digest({"stage": self.name, "key": key, "inputs": [stage.identity for stage in self.inputs]})

    @property
    def done(self) -> bool:
        return (self.path / DONE).exists()

    def summary(self) -> dict:
        """What the finished stage recorded: seconds, key figures, provenance. Empty if it is not finished."""
        return read_json(self.path / DONE) if self.done else {}

    def open(self, force: bool = False) -> bool:
        """Prepare the folder; True when there is work to do (fresh or resumed), False when it is done already.

        Raises:
            UserError: the folder holds results of another configuration, or an input stage is missing.
        """
        for stage in self.inputs:
            if not stage.done:
                raise UserError(f"{stage.path}: this stage has not finished; run `wmlib run` or that stage first")
        if force and self.path.exists():
            shutil.rmtree(self.path)
        config_file = self.path / "config.json"
        if config_file.exists():
            stored = read_json(config_file)
            if stored["identity"] != self.identity:
                changes = differences(stored["key"], self.key)
                same_inputs = stored["identity"] == self._identity(stored["key"])
                if self.done or not same_inputs or not set(changes) <= set(self.resumable):
                    raise UserError(
                        f"{self.path}: made with another configuration ({_first(changes)}); "
                        "choose another --run folder, or --force to redo this stage"
                    )
                self._record(stored, changes)
        else:
            write_json(config_file, {"identity": self.identity, "key": self.key})
        return not self.done

    def _record(self, stored: dict, changes: dict) -> None:
        """Take over changed resumable settings."""
        elapsed = self.path / "elapsed.json"
        updates = read_json(elapsed).get("updates", 0) if elapsed.exists() else 0
        history = [*stored.get("changes", []), {"updates": updates, "settings": changes}]
        write_json(self.path / "config.json", {"identity": self.identity, "key": self.key, "changes": history})

    def finish(self, seconds: float, **figures) -> None:
        """Write ``provenance.json`` and, last of all, ``DONE``."""
        changes = read_json(self.path / "config.json").get("changes") if self.resumable else None
        recorded = {"changes": changes} if changes else {}
        write_json(self.path / "provenance.json", {**provenance(), "seconds": seconds, **recorded})
        record = {"identity": self.identity, "seconds": round(seconds, 1), **figures}
        write_json(self.path / DONE, record)


def differences(stored: dict, wanted: dict) -> dict[str, list]:
    """Dotted names of the settings that differ, each with [stored, wanted]."""

    def flat(tree: dict, prefix: str = "") -> dict:
        items = {}
        for name, value in tree.items():
            items |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        return items

    old, new = flat(stored), flat(wanted)
    return {name: [old.get(name), new.get(name)] for name in {**new, **old} if old.get(name) != new.get(name)}


def _first(changes: dict[str, list]) -> str:
    """The first difference in words."""
    for name, (stored, wanted) in changes.items():
        return f"{name}: {stored} there, {wanted} now"
    return "an earlier stage differs"


class Stopwatch:
    """Seconds of work on a stage, summed over interruptions (kept in ``elapsed.json`` with what was done in them)."""

    def __init__(self, stage: Stage):
        self.file = stage / "elapsed.json"
        self.before = read_json(self.file)["seconds"] if self.file.exists() else 0.0
        self.start = time.monotonic()

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.start

    def save(self, **done: int) -> None:
        write_json(self.file, {"seconds": self.seconds, **done})


def open_run(path: Path, build: Callable[[dict | None], Any]) -> Any:
    """Configuration of a run folder: what the folder was created with, changed by this command's options.

    Args:
        path: run folder; ``config.json`` is written there when it is new.
        build: given the stored configuration (or None), returns the one to use.
    """
    file = Path(path) / "config.json"
    config = build(read_json(file) if file.exists() else None)
    if not file.exists():
        write_json(file, config.to_dict())
    return config
