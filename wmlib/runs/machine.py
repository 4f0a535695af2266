"""The machine a run is on: its cores and versions, its worker processes, and what libraries shout at its terminal."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path


def provenance() -> dict:
    """Versions, processor and git revision: what a reader needs to judge or repeat a number."""
    versions = {}
    for name in ("wmlib", "tensorflow", "keras", "gymnasium", "numpy", "cma", "numba"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "wmlib": versions.pop("wmlib"),
        "git": _git_revision(),
        "python": platform.python_version(),
        "versions": versions,
        "processor": processor(),
        "cores": available_cores(),
    }


def available_cores() -> int:
    """Cores this process may use (respects CPU affinity)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> dict:
    """Model name and the vector extensions that decide which arithmetic is fast."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {"model": platform.processor(), "extensions": []}
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    flags = fields.get("flags", "").split()
    return {"model": fields.get("model name", ""), "extensions": [name for name in wanted if name in flags]}


def _git_revision() -> str | None:
    """Of these sources; where git's folder is not, as in a container, what ``WMLIB_REVISION`` says.

    A package that lies in another project's repository, as one installed there does, has none: that project's revision
    says nothing about these sources.
    """
    root = Path(__file__).resolve().parents[2]
    here = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # a hook's are another's

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10, env=here).stdout.strip()

    try:
        if (root / "book" / "wmbook").is_dir() and Path(git("rev-parse", "--show-toplevel")).samefile(root):
            return git("describe", "--always", "--dirty", "--abbrev=10")
    except (OSError, subprocess.SubprocessError):
        pass
    return os.environ.get("WMLIB_REVISION") or None


@contextmanager
def one_thread_each():
    """Processes started inside inherit one thread per numerical library: the processes are the parallelism."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def end_group(worker: int) -> None:
    """Kill a worker process (see :func:`end_with_parent`) and what it has started, even if it is no more itself.

    A game of ViZDoom is a program of its own, and waits for ever for a player who is gone.
    """
    with suppress(ProcessLookupError):
        os.killpg(worker, signal.SIGKILL)


def end_with_parent() -> None:
    """Make this worker process, and what it starts, a group that ends when the process that started it does, even if
    that was killed."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)

    def watch() -> None:
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        end_group(os.getpid())

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what C++ libraries write to standard error inside the block. Python exceptions still come through.

    TensorFlow reports processor features when it is imported, whatever its log level; in a notebook that would become
    part of the page.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
