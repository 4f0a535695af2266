"""Worker processes that are watched: when one dies, stops or hangs, the batch ends and the next has new ones."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from wmlib.errors import UserError
from wmlib.runs.machine import end_group, end_with_parent, one_thread_each

SILENT = 120.0  # seconds without a beat after which a worker that has work counts as hanging
STARTING = 600.0  # seconds a worker may take to start, and then to its first beat: the first ever compiles
CLOSING = 10.0  # seconds that idle workers may take to end
IDLE = math.inf  # in place of the time of the last beat: nothing to do

Lost = BrokenProcessPool  # raised by :meth:`Pool.run`


class Pool:
    """Processes that start once and then carry out batch after batch.

    Args:
        workers: how many.
        start: called once in each, with ``arguments``.
    """

    def __init__(self, workers: int, start: Callable, *arguments):
        context = multiprocessing.get_context("spawn")
        # Without locks, which a stopped process might hold; aligned words are written whole
        self.beats, self.numbers = context.Array("d", workers, lock=False), context.Array("q", workers, lock=False)
        grace = max(0.0, STARTING - SILENT)
        self.beats[:] = [time.monotonic() + grace] * workers
        shared = (self.beats, self.numbers, context.Value("q", 0), grace)
        self.processes: set = set()
        self.pool = ProcessPoolExecutor(workers, context, _start, (shared, start, arguments))

    def run(self, function: Callable, batch: Iterable[tuple]) -> Iterator[list]:
        """Call ``function`` with each of the argument tuples; yields what came back, at least once a second.

        Raises:
            Lost: a worker died or hung. Close this pool; what has not come back is to be done again.
            UserError: a worker had no memory left.
        """
        others = set(multiprocessing.active_children())
        with one_thread_each():
            waiting = {self.pool.submit(_carry_out, function, *arguments) for arguments in batch}
        self.processes |= set(multiprocessing.active_children()) - others
        heard = time.monotonic()
        while waiting:
            done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            try:
                yield [future.result() for future in done]
            except MemoryError:
                raise UserError("a worker had no memory left; fewer: --set rollout.workers=1") from None
            if done or any(beat != IDLE for beat in self.beats):
                heard = time.monotonic()
            self._end_silent(heard)

    def _end_silent(self, heard: float) -> None:
        """Kill the processes if one has been silent for too long, or all idle for as long with work waiting."""
        now = time.monotonic()
        silent = [number for beat, number in zip(self.beats, self.numbers) if now - beat > SILENT]
        if silent or now - heard > SILENT:
            names = " and ".join(str(number or "that never started") for number in silent) or "that should take work"
            print(
                f"worker {names} made no step for {SILENT:g} s; it is replaced and its work done again",
                file=sys.stderr,
                flush=True,
            )
            self._kill()

    def _kill(self) -> None:
        for process in self.processes:
            end_group(process.pid)  # a worker that was stopped or killed cannot end its games
            process.kill()  # one that had no time yet to found its group

    def close(self, kill: bool = False) -> None:
        """End the processes; ``kill``: at once. Those that do not end by themselves are stopped ones: killed too."""
        if kill:
            self._kill()
        self.pool.shutdown(wait=False, cancel_futures=True)
        patience = time.monotonic() + CLOSING
        for process in self.processes:
            process.join(max(0.0, patience - time.monotonic()))
        self._kill()
        for process in self.processes:
            while process.is_alive():  # one join may return early: the executor's own thread waits for it, too
                process.join(0.01)
        self.processes.clear()  # their numbers may be others' soon


def _start(shared: tuple, start: Callable, arguments: tuple) -> None:
    """Initialiser of a worker process."""
    global _beats, _slot, _grace, _failure
    _beats, numbers, started, _grace = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    end_with_parent()
    with started.get_lock():
        _slot = started.value
        started.value = _slot + 1
    numbers[_slot] = os.getpid()
    try:
        start(*arguments)
        _failure = None
    except Exception as error:  # raised by the first work: the executor would only say that a worker is gone
        _failure = error
    _beats[_slot] = IDLE


def beat() -> None:
    """Called by work in a worker process at every step it makes."""
    _beats[_slot] = time.monotonic()


def _carry_out(function: Callable, *arguments):
    global _grace
    _beats[_slot] = time.monotonic() + _grace
    _grace = 0.0
    try:
        if _failure is not None:
            raise _failure
        return function(*arguments)
    finally:
        _beats[_slot] = IDLE
