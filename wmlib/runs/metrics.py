"""Metrics of a stage: one JSON line per record for the report, and the same values for TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from wmlib.runs.files import write_text
from wmlib.runs.machine import quiet


def read_metrics(path: Path) -> list[dict]:
    """Records of a ``metrics.jsonl``; a last line cut short by an interruption is left out."""
    records = []
    if Path(path).exists():
        for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
                record["step"] + 0  # a number
            except (ValueError, KeyError, TypeError, RecursionError):
                break
            records.append(record)
    return records


class MetricLog:
    """Append-only log of one stage.

    Args:
        folder: stage folder; writes ``metrics.jsonl`` and ``tensorboard/``.
        resume_at: records of this step and later are dropped: the work they describe is done again.
    """

    def __init__(self, folder: Path, resume_at: int = 0):
        with quiet():  # TensorFlow greets the terminal with its processor's features
            import tensorflow as tf

        self._summary = tf.summary
        kept = [record for record in read_metrics(folder / "metrics.jsonl") if record["step"] < resume_at]
        text = "".join(json.dumps(record) + "\n" for record in kept)
        write_text(folder / "metrics.jsonl", text)
        self._lines = (folder / "metrics.jsonl").open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def __enter__(self) -> MetricLog:
        return self

    def __exit__(self, *_) -> None:
        self._lines.close()
        self._writer.close()

    def scalars(self, step: int, **values: float) -> None:
        """Record named numbers of one step."""
        numbers = {name: float(value) for name, value in values.items()}
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
