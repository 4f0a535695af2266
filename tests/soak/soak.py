"""Again and again what a long run does thousands of times: does memory stay where it was?

A round is a generation of the search in worker processes; episodes recorded and encoded; and updates of V and of M,
with batches read from disk, metrics and a checkpoint. V and M are built once, as in a run: TensorFlow keeps the graphs
of every model that a process builds. The resident memory of this process and of its workers is read after every round;
what matters is the last against the first after a warm-up.

    python tests/soak/soak.py [--minutes M] [--out JSON]
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np

from wmlib.config import Config
from wmlib.data.batches import FrameBatches, SequenceBatches, prefetch
from wmlib.rollout.executors import ProcessExecutor
from wmlib.rollout.lanes import Job
from wmlib.runs import Stage
from wmlib.search.cmaes import CMAES
from wmlib.stages.agents import shipped_agent
from wmlib.stages.chain import Chain, run_all, run_stage
from wmlib.stages.memory import latent_files
from wmlib.stages.training import optimizer_for, train
from wmlib.stages.vision import frame_files

WARM = 0.25  # share of the rounds in which caches and allocators may still grow
GROWTH = 0.05  # share of the memory after warming up by which the end may exceed it
LIMIT = 6 * 2**30  # bytes, of all processes together


def resident(number: int | str = "self") -> int:
    """Bytes of a process in memory, now."""
    return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def together() -> int:
    """Bytes of this process and its workers."""
    return resident() + sum(resident(child.pid) for child in multiprocessing.active_children())


class Rounds:
    """What a round does, on a folder with a small run and shipped weights."""

    def __init__(self, folder: Path, workers: int, steps: int = 1000):
        agent = shipped_agent("vae-zh")
        settings = ("rollout.executor=serial", "vae.updates=40", "memory.updates=40")
        self.config = Config.preset("smoke").override(list(settings))
        self.folder, self.steps, self.count = folder, steps, 0
        self.executor = ProcessExecutor(agent.worker_spec(8), workers)
        self.search = CMAES(len(agent.parameters), 8, 0.1, 0, agent.parameters)
        run_all(self.config, folder / "run", last="memory")
        self.v, self.m = agent.networks()
        self.v.compile(optimizer=optimizer_for(self.config.vae))
        self.m.compile(optimizer=optimizer_for(self.config.memory))

    def __call__(self) -> None:
        """A generation, rollouts and latents, updates of V and M."""
        candidates = self.search.ask()
        jobs = [Job(index, index, 7000 + self.count) for index in range(len(candidates))]
        episodes = self.executor.run(jobs, candidates, patience=self.steps // 10)
        self.search.tell(np.array([episode.total for episode in episodes]))
        chain, vae, memory = Chain(self.config, self.folder / "run"), self.config.vae, self.config.memory
        for name in ("collect", "encode"):
            run_stage(chain, name, force=True)
        self.train(self.v, FrameBatches(frame_files(chain)[0], vae.batch_size, 0).start, vae)
        batches = SequenceBatches(latent_files(chain)[0], memory.batch_size, memory.sequence_length, 0)
        self.train(self.m, lambda first: prefetch(lambda: map(batches.at, range(first, memory.updates)), 2), memory)
        self.count += 1

    def train(self, model, batches, settings) -> None:
        """All updates of a stage whose folder is new."""
        stage = Stage(self.folder / "updates", {})
        stage.open(force=True)
        train(model, batches, settings, stage, "updates")


def soak(minutes: float, workers: int, say=lambda text: None, least: int = 8) -> dict:
    """Rounds for so many minutes, ``least`` at least; what memory did."""
    sizes, began = [], time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        rounds = Rounds(Path(root), workers)
        with rounds.executor, open(os.devnull, "w") as nowhere:
            while len(sizes) < least or time.monotonic() - began < 60 * minutes:
                with redirect_stderr(nowhere):
                    rounds()
                sizes.append(together())
                say(f"round {len(sizes)}: {sizes[-1] / 2**20:.0f} MiB")
    return {"minutes": round((time.monotonic() - began) / 60, 1), **verdict(sizes)}


def verdict(sizes: list[int]) -> dict:
    """Memory after warming up, at the end and at its peak, and whether it stayed within the bounds."""
    warm = sizes[max(1, round(WARM * len(sizes))) :]
    half = len(warm) // 2
    first, last = float(np.median(warm[:half])), float(np.median(warm[half:]))
    return {
        "rounds": len(sizes),
        "first_mib": round(first / 2**20),
        "last_mib": round(last / 2**20),
        "peak_mib": round(max(sizes) / 2**20),
        "growth_percent": round(100 * (last / first - 1), 2),
        "constant": last <= (1 + GROWTH) * first and max(sizes) < LIMIT,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=None, help="JSON to write")
    arguments = parser.parse_args()
    record = soak(arguments.minutes, arguments.workers, lambda text: print(text, flush=True))
    if arguments.out:
        arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record))
    sys.exit(not record["constant"])


if __name__ == "__main__":
    main()
