"""How hot loops are compiled: Numba, no fast-math, cached on disk until any source of their package changes.

Numba keeps a cached function while the *file it stands in* is unchanged, even when a function it calls from another
file, or a constant read off another package, is not. Here every function's stamp covers all files of its own folder,
so a changed kernel can never run beside stale machine code.

Machine code lies beside the sources; where that folder may not be written, in the user's cache folder; and where there
is no home either, in a folder of the user's own among the temporary files. ``NUMBA_CACHE_DIR`` names another place.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numba
from numba import njit
from numba.core import event


def spare_cache() -> Path | None:
    """The folder among the temporary files, made if need be; None if one of Numba's own places can be written.

    Raises:
        PermissionError: the folder is another user's, whose machine code must not run here.
    """
    for place in (Path(__file__).parent, Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))):
        there = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
        if os.access(there, os.W_OK | os.X_OK):
            return None
    folder = Path(tempfile.gettempdir()) / f"wmlib-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o022:
        raise PermissionError(errno.EACCES, "it is not yours alone; set NUMBA_CACHE_DIR to one that is", str(folder))
    return folder


class _SaysOnce(event.Listener):
    """The first use compiles for minutes: it says so, in one line of each process."""

    said = False

    def on_start(self, event) -> None:
        module = event.data["dispatcher"].py_func.__module__ or ""
        if module.startswith("wmlib.") and not self.said and "ipykernel" not in sys.modules:
            self.said = True
            text = "wmlib: the first use compiles its inner loops for this processor; this takes some minutes, once"
            print(text, file=sys.stderr, flush=True)

    def on_end(self, event) -> None:
        pass


@functools.cache
def _prepare() -> None:
    """What Numba has to know before it compiles anything."""
    event.register("numba:compile", _SaysOnce())
    if not numba.config.CACHE_DIR and (folder := spare_cache()):
        os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR = str(folder)  # worker processes inherit it


@functools.cache
def digest(folder: Path) -> str:
    """Hash of a folder's sources and of the versions whose constants are compiled in."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        found.update(path.read_bytes())
    for package in ("gymnasium", "box2d", "numpy"):
        found.update(version(package).encode())
    found.update(platform.platform().encode())  # the C library decides sinf and cosf
    return found.hexdigest()


def compiled(function):
    """Compile ``function`` on its first call, or load its machine code from the cache."""
    _prepare()
    dispatcher = njit(cache=True, nogil=True, error_model="numpy")(function)
    cache = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)  # none with NUMBA_DISABLE_JIT
    if cache is not None:  # Numba has no public way to widen a stamp; a test notices if this one stops working
        cache._source_stamp = (cache._source_stamp, digest(Path(function.__code__.co_filename).parent))
    return dispatcher
