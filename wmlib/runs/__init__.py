"""Run folders: stages that resume, files written whole, metrics, progress, and the machine all this is on."""

from wmlib.runs.files import atomic_path, csv_text, read_arrays, read_json, write_arrays, write_json, write_text
from wmlib.runs.machine import available_cores, end_with_parent, one_thread_each, processor, provenance, quiet
from wmlib.runs.metrics import MetricLog, read_metrics
from wmlib.runs.progress import Progress
from wmlib.runs.stage import DONE, Stage, Stopwatch, differences, digest, open_run

__all__ = [
    "DONE",
    "MetricLog",
    "Progress",
    "Stage",
    "Stopwatch",
    "atomic_path",
    "available_cores",
    "csv_text",
    "differences",
    "digest",
    "end_with_parent",
    "one_thread_each",
    "open_run",
    "processor",
    "provenance",
    "quiet",
    "read_arrays",
    "read_json",
    "read_metrics",
    "write_arrays",
    "write_json",
    "write_text",
]
