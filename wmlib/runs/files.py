"""Files that are there whole or not at all: written under another name, then renamed; what is damaged says so."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from wmlib.errors import UserError

COMPRESSION_LEVEL = 1  # zlib's fastest: flat colours shrink well even so


@contextmanager
def atomic_path(path: Path):
    """Yield a temporary path beside ``path``; rename it into place when the block succeeds, remove it otherwise.

    Raises:
        UserError: the disk is full or the folder may not be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        raise UserError(f"{path}: cannot write ({error.strerror}); free space or choose another --run folder") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value) -> None:
    """Write a JSON file atomically, indented and with a final newline."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def csv_text(columns: tuple[str, ...], rows: list[dict]) -> str:
    """Rows as the text of a CSV file with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_json(path: Path):
    """Read a JSON file. Raises :class:`UserError` when it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that writes it first") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UserError(f"{path}: damaged JSON; delete the file and run the stage again") from None


def write_arrays(path: Path, arrays: dict[str, np.ndarray], level: int = COMPRESSION_LEVEL) -> None:
    """Write named arrays as an ``.npz`` that :func:`numpy.load` reads, compressed with a chosen effort, atomically.

    The same arrays give the same bytes: the archive holds no times.
    """
    with atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
                entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, as NumPy's own archives are
                archive.writestr(entry, buffer.getbuffer(), zipfile.ZIP_DEFLATED, level)


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read named arrays. Raises :class:`UserError` naming the file when it is missing, truncated or foreign."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except FileNotFoundError:
        raise UserError(f"{path}: not found") from None
    except KeyError as error:
        raise UserError(f"{path}: has no array {error}; it was not written by wmlib, move it away") from None
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, zipfile.zlib.error):
        raise UserError(f"{path}: truncated or damaged; delete it and run the stage again") from None
