"""Stage encode. Reads: rollouts, V's encoder. Writes: ``latents/NNNNNN.npz``.

M learns from what V sees. Mean and log-variance are kept, not samples, so that z can be drawn anew in every batch
(appendix A.2).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from wmlib.config import RolloutConfig
from wmlib.data.rollouts import RolloutStore, encoded, read_encoded
from wmlib.errors import UserError
from wmlib.rollout.executors import TRIES
from wmlib.runs import Progress, Stage, Stopwatch, available_cores, present, write_arrays
from wmlib.runs.pool import Lost, Pool


def run(chain, stage: Stage) -> None:
    """Encode the episodes that are missing, one worker per core."""
    config = chain.config
    files = list(itertools.chain.from_iterable(RolloutStore(s / "rollouts").files() for s in chain.collections))
    work = [(file, stage / "latents" / f"{index:06d}.npz") for index, file in enumerate(files)]
    if chain.iteration > 1 and chain.config.keep_vision:  # the same V has encoded the earlier episodes already
        for earlier in sorted((chain.at(chain.iteration - 1).encode / "latents").glob("*.npz")):
            target = stage / "latents" / earlier.name
            if not present(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(OSError):  # a file system without links: it is encoded again
                    os.link(earlier, target)
    finished = [target for _, target in work if present(target)]
    for target in finished:
        read_encoded(target)  # what an interrupted run left is whole
    done = len(finished)
    clock = Stopwatch(stage)
    frames, before, fruitless = 0, len(files) + 1, 0
    with Progress(stage.name, len(files), "episodes", start=done) as progress:
        while missing := [pair for pair in work if not present(pair[1])]:
            fruitless = 0 if len(missing) < before else fruitless + 1
            if fruitless == TRIES:
                raise UserError(f"{stage.path}: workers die without encoding anything; --set rollout.workers=1")
            before = len(missing)
            with suppress(Lost):  # a killed worker costs what it had in hand
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
    pool = Pool(min(rollout.workers or available_cores(), len(work)), _start, *arguments)
    try:
        for counts in pool.run(encode_rollout, [(pair,) for pair in work]):
            yield from counts
    except BaseException:
        pool.close(kill=True)
        raise
    pool.close()


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
    write_arrays(target, encoded(rollout, _encoder))
    return len(rollout.frames)
