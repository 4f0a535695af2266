"""Rollouts on a Ray cluster of several nodes on this machine: nodes go, come, hang, and the returns stay the same."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from wmlib.config import Config, ControllerConfig
from wmlib.errors import UserError
from wmlib.models.weights import load_weights, save_weights
from wmlib.rollout import cluster
from wmlib.rollout.executors import SerialExecutor, make_executor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import read_arrays, write_arrays
from wmlib.stages.adopt import adopt
from wmlib.stages.agents import shipped_agent
from wmlib.stages.chain import Chain, plan
from wmlib.stages.dreams import Dreams

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'wmlib[ray]'")
pytestmark = pytest.mark.slow
JOBS = [Job(index, index % 5, 40 + index % 4) for index in range(120)]
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


@pytest.fixture(scope="module")
def spec():
    agent = shipped_agent("vae-zh")
    return WorkerSpec(8, 2, encoder=agent.path("encoder"), memory=agent.path("memory"), controller=ControllerConfig(),
                      max_steps=40)  # fmt: skip


@pytest.fixture(scope="module")
def population():
    return shipped_agent("vae-zh").parameters + 0.1 * np.random.default_rng(0).standard_normal((5, 867))


@pytest.fixture(scope="module")
def reference(spec, population):
    return SerialExecutor(spec).run(JOBS, population)


def patiently(start, **options):
    """A node, or a cluster with its head: Ray gives up one that takes half a minute, as on a busy machine."""
    for left in (2, 1, 0):
        try:
            return start(**options)
        except Exception as error:
            if "timed out" not in str(error) or not left:
                raise


@pytest.fixture
def nodes(monkeypatch):
    """A head without CPUs and two nodes with one each: three nodes."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    head = {**NODE, "num_cpus": 0, "include_dashboard": False}
    started = patiently(Cluster, initialize_head=True, head_node_args=head)
    started.workers = [patiently(started.add_node, **NODE) for _ in range(2)]
    yield started
    ray.shutdown()
    started.shutdown()


class Watch:
    """Stands where a progress bar would: counts, and calls ``then[n]`` at the n-th answer that brings episodes."""

    def __init__(self, *then):
        self.count, self.then = 0, list(then)

    def advance(self, count):
        self.count += count
        if self.then:
            self.then.pop(0)()


def test_nodes_go_and_come_and_returns_stay(nodes, spec, population, reference):
    first, second = nodes.workers
    watch = Watch(
        lambda: nodes.remove_node(first, allow_graceful=False),
        lambda: patiently(nodes.add_node, **NODE),
        lambda: nodes.remove_node(second, allow_graceful=False),  # what is left, the added node drives
    )
    with cluster.RayExecutor(spec, address=nodes.address) as executor:
        assert executor.run(JOBS, population, progress=watch) == reference
    assert watch.count == len(JOBS) and not watch.then


def test_a_worker_that_hangs_is_doubled_and_counts_once(nodes, spec, population, reference, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "SILENCE", 3.0)
    with cluster.RayExecutor(spec, limit=5, address=nodes.address) as executor:
        assert executor.run(JOBS, population) == reference
        said = capsys.readouterr().err
        assert "rollout.workers=5, the cluster has 2 CPUs" in said and len(executor.idle) <= 2
        while len(executor.idle) < 2:
            time.sleep(0.1)
            [executor._answer(done) for done in ray.wait(list(executor.calls), timeout=1)[0] if executor.calls]
        hanging = ray.get(executor.idle[0].__ray_call__.remote(lambda self: os.getpid()))
        os.kill(hanging, signal.SIGSTOP)
        watch = Watch()
        assert executor.run(JOBS, population, progress=watch) == reference and watch.count == len(JOBS)
        assert "a second worker drives it, too" in capsys.readouterr().err
        assert executor.run(JOBS[::-1], population) == reference[::-1], "the late answer belongs to no later batch"


def test_dreams_are_judged_alike_though_a_node_is_lost_on_the_way(nodes, spec, tmp_path, monkeypatch):
    settings = ["controller.world=dream", "controller.dream_steps=20", "memory.hidden_size=256"]
    config = Config.preset("smoke").override(settings)
    chain, random = Chain(config, tmp_path), np.random.default_rng(0)
    save_weights(chain.memory / "memory.npz", load_weights(spec.memory))
    for number in range(4):  # first frames, which are all that dreams need of the data
        write_arrays(chain.encode / "latents" / f"{number:06d}.npz", {"mu": random.normal(size=(2, 32))})
        write_arrays(chain.collect / "rollouts" / f"{number:06d}.npz", {})
    candidates = random.normal(0, 0.1, (12, 867))
    monkeypatch.setattr("wmlib.envs.dream.STRETCH", 5)
    judge, heard = Dreams(chain).judge, []
    expected = judge(config.controller, SerialExecutor(spec), candidates, [1, 2, 3, 4])
    with cluster.RayExecutor(spec, address=nodes.address) as executor:
        answer = executor._answer

        def answer_and_lose(reference):
            heard.append(len(executor.calls.get(reference)[1]))
            if heard.count(1) == 5 and len(nodes.workers) == 2:  # once, in the second stretch of four blocks
                nodes.remove_node(nodes.workers.pop(), allow_graceful=False)
            return answer(reference)

        monkeypatch.setattr(executor, "_answer", answer_and_lose)
        found = judge(config.controller, executor, candidates, [1, 2, 3, 4])
    assert heard.count(1) >= 8 and len(nodes.workers) == 1
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]


