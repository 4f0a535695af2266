"""Drives of a shipped agent as V sees them, for chapters that ask what M and C are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from wmlib.config import RolloutConfig
from wmlib.data.rollouts import RolloutStore, encoded
from wmlib.models.inference import FrameEncoder
from wmlib.models.weights import load_weights
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.stages.agents import Agent


def drive(agent: Agent, seeds: list[int], steps: int) -> list[dict[str, np.ndarray]]:
    """An :func:`wmlib.data.rollouts.encoded` episode of each track, ``steps`` steps of it at most."""
    encode = FrameEncoder(load_weights(agent.path("encoder")), agent.config.encoder_compute)
    with TemporaryDirectory() as folder:
        spec = replace(agent.worker_spec(len(seeds)), samples=3, max_steps=steps, record=Path(folder))
        with make_executor(RolloutConfig(executor="serial"), spec) as executor:
            executor.run([Job(index, 0, seed) for index, seed in enumerate(seeds)], agent.parameters[None])
        return [encoded(RolloutStore.read(file), encode) for file in RolloutStore(Path(folder)).files()]
