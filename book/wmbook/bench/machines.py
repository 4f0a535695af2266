"""What a generation costs against workers: processes of one machine, and Ray workers, one a node, all on this machine.

``python -m wmbook.bench.machines`` writes ``book/results/machines.json``. Several nodes on one machine share its cores,
so this tells what Ray adds to a generation, not what another machine gives.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from statistics import median

import numpy as np

from wmbook.records.records import find_root
from wmlib.rollout.cluster import RayExecutor
from wmlib.rollout.executors import ProcessExecutor
from wmlib.rollout.lanes import Job
from wmlib.runs import available_cores, processor, write_json
from wmlib.stages.agents import shipped_agent

CANDIDATES, TRACKS, FRAMES, ROUNDS = 64, 2, 100, 5


def generation(executor, parameters: np.ndarray) -> float:
    """Seconds that all candidates take to drive the same tracks."""
    jobs = [Job(index, index % CANDIDATES, 1 + index // CANDIDATES) for index in range(CANDIDATES * TRACKS)]
    began = time.perf_counter()
    executor.run(jobs, parameters)
    return time.perf_counter() - began


def measure(rounds: int = ROUNDS) -> dict:
    """Medians over rounds in which the contenders take turns; each is warmed up by a generation of its own."""
    import ray
    from ray.cluster_utils import Cluster

    agent, load = shipped_agent("vae-zh"), os.getloadavg()[0]
    spec = replace(agent.worker_spec(32), max_steps=FRAMES)
    parameters = agent.parameters + 0.1 * np.random.default_rng(0).standard_normal((CANDIDATES, len(agent.parameters)))
    counts = sorted({1, available_cores()})
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(max(counts)):
        nodes.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    ours = [(f"{kind}_{count}", kind, count) for count in counts for kind in ("processes", "ray")]
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in ours}
    for name, kind, count in ours:  # one at a time: a worker that waits still holds its CPU of the cluster
        ray_executor = kind == "ray" and RayExecutor(spec, count, nodes.address)
        with ray_executor or ProcessExecutor(spec, count) as executor:
            generation(executor, parameters)
            seconds[name] = [generation(executor, parameters) for _ in range(rounds)]
    ray.shutdown()
    nodes.shutdown()
    middle = {name: median(values) for name, values in seconds.items()}
    return {
        "candidates": CANDIDATES,
        "tracks": TRACKS,
        "frames": FRAMES,
        "rounds": rounds,
        "load_before": round(load, 1),
        "processor": processor()["model"],
        "seconds": {name: round(value, 2) for name, value in middle.items()},
        "ray_share": {str(count): round(middle[f"ray_{count}"] / middle[f"processes_{count}"], 2) for count in counts},
    }


if __name__ == "__main__":
    found = measure()
    write_json(find_root() / "book" / "results" / "machines.json", found)
    print(found)
