"""Lockstep driving: one batched call of V, M and C per step for all cars of a worker.

A lane that finishes takes the next job at once, so no lane idles while work is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wmlib.config import MAX_STEPS, TASKS
from wmlib.errors import UserError


class Job(NamedTuple):
    """One episode to drive: which candidate, on which track."""

    index: int
    candidate: int
    track_seed: int


@dataclass(frozen=True)
class Episode:
    """How a job ended. ``stopped`` says that patience ran out, and that ``total`` was completed with -0.1 per frame
    left: exact if the car would never have reached another tile."""

    index: int
    candidate: int
    track_seed: int
    total: float
    steps: int
    lap_finished: bool
    tiles: int
    stopped: bool


def in_order(jobs: list[Job], episodes: list[Episode]) -> list[Episode]:
    """Sort episodes like their jobs. Raises :class:`UserError` if one is missing or its return is not finite."""
    by_index = {episode.index: episode for episode in episodes}
    if len(by_index) != len(jobs):
        raise UserError(f"{len(jobs)} jobs gave {len(by_index)} episodes; the same command continues")
    for episode in episodes:
        if not math.isfinite(episode.total):
            raise UserError(f"candidate {episode.candidate} on track {episode.track_seed}: return is {episode.total}")
    return [by_index[job.index] for job in jobs]


def drive(
    simulator,
    driver,
    next_job: Callable[[], Job | None],
    population: np.ndarray | None = None,
    patience: int = 0,
    max_steps: int = MAX_STEPS,
    recorder=None,
    step_cost: float = TASKS["carracing"].step_cost,
) -> Iterator[Episode]:
    """Drive jobs until ``next_job`` returns None.

    Args:
        simulator: lockstep cars, see :class:`wmlib.simulator.simulator.Simulator`.
        driver: see :mod:`wmlib.rollout.drivers`.
        population: C's parameters (candidates, P) that ``job.candidate`` indexes; None for a driver without any.
        patience: stop a lane after so many frames without a new tile; 0 never stops one.
        max_steps: frames per episode at most.
        step_cost: what each frame left costs a stopped lane.
        recorder: optional, see :class:`wmlib.rollout.recorder.Recorder`.
    """
    lanes = len(simulator.frames)
    jobs: list[Job | None] = [None] * lanes
    active = np.zeros(lanes, bool)
    total, steps = np.zeros(lanes), np.zeros(lanes, int)
    tiles, since_tile = np.zeros(lanes, int), np.zeros(lanes, int)
    exhausted = False

    def refill(lane: int) -> None:
        nonlocal exhausted
        job = None if exhausted else next_job()
        exhausted = job is None
        active[lane] = job is not None
        jobs[lane] = job
        if job is None:
            return
        simulator.reset(lane, job.track_seed)
        driver.begin(lane, job, None if population is None else population[job.candidate])
        total[lane] = steps[lane] = since_tile[lane] = 0
        tiles[lane] = simulator.tiles_visited[lane]
        if recorder is not None:
            recorder.begin(lane, job, simulator.frames[lane])

    for lane in range(lanes):
        refill(lane)
    while active.any():
        actions = driver.act(simulator.frames, active)
        if not np.isfinite(actions[active]).all():
            lane = int(np.argmin(np.isfinite(actions).all(1) | ~active))
            raise UserError(
                f"candidate {jobs[lane].candidate} on track {jobs[lane].track_seed}, frame {steps[lane]}: action "
                f"{actions[lane].tolist()} is not finite; the weights of V, M or C are damaged or did not converge"
            )
        rewards, terminated, truncated = simulator.step(actions, active)
        total[active] += rewards[active]
        steps[active] += 1
        fresh = simulator.tiles_visited > tiles
        tiles = np.where(active, simulator.tiles_visited, tiles)
        since_tile = np.where(fresh, 0, since_tile + 1)
        if recorder is not None:
            for lane in np.flatnonzero(active):
                recorder.step(lane, actions[lane], rewards[lane], simulator.frames[lane])
        late = steps >= max_steps
        stopped = (since_tile >= patience) & ~terminated & ~truncated & ~late if patience else np.zeros(lanes, bool)
        for lane in np.flatnonzero(active & (terminated | truncated | late | stopped)):
            job = jobs[lane]
            unpaid = step_cost * (max_steps - steps[lane]) if stopped[lane] else 0.0
            if recorder is not None:
                recorder.end(lane, bool(terminated[lane]))
            yield Episode(
                job.index,
                job.candidate,
                job.track_seed,
                float(total[lane] - unpaid),
                int(steps[lane]),
                bool(simulator.lap_finished[lane]),
                int(tiles[lane]),
                bool(stopped[lane]),
            )
            refill(lane)
