"""Metrics of a stage: one JSON line per record for the report, and the same values for TensorBoard."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.runs.files import present, write_text
from wmlib.runs.machine import quiet


def read_metrics(path: Path) -> list[dict]:
    """Records of a ``metrics.jsonl``; a last line without its end, cut short by an interruption, is left out.

    Raises:
        UserError: any other line is not an object of numbers with a ``step``; the message names the file.
    """
    records, path = [], Path(path)
    if not present(path):
        return records
    try:
        *lines, rest = path.read_bytes().split(b"\n")
        if b"\0" in rest or not rest.startswith(b'{"step": '[: len(rest)]):
            lines.append(rest)  # nothing that an interruption leaves
        for line in lines:
            record = json.loads(line)
            if not all(math.isfinite(value) for value in (record["step"], *record.values())):
                raise ValueError
            records.append(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise UserError(f"{path}: line {len(records) + 1} is damaged; restore the file, or --force") from None
    except OSError as error:
        raise UserError(f"{path}: cannot read ({error.strerror})") from None
    return records


class MetricLog:
    """Append-only log of one stage.

    Args:
        folder: stage folder; writes ``metrics.jsonl`` and ``tensorboard/``.
        resume_at: records of this step and later are dropped: the work they describe is done again.
        count: so many earlier ones there were, as the log itself said of them (:meth:`before`).
    """

    def __init__(self, folder: Path, resume_at: int = 0, count: int = 0):
        with quiet():  # TensorFlow greets the terminal with its processor's features
            import tensorflow as tf

        self._summary = tf.summary
        file = folder / "metrics.jsonl"
        kept = [record for record in read_metrics(file) if record["step"] < resume_at]
        if file.exists() and resume_at > 1 and not kept:
            raise UserError(f"{file}: holds nothing from before step {resume_at}; restore it, or --force")
        if len(kept) < count:
            raise UserError(
                f"{file}: holds {len(kept)} of {count} lines from before step {resume_at}; restore it, or --force"
            )
        self._steps = [record["step"] for record in kept]
        text = "".join(json.dumps(record) + "\n" for record in kept)
        write_text(folder / "metrics.jsonl", text)
        self._lines = (folder / "metrics.jsonl").open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def __enter__(self) -> MetricLog:
        return self

    def __exit__(self, *_) -> None:
        self._lines.close()
        self._writer.close()

    def before(self, step: int) -> int:
        """Records of earlier steps than this one."""
        return sum(logged < step for logged in self._steps)

    def scalars(self, step: int, **values: float) -> None:
        """Record named numbers of one step; what is not finite is left out."""
        numbers = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        self._steps.append(step)
        self._lines.write(json.dumps({"step": step, **numbers}) + "\n")
        self._lines.flush()
        with self._writer.as_default(step=step):
            for name, value in numbers.items():
                self._summary.scalar(name, value)

    def images(self, step: int, name: str, images: np.ndarray) -> None:
        """Show pictures (count, height, width, 3), uint8 or floats in [0, 1], in TensorBoard."""
        with self._writer.as_default(step=step):
            self._summary.image(name, images, max_outputs=len(images))

    def histogram(self, step: int, name: str, values: np.ndarray) -> None:
        """Show a distribution in TensorBoard."""
        with self._writer.as_default(step=step):
            self._summary.histogram(name, values)