def test_collection_and_gymnasium_drive_the_same(nodes, tmp_path):
    def executor(kind, **options):
        rollout = Config().override([f"rollout.executor={kind}", *options.pop("more", [])]).rollout
        return make_executor(rollout, WorkerSpec(2, max_steps=12, **options))

    more = [f"rollout.address={nodes.address}"]
    for name, options in {"record": {"record": tmp_path}, "score": {"renderer": "gymnasium"}}.items():
        found = []
        for kind, extra in (("serial", []), ("ray", more)):
            here = {"record": tmp_path / kind} if name == "record" else options
            with executor(kind, more=extra, **here) as running:
                found.append(running.run([Job(i, 0, 7 + i) for i in range(4)]))
        assert found[0] == found[1], name
    for file in sorted((tmp_path / "serial").glob("*.npz")):
        with np.load(file) as one, np.load(tmp_path / "ray" / file.name) as other:
            assert all(np.array_equal(one[key], other[key]) for key in one.files)


def test_what_cannot_work_is_refused_in_one_line(nodes, spec, tmp_path, monkeypatch):
    missing = WorkerSpec(2, encoder=tmp_path / "encoder.npz", controller=ControllerConfig(inputs="z"))
    with cluster.RayExecutor(missing, address=nodes.address) as executor:
        with pytest.raises(UserError, match="a worker failed: .*encoder.npz"):
            executor.run(JOBS[:2], np.zeros((5, 99)))
    with pytest.raises(UserError, match="is connected to .* already"):
        cluster.RayExecutor(spec, address="elsewhere:6379")
    ray.shutdown()
    with pytest.raises(UserError, match="127.0.0.1:1: no Ray cluster answers"):
        cluster.RayExecutor(spec, address="127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="Ray is not installed"):
        cluster.RayExecutor(spec)


def test_the_head_is_lost_and_the_run_resumes(nodes, tmp_path):
    from ray.cluster_utils import Cluster

    sets = ("controller.generations=12", "controller.population=8", "controller.tracks=1", "controller.patience=10",
            "controller.validate_every=12", "controller.validation_tracks=2")  # fmt: skip
    for name in ("serial", "ray"):
        adopt(shipped_agent("vae-zh"), tmp_path / name)

    def command(name, *more):
        options = [part for value in (*sets, f"rollout.executor={name}", *more) for part in ("--set", value)]
        return [sys.executable, "-m", "wmlib", "controller", "--run", name, *options]  # a folder named from here

    subprocess.run(command("serial"), check=True, capture_output=True, cwd=tmp_path)
    process = subprocess.Popen(command("ray", f"rollout.address={nodes.address}"), stderr=subprocess.PIPE, cwd=tmp_path)
    while not list((tmp_path / "ray").glob("controller*/search.*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    nodes.remove_node(nodes.head_node, allow_graceful=False)
    assert process.wait(90) != 0
    stage = Chain(shipped_agent("vae-zh").config, tmp_path / "ray").controller
    assert not stage.done, "the head went before the search was over"
    for node in nodes.workers:
        nodes.remove_node(node, allow_graceful=False)
    again = patiently(Cluster, initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        last = command("ray", f"rollout.address={again.address}")
        subprocess.run(last, check=True, capture_output=True, cwd=tmp_path)
    finally:
        again.shutdown()
    files = [tmp_path / name / stage.name / "controller.npz" for name in ("serial", "ray")]
    one, other = (read_arrays(file, ("parameters",)) for file in files)
    assert np.array_equal(one["parameters"], other["parameters"])


def test_rollout_settings_are_part_of_no_identity(tmp_path):
    here = Config.preset("smoke")
    there = here.override(["rollout.executor=ray", "rollout.address=head:6379", "rollout.workers=9"])
    for (one, name), (other, _) in zip(plan(here, tmp_path), plan(there, tmp_path), strict=True):
        assert one.stage(name).identity == other.stage(name).identity
    with pytest.raises(UserError, match="only rollout.executor=ray goes there"):
        here.override(["rollout.address=head:6379"])
    with pytest.raises(UserError, match="write it as host:port"):
        here.override(["rollout.executor=ray", "rollout.address=ray//head"])
