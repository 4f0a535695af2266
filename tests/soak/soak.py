"""The chain again and again in one process, and long batches in worker processes: does memory stay where it was?

What a long run does thousands of times is done here in rounds: a generation of the search on the compiled rollouts,
updates of V and of M with their batches read from disk, an episode recorded and encoded. The resident memory of this
process and of its workers is read after every round; what matters is the last against the first after a warm-up.

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
from wmlib.rollout.executors import ProcessExecutor
from wmlib.rollout.lanes import Job
from wmlib.search.cmaes import CMAES
from wmlib.stages.agents import adopt, shipped_agent

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
    """What a round does, on a folder with shipped weights."""

    def __init__(self, folder: Path, workers: int, steps: int = 1000):
        agent = shipped_agent("vae-zh")
        settings = ("rollout.executor=serial", "vae.updates=40", "memory.updates=40")
        self.config = Config.preset("smoke").override(list(settings))
        self.folder, self.steps, self.count = folder, steps, 0
        adopt(agent, folder / "agent")
        self.executor = ProcessExecutor(agent.worker_spec(8), workers)
        self.search = CMAES(len(agent.parameters), 8, 0.1, 0, agent.parameters)

    def __call__(self) -> None:
        """A generation, then the stages up to M in a folder that is thrown away."""
        from shutil import rmtree

        from wmlib.stages.chain import run_all

        candidates = self.search.ask()
        jobs = [Job(index, index, 7000 + self.count) for index in range(len(candidates))]
        episodes = self.executor.run(jobs, candidates, patience=self.steps // 10)
        self.search.tell(np.array([episode.total for episode in episodes]))
        run_all(self.config, self.folder / "run", last="memory")
        rmtree(self.folder / "run")
        self.count += 1


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
