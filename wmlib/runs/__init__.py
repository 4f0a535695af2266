"""Run folders: stages that resume, files written whole, metrics, progress, and the machine all this is on."""

from wmlib.runs.files import (
    DAMAGE,
    atomic_path,
    check_finite,
    check_writable,
    present,
    read_arrays,
    read_csv,
    read_json,
    read_record,
    write_arrays,
    write_csv,
    write_json,
    write_text,
)
from wmlib.runs.machine import available_cores, end_with_parent, one_thread_each, processor, provenance, quiet
from wmlib.runs.metrics import MetricLog, read_metrics
from wmlib.runs.progress import Progress
from wmlib.runs.stage import DONE, OWNER, Stage, Stopwatch, differences, digest, owned, read_sealed, stored_config
