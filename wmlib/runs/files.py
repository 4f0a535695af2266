"""Files that are there whole or not at all: written under another name, then renamed; what is damaged says so."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from wmlib.errors import UserError

# What NumPy, zipfile and zlib raise on a file that is cut, flipped or foreign
DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, AttributeError, TypeError, SyntaxError,
          NotImplementedError, RuntimeError, MemoryError, OverflowError, struct.error, tokenize.TokenError)  # fmt: skip
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
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        raise UserError(f"{path}: cannot write ({error.strerror}); free space or choose another --run folder") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sync(path: Path) -> None:
    """Have the disk hold a file, or a folder's names, before going on: a rename then survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value) -> None:
    """Write a JSON file atomically, indented and with a final newline."""
    try:
        text = json.dumps(value, indent=2, allow_nan=False)
    except ValueError:
        raise UserError(f"{path}: not written, a number in it is not finite") from None
    write_text(path, text + "\n")


def write_csv(path: Path, columns: Iterable[str], rows: list[dict]) -> None:
    """Write rows as a CSV file with a header, atomically."""
    text = io.StringIO()
    writer = csv.DictWriter(text, tuple(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def present(path: Path) -> bool:
    """Whether anything lies there: a link that leads nowhere does, so that its reader refuses it and nothing that was
    done is taken for never done."""
    return os.path.lexists(path)


def read_json(path: Path):
    """Read a JSON file. Raises :class:`UserError` when it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_no_constant)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that writes it first") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: damaged JSON; delete the file and run the stage again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot read ({error.strerror})") from None


def _no_constant(name: str):
    raise ValueError(f"{name} is not a number")


def read_record(path: Path, **kinds: type) -> dict:
    """Read a JSON object that has these keys, each of its type (float: any number).

    Raises:
        UserError: it is something else; the message names the file.
    """
    value = read_json(path)
    missing = [] if isinstance(value, dict) else ["{"]
    for name, kind in kinds.items() if not missing else ():
        found, allowed = value.get(name), (int, float) if kind is float else kind
        if not isinstance(found, allowed) or isinstance(found, bool) != (kind is bool):
            missing.append(f"{name}: {kind.__name__}")
    if missing:
        raise UserError(f"{path}: has no {missing[0]!r}; it was not written by wmlib, move it away")
    return value


def read_csv(path: Path, columns: dict[str, type], optional: tuple[str, ...] = (), new: bool = False) -> list[dict]:
    """Rows of a CSV file, parsed: column -> str, int or float.

    Args:
        optional: columns that may be empty, then ``""``.
        new: whether there may be no such file yet; it then has no rows.

    Raises:
        UserError: the file is missing, lacks a column or rows, or a cell is not a finite number of its type.
    """
    rows = []
    if new and not present(path):
        return rows
    try:
        text = Path(path).read_bytes().decode("utf-8")
        if text and not text.endswith("\n"):
            raise ValueError("the last line is cut")
        with io.StringIO(text, newline="") as file:
            for cells in csv.DictReader(file, strict=True):
                empty = {name for name in optional if cells[name] == ""}
                row = {name: "" if name in empty else kind(cells[name]) for name, kind in columns.items()}
                if not all(math.isfinite(value) for value in row.values() if isinstance(value, (int, float))):
                    raise ValueError("not finite")
                rows.append(row)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that writes it first") from None
    except (KeyError, ValueError, TypeError, OverflowError, csv.Error) as error:
        raise UserError(f"{path}: row {len(rows) + 1} is damaged ({error}); redo the stage that writes it") from None
    except OSError as error:
        raise UserError(f"{path}: cannot read ({error.strerror})") from None
    if not rows:
        raise UserError(f"{path}: holds no rows; redo the stage that writes it")
    return rows


def check_writable(path: Path | None, option: str) -> None:
    """Raise :class:`UserError` that names ``option`` unless a file can be written there: before the work, not after."""
    if path is None:
        return
    folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
    if Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{option} {path}: cannot be written there; choose another place")


def check_finite(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raise :class:`UserError` that names file and array unless all are real, finite numbers."""
    for name, array in ((name, np.asarray(array)) for name, array in arrays.items()):
        if array.dtype.kind not in "biuf":
            raise UserError(f"{path}: {name} holds {array.dtype}, no numbers; it is not wmlib's, move it away")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UserError(f"{path}: {name} holds numbers that are not finite; nothing may be computed from them")


def write_arrays(path: Path, arrays: dict[str, np.ndarray], level: int = COMPRESSION_LEVEL) -> None:
    """Write named arrays as an ``.npz`` that :func:`numpy.load` reads, compressed with a chosen effort, atomically.

    The same arrays give the same bytes: the archive holds no times. Raises :class:`UserError`, and leaves the old file,
    when a number is not finite.
    """
    check_finite(path, {name: np.asarray(array) for name, array in arrays.items()})
    with atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
                entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, as NumPy's own archives are
                archive.writestr(entry, buffer.getbuffer(), zipfile.ZIP_DEFLATED, level)


def read_arrays(path: Path, names: tuple[str, ...], shapes: dict[str, tuple] | None = None) -> dict[str, np.ndarray]:
    """Read named arrays.

    Args:
        shapes: name -> shape of those whose shape is known; None in a shape stands for any length.

    Raises:
        UserError: the file is missing, truncated or foreign, or an array has another shape; the message names it.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in names}
    except FileNotFoundError:
        raise UserError(f"{path}: not found") from None
    except KeyError as error:
        raise UserError(f"{path}: has no array {error}; it was not written by wmlib, move it away") from None
    except DAMAGE:
        raise UserError(f"{path}: truncated or damaged; delete it and run the stage again") from None
    check_finite(path, arrays)
    for name, shape in (shapes or {}).items():
        found = arrays[name].shape
        if len(found) != len(shape) or any(want not in (None, have) for want, have in zip(shape, found, strict=True)):
            raise UserError(f"{path}: {name} has shape {found}, not {shape}; redo the stage that writes it")
    return arrays
