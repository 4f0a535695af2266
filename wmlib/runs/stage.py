"""Run directories: one folder per stage, written so that the same command again is always a resume or a no-op.

A stage folder holds ``config.json`` (only what the stage depends on), ``provenance.json``, ``metrics.jsonl``,
TensorBoard events, the payload, and ``DONE``, written last with the hash of its config and of the stages it read.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from wmlib.errors import UserError
from wmlib.runs.files import present, read_json, read_record, write_json
from wmlib.runs.machine import provenance

DONE, OWNER = "DONE", ".owner"
BOOKKEEPING = ("identity", "payload")  # in DONE, but no figures


def digest(value: Any) -> str:
    """Short hash of a JSON-serialisable value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def sealed(record: dict) -> dict:
    """A record with a hash of itself."""
    return {**record, "digest": digest(record)}


def read_sealed(path: Path, **kinds: type) -> dict:
    """A record that :func:`sealed` closed, without its hash, keys checked as by :func:`read_record`.

    Raises:
        UserError: damaged, or no longer what was written. Earlier versions wrote no hash: theirs are taken as they are.
    """
    record = read_record(path, **kinds)
    seal = record.pop("digest", None)
    if seal not in (None, digest(record)):
        raise UserError(f"{path}: has been changed since it was written; redo the stage with --force")
    return record


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

    @cached_property
    def identity(self) -> str:
        """Hash of the configuration and of everything read."""
        return self._identity(self.key)

    def _identity(self, key: dict) -> str:
        return digest({"stage": self.name, "key": key, "inputs": [stage.identity for stage in self.inputs]})

    @property
    def done(self) -> bool:
        return present(self.path / DONE)

    def summary(self) -> dict:
        """What the finished stage recorded: seconds and key figures. Empty if it is not finished.

        Raises:
            UserError: ``DONE`` is damaged.
        """
        record = self._read_done() if self.done else {}
        wrong = [name for name, value in record.items() if isinstance(value, bool) and name != "adopted"]
        if wrong:
            raise UserError(f"{self.path / DONE}: {wrong[0]} is no figure; redo the stage with --force")
        return {name: value for name, value in record.items() if name not in BOOKKEEPING}

    def _read_done(self) -> dict:
        return read_sealed(self.path / DONE, identity=str, seconds=float)

    def check_done(self) -> None:
        """Raise :class:`UserError` unless ``DONE`` is of this configuration and all it counted is there."""
        record = self._read_done()
        if record["identity"] != self.identity:
            file = self.path / "config.json"
            stored = read_record(file, key=dict) if present(file) else {"key": self.key}
            if stored.get("identity") == self.identity:
                raise UserError(f"{self.path / DONE}: not of the run that {file.name} beside it describes; use --force")
            changes = differences(stored["key"], self.key)
            raise UserError(
                f"{self.path}: made with another configuration ({first_change(changes)}); "
                "choose another --run folder, or --force to redo this stage"
            )
        self.check_whole()

    def check_whole(self) -> None:
        """Raise :class:`UserError` unless all that a finished stage counted is there."""
        if "payload" not in self._read_done():  # adopted, or made by an earlier version
            return
        counted = read_record(self.path / DONE, payload=dict)["payload"]
        if not all(type(value) is int for value in counted.values()):
            raise UserError(f"{self.path / DONE}: damaged; --force redoes this stage")
        if differences(counted, {name: value for name, value in self._payload().items() if name in counted}):
            raise UserError(
                f"{self.path}: {DONE} counted {_counted(counted)}, now there are {_counted(self._payload())}"
                f"{self._changed()}; restore the files, or --force to redo this stage"
            )

    def _payload(self) -> dict[str, int]:
        """Number and size of the arrays and tables a stage leaves; its checkpoint is not one of them."""
        found = [path for path in self.path.rglob("*") if path.suffix in (".npz", ".csv")]
        found = [path for path in found if not path.name.startswith((".", "checkpoint"))]
        metrics = self.path / "metrics.jsonl"
        return {
            "files": len(found),
            "bytes": sum(path.lstat().st_size for path in found),
            "metrics": metrics.lstat().st_size if metrics.exists() else 0,
        }

    def _changed(self) -> str:
        """In words, the file that changed last since the stage finished."""
        done = (self.path / DONE).stat().st_mtime_ns
        found = [path for path in self.path.rglob("*.*") if path.suffix in (".npz", ".csv", ".jsonl")]
        later = [path for path in found if path.lstat().st_mtime_ns > done]
        last = max(later, key=lambda path: path.lstat().st_mtime_ns, default=None)
        return f" ({last.relative_to(self.path)} changed)" if last else ""

    def check_inputs(self) -> None:
        """Raise :class:`UserError` unless every stage it reads is finished, whole, and of this configuration."""
        for stage in self.inputs:
            if not stage.done:
                raise UserError(f"{stage.path}: this stage has not finished; run `wmlib run` or that stage first")
            stage.check_done()

    def open(self, force: bool = False) -> bool:
        """Prepare the folder; True when there is work to do (fresh or resumed), False when it is done already.

        Raises:
            UserError: the folder holds results of another configuration or has lost some, or an input stage is missing.
        """
        self.check_inputs()
        if force and self.path.exists():  # renamed first: nothing half removed is ever taken for a result
            os.replace(self.path, self.path.with_name(f".{self.name}.{time.time_ns()}.old"))
        for left in (*self.path.parent.glob(f".{self.name}.*.old"), *self.path.rglob(".*.tmp")):
            shutil.rmtree(left) if left.is_dir() else left.unlink()  # of processes that were killed
        if self.done:
            self.check_done()
            return False
        config_file = self.path / "config.json"
        if present(config_file):
            stored = read_record(config_file, identity=str, key=dict)
            if stored["identity"] != self.identity:
                changes = differences(stored["key"], self.key)
                same_inputs = stored["identity"] == self._identity(stored["key"])
                if not same_inputs or not set(changes) <= set(self.resumable):
                    raise UserError(
                        f"{self.path}: made with another configuration ({first_change(changes)}, says config.json); "
                        "choose another --run folder, or --force to redo this stage"
                    )
                self._record(stored, changes)
        else:
            write_json(config_file, {"identity": self.identity, "key": self.key})
        return True

    def _record(self, stored: dict, changes: dict) -> None:
        """Take over changed resumable settings."""
        elapsed = self.path / "elapsed.json"
        updates = read_record(elapsed).get("updates", 0) if present(elapsed) else 0
        history = [*stored.get("changes", []), {"updates": updates, "settings": changes}]
        write_json(self.path / "config.json", {"identity": self.identity, "key": self.key, "changes": history})

    def finish(self, seconds: float, **figures) -> None:
        """Write ``provenance.json`` and, last of all, ``DONE``."""
        changes = read_json(self.path / "config.json").get("changes") if self.resumable else None
        recorded = {"changes": changes} if changes else {}
        write_json(self.path / "provenance.json", sealed({**provenance(), "seconds": seconds, **recorded}))
        record = {"identity": self.identity, "seconds": round(seconds, 1), **figures, "payload": self._payload()}
        write_json(self.path / DONE, sealed(record))


