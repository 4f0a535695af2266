"""How hot loops are compiled: Numba, no fast-math, cached on disk until any source of their package changes.

Numba keeps a cached function while the *file it stands in* is unchanged, even when a function it calls from another
file, or a constant read off another package, is not. Here every function's stamp covers all files of its own folder,
so a changed kernel can never run beside stale machine code.
"""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

from numba import njit


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
    dispatcher = njit(cache=True, nogil=True, error_model="numpy")(function)
    cache = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)  # none with NUMBA_DISABLE_JIT
    if cache is not None:  # Numba has no public way to widen a stamp; a test notices if this one stops working
        cache._source_stamp = (cache._source_stamp, digest(Path(function.__code__.co_filename).parent))
    return dispatcher
