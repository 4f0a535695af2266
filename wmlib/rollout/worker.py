"""One rollout worker: builds simulator and driver from a small, picklable description, then drives batches of jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmlib.config import MAX_STEPS, TASKS, ControllerConfig
from wmlib.data.rollouts import RolloutStore
from wmlib.envs import world
from wmlib.errors import UserError
from wmlib.rollout.drivers import ActionNoise, WorldModelDriver
from wmlib.rollout.lanes import Episode, Job, drive
from wmlib.rollout.lessons import Lessons, Pupil
from wmlib.rollout.recorder import Recorder
from wmlib.rollout.teacher import read_teacher


@dataclass(frozen=True)
class WorkerSpec:
    """Everything a worker needs to know. Paths to weights, not weights: workers load them once.

    Attributes:
        lanes: cars in lockstep.
        samples: simulator sub-samples per pixel edge; ignored by Gymnasium's own renderer.
        renderer: one of the task's.
        encoder: V's encoder weights, or None for ``baseline``, a driver that learns nothing.
        memory: M's weights, or None for a controller of z alone.
        controller: C's architecture.
        compute: arithmetic of the encoder.
        noise: scale of action noise.
        record: folder to write rollouts to, or None.
        max_steps: frames per episode at most.
        task: which game.
        baseline: one of the task's drivers without V, M and C.
        teacher: weights of a teacher whose lessons are recorded instead of rollouts, or None.
        every: frames between two of a lesson.
    """

    lanes: int
    samples: int = 2
    renderer: str = "wmlib"
    encoder: Path | None = None
    memory: Path | None = None
    controller: ControllerConfig | None = None
    compute: str = "float32"
    noise: float = 0.0
    record: Path | None = None
    max_steps: int = MAX_STEPS
    task: str = "carracing"
    baseline: str = "random"
    teacher: Path | None = None
    every: int = 1


class Worker:
    """Lanes of a task, V, M and C of one process."""

    def __init__(self, spec: WorkerSpec):
        task = TASKS[spec.task]
        self.spec, self.step_cost = spec, task.step_cost
        self.simulator = world(spec.task).make_lanes(spec.lanes, spec.samples, spec.renderer, spec.max_steps)
        self.driver = make_driver(spec)
        self.recorder = None
        if spec.teacher:
            self.recorder = Lessons(spec.record, spec.lanes, spec.every)
            self.driver = Pupil(self.driver, read_teacher(spec.teacher), self.simulator, self.recorder)
        elif spec.record:
            self.recorder = Recorder(RolloutStore(spec.record), spec.lanes, spec.max_steps)

    def run(self, next_job: Callable[[], Job | None], population: np.ndarray | None, patience: int) -> list[Episode]:
        """Drive every job ``next_job`` hands out.

        Args:
            population: parameters (candidates, P) that ``job.candidate`` indexes; None for the random driver.
            patience: see :func:`wmlib.rollout.lanes.drive`.
        """
        steps = self.spec.max_steps
        return list(
            drive(self.simulator, self.driver, next_job, population, patience, steps, self.recorder, self.step_cost)
        )


def make_driver(spec: WorkerSpec):
    """The driver a description asks for."""
    return _world_model_driver(spec) if spec.encoder else world(spec.task).BASELINES[spec.baseline](spec.lanes)


def _world_model_driver(spec: WorkerSpec) -> WorldModelDriver:
    from wmlib.models.controller import act
    from wmlib.models.inference import FrameEncoder, MemoryStep, single_thread
    from wmlib.models.weights import load_weights

    single_thread()
    task, config = TASKS[spec.task], spec.controller
    encoder = FrameEncoder(load_weights(spec.encoder), compute=spec.compute)
    memory = MemoryStep(load_weights(spec.memory)) if spec.memory else None
    if encoder.latent_size != task.latent_size:
        raise UserError(f"{spec.encoder}: {encoder.latent_size} latent dimensions, {spec.task} has {task.latent_size}")
    if memory and memory.input_size != task.latent_size + task.action_size:
        raise UserError(f"{spec.memory}: M takes {memory.input_size} inputs, not those of {spec.encoder} and an action")

    def encode(frames: np.ndarray) -> np.ndarray:
        return encoder(frames)[0]

    def controller(parameters: np.ndarray, z: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
        return act(config, parameters, z, h, c, task.action_size)

    noise = ActionNoise(spec.lanes, spec.noise, task) if spec.noise else None
    return WorldModelDriver(spec.lanes, encode, memory, controller, memory.hidden_size if memory else 1, noise, task)
