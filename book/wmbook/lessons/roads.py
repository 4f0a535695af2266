"""Drives of a shipped agent as V sees them, for chapters that ask what M and C are shown."""

from __future__ import annotations

import numpy as np

from wmlib.models.inference import FrameEncoder
from wmlib.models.weights import load_weights
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import make_driver
from wmlib.simulator.simulator import Simulator
from wmlib.stages.agents import Agent


def drive(agent: Agent, seeds: list[int], steps: int) -> list[dict[str, np.ndarray]]:
    """An episode of each track, ``steps`` steps of it at most: ``mu`` and ``log_variance`` (steps + 1, latent),
    ``actions`` (steps, 3) and ``rewards`` (steps,)."""
    encode = FrameEncoder(load_weights(agent.path("encoder")), agent.config.encoder_compute)
    cars, driver = Simulator(len(seeds), samples=3), make_driver(agent.worker_spec(len(seeds)))
    for lane, track in enumerate(seeds):
        cars.reset(lane, track)
        driver.begin(lane, Job(lane, 0, track), agent.parameters)
    under_way, lengths = np.ones(len(seeds), bool), np.zeros(len(seeds), int)
    frames, actions, rewards = [cars.frames.copy()], [], []
    for _ in range(steps):
        actions.append(driver.act(cars.frames, under_way).copy())
        reward, ended = cars.step(actions[-1], under_way)[:2]
        rewards.append(np.array(reward))
        lengths += under_way
        under_way = under_way & ~ended
        frames.append(cars.frames.copy())
    episodes = []
    for lane, length in enumerate(lengths):
        mu, log_variance = encode(np.array(frames)[: length + 1, lane])
        episode = {"mu": mu, "log_variance": log_variance}
        episode |= {name: np.array(each)[:length, lane] for name, each in (("actions", actions), ("rewards", rewards))}
        episodes.append(episode)
    return episodes
