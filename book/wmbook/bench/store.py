"""How large the rollout store gets and how much memory it takes to write and to stream it, measured on a part of it.

``python -m wmbook.bench.store`` records 1,000 episodes of 1,000 frames, a tenth of the paper's data, reads them once in
V's training batches, and writes ``book/results/store.json``.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from wmbook.records.records import find_root
from wmlib.config import Config
from wmlib.runs import processor, write_json

PAPER_EPISODES = 10_000  # of 1,000 frames each


def record(folder: Path, episodes: int, steps: int) -> dict:
    """Fill a store; frames, bytes on disk, seconds, and the largest process's peak memory in MB."""
    from wmlib.stages.chain import Chain, run_stage

    config = Config.preset("paper").override([f"collect.episodes={episodes}", f"collect.steps={steps}"])
    stage = run_stage(Chain(config, folder), "collect")
    size = sum(file.stat().st_size for file in (stage / "rollouts").iterdir())
    return {"frames": stage.summary()["frames"], "bytes": size, "record_peak_mb": round(_peak_mb())}


def stream(folder: Path) -> dict:
    """Read every frame of a store once, as V's training does; frames/s and peak memory in MB."""
    from wmlib.data.batches import FrameBatches
    from wmlib.data.rollouts import RolloutStore

    batches = FrameBatches(RolloutStore(folder / "collect" / "rollouts").files(), 100, seed=0)
    count = sum(batches.lengths) // batches.batch_size - 2 * len(batches.files) // 100  # the rest of each chunk is left
    began = time.monotonic()
    for _, batch in zip(range(count), batches.start(0), strict=False):
        assert len(batch) == batches.batch_size
    seconds = time.monotonic() - began
    return {"stream_frames_per_s": round(count * batches.batch_size / seconds), "stream_peak_mb": round(_peak_mb())}


def measure(folder: Path, episodes: int = PAPER_EPISODES // 10, steps: int = 1000) -> dict:
    """Both, each in a process of its own so that its peak is its own, and what follows for the paper's data."""
    figures = {"episodes": episodes}
    for part, arguments in ((record, (folder, episodes, steps)), (stream, (folder,))):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            figures |= process.submit(part, *arguments).result()
    bytes_per_frame = figures["bytes"] / figures["frames"]
    figures["bytes_per_frame"] = round(bytes_per_frame)
    figures["paper_gb"] = round(bytes_per_frame * PAPER_EPISODES * 1001 / 1e9, 1)
    return figures | {"processor": processor()["model"]}


def _peak_mb() -> float:
    """Peak resident memory of this process or of its largest child, in MB."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1000


def main() -> None:
    """Measure in a scratch folder and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=PAPER_EPISODES // 10)
    parser.add_argument("--folder", type=Path, default=Path("runs/store"), help="scratch folder, removed at the end")
    arguments = parser.parse_args()
    figures = measure(arguments.folder, arguments.episodes)
    write_json(find_root() / "book" / "results" / "store.json", figures)
    shutil.rmtree(arguments.folder)
    print(figures)


if __name__ == "__main__":
    main()
