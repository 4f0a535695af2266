"""Ways in which a file goes bad, by what is in it. Each is a name and what makes the bytes in its place.

Only what is wrong in itself is here: a well-formed file with another number in it is a person's edit.
"""

import copy
import csv
import functools
import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

FOLDER, LOOP = object(), object()  # a folder, or a link to itself, where the file should be
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


class Payload:
    """What must never run: unpickling it leaves a file behind."""

    marker = Path()

    def __reduce__(self):
        return open, (str(self.marker), "w")


def damages(path: Path, random: np.random.Generator) -> Iterator[tuple[str, Callable]]:
    """Every way in which this file goes bad, and what makes the bytes; which ones are hit follows from ``random``."""
    data = path.read_bytes()
    yield from anything(data, random)
    if path.suffix == ".npz":
        yield from archive(path)
    elif path.suffix == ".csv":
        yield from table(data.decode())
    elif path.suffix == ".jsonl":
        yield from lines(data.decode())
    else:
        yield from tree(json.loads(data))


def anything(data: bytes, random: np.random.Generator) -> Iterator[tuple[str, Callable]]:
    """Damage that asks nothing of the contents."""
    half, places = len(data) // 2, random.integers(len(data), size=3)
    yield "empty", lambda: b""
    yield "one byte", lambda: data[:1]
    for share in (0.2, 0.5, 0.9):
        yield f"cut at {share:.0%}", partial(data.__getitem__, slice(int(share * len(data))))
    yield "last byte lost", lambda: data[:-1] if not data.endswith(b"\n") else data[:-2]
    yield "zeros, as after a power cut", lambda: bytes(len(data))
    yield "second half zeros", lambda: data[:half] + bytes(len(data) - half)
    yield "random bytes", lambda: random.bytes(len(data))
    for number, place in enumerate(places):  # the high bit: no text stays valid
        yield f"bit flip {number}", partial(_flipped, data, place)
    yield "a picture", lambda: PICTURE
    yield "a web page", lambda: b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
    yield "a large-file pointer", lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    yield "a pickle", lambda: pickle.dumps(Payload())
    yield "UTF-16", lambda: data[:400].decode("latin-1").encode("utf-16")
    yield "a folder", lambda: FOLDER
    yield "a link to itself", lambda: LOOP


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :]


def archive(path: Path) -> Iterator[tuple[str, Callable]]:
    """A well-formed archive with the wrong things in it."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    yield "empty archive", partial(packed, {})
    yield "foreign archive", partial(packed, {"x": np.zeros(3)})
    yield "text in an archive", partial(zipped, {"readme.txt": b"hello"})
    for name in list(arrays)[:4]:
        others = {key: value for key, value in arrays.items() if key != name}
        yield f"{name} missing", partial(packed, others)
        for kind, bad in wrong_arrays(arrays[name]):
            yield f"{name} {kind}", partial(packed, {**arrays, name: bad})
        huge = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999,), }"
        yield f"{name} claims a petabyte", partial(packed, others, {f"{name}.npy": huge.ljust(128, b" ")})
        future = bytearray(_member(arrays[name]))
        future[6] = 9
        yield f"{name} of version 9", partial(packed, others, {f"{name}.npy": bytes(future)})


def wrong_arrays(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays that cannot stand for this one."""
    if array.dtype.kind == "f" and array.size:
        for bad in (np.nan, np.inf):
            changed = array.copy()
            changed.flat[array.size // 2] = bad
            yield str(bad), changed
    yield "with another axis", array[None]
    if array.ndim and len(array) > 1:
        yield "of half the length", array[: len(array) // 2]
    if array.ndim:
        yield "of twice the length", np.concatenate([array, array])
        yield "without rows", array[:0]
    yield "of text", np.full(array.shape, "x")
    yield "of complex numbers", array.astype(complex) + 1j
    yield "of objects", np.array([Payload()], object)


def table(text: str) -> Iterator[tuple[str, Callable]]:
    """A CSV file with the wrong things in it."""
    rows = list(csv.reader(io.StringIO(text)))
    yield "header alone", partial(_rows, rows[:1])
    yield "no header", partial(_rows, rows[1:])
    yield "another table", lambda: b"a,b\n1,2\n"
    yield "semicolons", lambda: text.replace(",", ";").encode()
    yield "a NUL", lambda: text.replace(",", ",\0", 1).encode()
    yield "an open quote", lambda: (text + '"').encode()
    yield "last row cut", partial(_rows, [*rows[:-1], rows[-1][: len(rows[0]) // 2]])
    for column, name in enumerate(rows[0]):
        yield f"{name} missing", partial(_rows, [row[:column] + row[column + 1 :] for row in rows])
        for bad in ("x", "nan", "inf", "1e999"):
            if re.fullmatch(r"-?[0-9.]+", rows[1][column]):
                changed = [*rows[1][:column], bad, *rows[1][column + 1 :]]
                yield f"{name} {bad}", partial(_rows, [rows[0], changed, *rows[2:]])


def lines(text: str) -> Iterator[tuple[str, Callable]]:
    """A file of JSON lines with the wrong things in it."""
    first, *rest = text.splitlines()
    for bad in ("null", "[]", "3", '{"step": "x"}', '{"step": null}', "{}", "[" * 100_000, '{"step": 0, "loss": NaN}'):
        yield f"first line {bad[:25]}", partial("\n".join([bad, *rest, ""]).encode)
        yield f"line more {bad[:25]}", partial("\n".join([first, *rest, bad, ""]).encode)


def tree(value) -> Iterator[tuple[str, Callable]]:
    """A JSON file with the wrong things in it."""
    for bad in ("null", "[]", "{}", "3", '"x"', "[" * 100_000, '{"a": NaN}', "{'a': 1}"):
        yield f"holds {bad[:10]}", partial(bad.encode)
    for path, held in _places(value):
        yield f"{'.'.join(path)} missing", partial(_changed, value, path)
        text = [] if isinstance(held, str) else ["x"]  # another text is no damage that anybody could see
        for bad in (None, *text, [], {}, float("nan"), float("-inf"), *([] if isinstance(held, bool) else [True])):
            yield f"{'.'.join(path)} {json.dumps(bad)}", partial(_changed, value, path, bad)


MISSING = object()


def _places(value, path: tuple = ()) -> Iterator[tuple[tuple, object]]:
    for name in value if isinstance(value, dict) else ():
        yield (*path, name), value[name]
        yield from _places(value[name], (*path, name))


def _changed(value: dict, path: tuple, new=MISSING) -> bytes:
    changed = copy.deepcopy(value)
    *above, last = path
    branch = functools.reduce(lambda node, name: node[name], above, changed)
    if new is MISSING:
        del branch[last]
    else:
        branch[last] = new
    return json.dumps(changed).encode()


def _rows(rows: list) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _member(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asarray(array), allow_pickle=True)
    return out.getvalue()


def packed(arrays: dict, more: dict[str, bytes] | None = None) -> bytes:
    """Arrays, and other members, as the bytes of an ``.npz``; objects pickled."""
    return zipped({**{f"{name}.npy": _member(array) for name, array in arrays.items()}, **(more or {})})


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()