def differences(stored: dict, wanted: dict) -> dict[str, list]:
    """Dotted names of the settings that differ, each with [stored, wanted]."""

    def flat(tree: dict, prefix: str = "") -> dict:
        items = {}
        for name, value in tree.items():
            items |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        return items

    old, new = flat(stored), flat(wanted)
    return {name: [old.get(name), new.get(name)] for name in {**new, **old} if old.get(name) != new.get(name)}


def _counted(payload: dict) -> str:
    return f"{payload.get('files')} files of {payload.get('bytes')} bytes"


def first_change(changes: dict[str, list]) -> str:
    """The first difference in words."""
    for name, (stored, wanted) in changes.items():
        return f"{name}: {stored} there, {wanted} now"
    return "an earlier stage differs"


class Stopwatch:
    """Seconds of work on a stage, summed over interruptions (kept in ``elapsed.json`` with what was done in them)."""

    def __init__(self, stage: Stage):
        self.file = stage / "elapsed.json"
        self._saved = read_record(self.file, seconds=float) if present(self.file) else {"seconds": 0.0}
        self.before = self._saved["seconds"]
        self.start = time.monotonic()

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.start

    def done(self, name: str) -> int:
        """What :meth:`save` was told of this name when it was last called; 0 if it was not."""
        return read_record(self.file, **{name: int})[name] if name in self._saved else 0

    def save(self, **done: int) -> None:
        write_json(self.file, {"seconds": self.seconds, **done})


def stored_config(folder: Path) -> dict | None:
    """The configuration a run folder was begun with; None if no stage has begun there."""
    file = Path(folder) / "config.json"
    return read_record(file) if present(file) else None


_owned: set[Path] = set()


@contextmanager
def owned(folder: Path):
    """Be the only process that works in a run folder while the block lasts.

    The lock is the kernel's (``flock``, which NFS servers keep as well), so that it ends with its owner, however that
    ends; ``OWNER`` only says who it is. File systems without such locks are used unguarded.

    Raises:
        UserError: another process owns it; the message names its host and number.
    """
    path = Path(folder).resolve() / OWNER
    if path in _owned:  # this process, in an outer block
        yield
        return
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("a+", encoding="utf-8"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = path.read_text(encoding="utf-8").strip() or "another process"
            raise UserError(f"{folder}: {owner} is working there; wait, or choose another --run folder") from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise UserError(f"{folder}: cannot write ({error.strerror}); choose another --run folder") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        _owned.add(path)
        try:
            yield
        finally:
            _owned.discard(path)
