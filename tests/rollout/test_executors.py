"""Executors: the same returns in this process, in worker processes, and in any number and width of them."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from wmlib.config import ControllerConfig, MemoryConfig
from wmlib.errors import UserError
from wmlib.models.weights import save_weights
from wmlib.rollout.executors import ProcessExecutor, SerialExecutor
from wmlib.rollout.lanes import Job, in_order
from wmlib.rollout.worker import WorkerSpec

JOBS = [Job(index, index % 5, 40 + index % 3) for index in range(10)]
STEPS = 60


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """A world model with random weights, and five controllers."""
    from wmlib.models.inference import encoder_shapes

    random = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("weights")
    encoder = {name: 0.05 * random.standard_normal(shape) for name, shape in encoder_shapes().items()}
    hidden = MemoryConfig().hidden_size
    shapes = {
        "lstm/kernel": (35, 4 * hidden),
        "lstm/recurrent_kernel": (hidden, 4 * hidden),
        "lstm/bias": (4 * hidden,),
    }
    save_weights(folder / "encoder.npz", encoder)
    save_weights(folder / "memory.npz", {name: 0.05 * random.standard_normal(shape) for name, shape in shapes.items()})
    return folder, random.standard_normal((5, 867))


def spec(folder, lanes):
    return WorkerSpec(lanes, 2, encoder=folder / "encoder.npz", memory=folder / "memory.npz",
                      controller=ControllerConfig(), max_steps=STEPS)  # fmt: skip


@pytest.fixture(scope="module")
def reference(agent):
    return SerialExecutor(spec(agent[0], 1)).run(JOBS, agent[1])


@pytest.mark.parametrize("lanes", [3, 16])
def test_returns_do_not_depend_on_lanes(agent, reference, lanes):
    assert SerialExecutor(spec(agent[0], lanes)).run(JOBS, agent[1]) == reference


@pytest.mark.slow
def test_returns_do_not_depend_on_workers(agent, reference):
    with ProcessExecutor(spec(agent[0], 4), workers=2) as executor:
        assert executor.run(JOBS, agent[1]) == reference
        assert executor.run(JOBS[::-1], agent[1]) == reference[::-1], "order of jobs is order of episodes"


def test_candidates_differ(reference):
    assert len({(episode.candidate, episode.total) for episode in reference}) > 3


def test_a_lost_episode_is_noticed(reference):
    with pytest.raises(UserError, match="10 jobs gave 9"):
        in_order(JOBS, reference[:-1])


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed():
    code = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from wmlib.runs import end_with_parent
if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        with open(f"/proc/{worker}/stat") as file:
            if file.read().split()[2] == "Z":  # ended, only not collected by init yet
                return
        time.sleep(0.1)
    pytest.fail("the worker lives on")
