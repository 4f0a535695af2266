"""Stage encode. Reads: rollouts, V's encoder. Writes: ``latents/NNNNNN.npz``.

M learns from what V sees. Mean and log-variance are kept, not samples, so that z can be drawn anew in every batch
(appendix A.2).
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

import numpy as np

from wmlib.config import RolloutConfig
from wmlib.data.rollouts import RolloutStore
from wmlib.errors import UserError
from wmlib.runs import Progress, Stage, Stopwatch, available_cores, end_with_parent, one_thread_each, write_arrays


def run(chain, stage: Stage) -> None:
    """Encode the episodes that are missing, one worker per core."""
    config = chain.config
    files = list(itertools.chain.from_iterable(RolloutStore(s / "rollouts").files() for s in chain.collections))
    work = [(file, stage / "latents" / f"{index:06d}.npz") for index, file in enumerate(files)]
    done = sum(target.exists() for _, target in work)
    clock = Stopwatch(stage)
    frames, before = 0, -1
    with Progress(stage.name, len(files), "episodes", start=done) as progress:
        while missing := [pair for pair in work if not pair[1].exists()]:
            if len(missing) == before:
                raise UserError(f"{stage.path}: workers die without encoding anything; --set rollout.workers=1")
            before = len(missing)
            with suppress(BrokenProcessPool):  # a killed worker costs what it had in hand
                for count in _encode(missing, (chain.vision / "encoder.npz", config.encoder_compute), config.rollout):
                    frames += count
                    progress.advance()
    clock.save()
    rate = {"images_per_second": round(frames / clock.seconds, 1)} if frames else {}
    stage.finish(clock.seconds, episodes=len(files), **rate)


def _encode(work: list, arguments: tuple, rollout: RolloutConfig) -> Iterator[int]:
    """Frames of each encoded episode, from worker processes or (executor serial) from this one."""
    if not work:
        return
    if rollout.executor == "serial":
        _start(*arguments)
        yield from map(encode_rollout, work)
        return
    workers = min(rollout.workers or available_cores(), len(work))
    context = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(workers, context, _start_worker, arguments) as pool:
        yield from pool.map(encode_rollout, work, chunksize=4)


def _start_worker(weights: Path, compute: str) -> None:
    """Initialiser of a worker process."""
    end_with_parent()
    _start(weights, compute)


def _start(weights: Path, compute: str) -> None:
    """Build the encoder of this process."""
    from wmlib.models.inference import FrameEncoder, single_thread
    from wmlib.models.weights import load_weights

    global _encoder
    single_thread()
    _encoder = FrameEncoder(load_weights(weights), compute=compute)


def encode_rollout(pair: tuple[Path, Path]) -> int:
    """Encode one episode; returns its number of frames."""
    source, target = pair
    rollout = RolloutStore.read(source)
    parts = [_encoder(rollout.frames[i : i + 64]) for i in range(0, len(rollout.frames), 64)]
    mu, log_variance = (np.concatenate(arrays).astype(np.float16) for arrays in zip(*parts, strict=True))
    done = np.zeros(len(rollout), np.float32)
    done[-1] = rollout.terminated
    write_arrays(
        target,
        {"mu": mu, "log_variance": log_variance, "actions": rollout.actions, "rewards": rollout.rewards, "done": done},
    )
    return len(rollout.frames)
