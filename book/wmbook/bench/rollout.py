"""Contenders of the group *rollout*: environment, V, M and C together, on all cores.

Weights are random and untrained, written to a temporary folder: what a step costs does not depend on them.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from wmlib.config import ACTION_SIZE, FRAME_SHAPE, LATENT_SIZE, Config, ControllerConfig, MemoryConfig
from wmlib.models.controller import act, parameter_count
from wmlib.rollout.executors import ProcessExecutor
from wmlib.rollout.lanes import Job
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import available_cores, end_with_parent, one_thread_each, quiet
from wmlib.seeds import generator

EPISODE = 250  # frames, the reset before them included in the clock
LANES = 64  # cars per worker
FIRST_TRACK = 1

_shared: dict = {}  # processes that contenders of one host share


def random_parameters(count: int) -> np.ndarray:
    """Controllers as a search begins with: (count, 867)."""
    return generator(0, "bench", "controllers").normal(0.0, 0.1, (count, parameter_count(ControllerConfig())))


def random_weights() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Arrays of V's encoder, with its int8 scales, and of M; their variance is Glorot and Bengio's (2010)."""
    from wmlib.models.inference import calibrate, encoder_shapes

    hidden, mixtures = MemoryConfig().hidden_size, MemoryConfig().mixtures
    memory = {
        "lstm/kernel": (LATENT_SIZE + ACTION_SIZE, 4 * hidden),
        "lstm/recurrent_kernel": (hidden, 4 * hidden),
        "lstm/bias": (4 * hidden,),
        "mixture/kernel": (hidden, 3 * mixtures * LATENT_SIZE),
        "mixture/bias": (3 * mixtures * LATENT_SIZE,),
        **{f"{head}/kernel": (hidden, 1) for head in ("reward", "done")},
        **{f"{head}/bias": (1,) for head in ("reward", "done")},
    }
    random = generator(0, "bench", "weights")

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        scale = np.sqrt(2 / (np.prod(shape[:-1]) + shape[-1])) if len(shape) > 1 else 0.0
        return (scale * random.standard_normal(shape)).astype(np.float32)

    encoder, memory = ({name: draw(shape) for name, shape in shapes.items()} for shapes in (encoder_shapes(), memory))
    return encoder | calibrate(encoder, random.integers(0, 256, (50, *FRAME_SHAPE), dtype=np.uint8)), memory


class Weights:
    """A temporary folder with random weights of V and M, removed by :meth:`close`."""

    def __init__(self):
        from wmlib.models.weights import save_weights

        self.folder = tempfile.TemporaryDirectory(prefix="wmlib-bench-")
        self.encoder, self.memory = (Path(self.folder.name) / f"{name}.npz" for name in ("encoder", "memory"))
        for path, weights in zip((self.encoder, self.memory), random_weights(), strict=True):
            save_weights(path, weights)

    def spec(self, lanes: int = LANES, steps: int = 1000, compute: str = Config().encoder_compute) -> WorkerSpec:
        """A rollout worker as the search describes it."""
        return WorkerSpec(
            lanes,
            ControllerConfig().samples,
            encoder=self.encoder,
            memory=self.memory,
            controller=ControllerConfig(),
            compute=compute,
            max_steps=steps,
        )

    def close(self) -> None:
        self.folder.cleanup()


class Generation:
    """A whole generation on worker processes: jobs handed out, tracks made, every episode driven.

    Args:
        population: candidates, one track each.
        workers: processes; 0 is one per core.
        compute: arithmetic of V.
    """

    def __init__(self, population: int, workers: int = 0, compute: str = Config().encoder_compute):
        self.workers = workers or available_cores()
        self.population, self.track = random_parameters(population), FIRST_TRACK
        self.key = self.workers, compute
        if self.key not in _shared:
            weights = Weights()
            _shared[self.key] = weights, ProcessExecutor(weights.spec(steps=EPISODE, compute=compute), self.workers)
            self._drive(self.workers)  # starts the workers, compiles

    def _drive(self, count: int) -> int:
        jobs = [Job(index, index, self.track) for index in range(count)]
        self.track += 1
        return sum(episode.steps for episode in _shared[self.key][1].run(jobs, self.population))

    def measure(self) -> dict[str, float]:
        """Steps per second, seconds per generation, seconds per worker to hand out nothing."""
        began = time.perf_counter()
        steps = self._drive(len(self.population))
        seconds = time.perf_counter() - began
        self._drive(0)
        dispatch = time.perf_counter() - began - seconds
        return {"steps": steps / seconds, "generation": seconds, "dispatch": dispatch / self.workers}

    def close(self) -> None:
        if self.key in _shared:
            weights, executor = _shared.pop(self.key)
            executor.__exit__()
            weights.close()


class UsualLoop:
    """What most implementations do: in each process one Gymnasium environment and Keras models called on one frame.

    Args:
        compiled: wrap each model in ``tf.function``, once.
    """

    def __init__(self, compiled: bool):
        self.compiled, self.workers, self.track = compiled, available_cores(), FIRST_TRACK
        if "usual" not in _shared:
            _shared["usual"] = ProcessPoolExecutor(self.workers, get_context("spawn"), _start_usual)
        with one_thread_each():
            self._drive(20)

    def _drive(self, steps: int) -> int:
        tasks = [(self.compiled, self.track + worker, steps) for worker in range(self.workers)]
        futures = [_shared["usual"].submit(_drive_usual, *task) for task in tasks]
        return sum(future.result() for future in futures)

    def measure(self) -> dict[str, float]:
        """Steps per second of all processes together."""
        began = time.perf_counter()
        steps = self._drive(EPISODE)
        self.track += 1
        return {"steps": steps / (time.perf_counter() - began)}

    def close(self) -> None:
        if "usual" in _shared:
            _shared.pop("usual").shutdown(cancel_futures=True)


def _start_usual() -> None:
    """Initialiser of a process of the usual loop: environment, and both models with and without ``tf.function``."""
    global _environment, _models
    end_with_parent()
    with quiet():
        import gymnasium
        import keras
        import tensorflow as tf

        from wmlib.models.vae import build_encoder

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        encoder, cell = build_encoder(), keras.layers.LSTMCell(MemoryConfig().hidden_size)
        cell.build((None, LATENT_SIZE + ACTION_SIZE))
        _environment = gymnasium.make("CarRacing-v3")

    def see(frame):
        return encoder(frame)[0]

    def remember(x, h, c):
        return cell(x, [h, c])[1]

    _models = {False: (see, remember), True: (tf.function(see), tf.function(remember))}


def _drive_usual(compiled: bool, track: int, steps: int) -> int:
    """One episode; returns the steps made."""
    from wmlib.envs.carracing import preprocess

    see, remember = _models[compiled]
    parameters = random_parameters(1)
    h = c = np.zeros((1, MemoryConfig().hidden_size), np.float32)
    observation, _ = _environment.reset(seed=track)
    for step in range(steps):
        z = np.asarray(see(preprocess(observation)[None].astype(np.float32) / 255))
        action = act(ControllerConfig(), parameters, z, np.asarray(h))
        h, c = remember(np.concatenate([z, action], axis=1), h, c)
        observation, _, terminated, truncated, _ = _environment.step(action[0])
        if terminated or truncated:
            return step + 1
    return steps
