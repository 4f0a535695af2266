"""The short form of ``make soak``: batch after batch in one simulator, at constant memory; and the verdict itself."""

import itertools

import numpy as np
from soak import resident, verdict

from wmlib.rollout.executors import SerialExecutor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec

MIB = 2**20


def test_batches_in_one_worker_do_not_grow():
    executor, seeds, sizes = SerialExecutor(WorkerSpec(8, max_steps=30)), itertools.count(1), []
    for _ in range(12):
        executor.run([Job(index, 0, next(seeds)) for index in range(16)])
        sizes.append(resident())
    assert verdict(sizes)["constant"], [size // MIB for size in sizes]


def test_a_leak_is_seen():
    flat = [1000 * MIB] * 20
    assert verdict(flat)["constant"]
    leak = [int(size) for size in np.linspace(1000, 1300, 20) * MIB]
    assert not verdict(leak)["constant"] and verdict(leak)["growth_percent"] > 5
    assert not verdict([7000 * MIB] * 20)["constant"]
