"""Contenders of the group *training*: updates of V and M, and turning frames into z. All on random data in memory."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from wmlib.config import ACTION_SIZE, LATENT_SIZE, MemoryConfig, VisionConfig
from wmlib.runs import available_cores, end_with_parent, one_thread_each
from wmlib.seeds import generator

SECONDS = 1.5  # per repetition, about


class Training:
    """Updates of one model, enough to fill a repetition. ``per_update`` says how much one update learns from."""

    per_update = 1

    def __init__(self):
        self.prepare()
        self.train(2)  # traces
        began = time.perf_counter()
        self.train(2)
        self.updates = max(2, round(SECONDS / (time.perf_counter() - began) * 2))

    def prepare(self) -> None:
        """Build the model and its data."""
        raise NotImplementedError

    def train(self, updates: int) -> None:
        """So many updates."""
        raise NotImplementedError

    def measure(self) -> dict[str, float]:
        """Images or tokens per second."""
        began = time.perf_counter()
        self.train(self.updates)
        return {"rate": self.updates * self.per_update / (time.perf_counter() - began)}


class VisionTraining(Training):
    """V as the stage trains it."""

    per_update = VisionConfig().batch_size

    def __init__(self, compute: str = "float32"):
        self.compute = compute
        super().__init__()

    def prepare(self) -> None:
        from wmlib.models.vae import VAE, random_frames
        from wmlib.stages.training import optimizer_for

        settings = VisionConfig(compute=self.compute)
        self.model = VAE(settings)
        self.model.compile(optimizer=optimizer_for(settings))
        self.frames = random_frames(self.per_update)

    def train(self, updates: int) -> None:
        for _ in range(updates):
            float(self.model.train_on_batch(self.frames, return_dict=True)["loss"])


class PlainVisionTraining(Training):
    """V in plain Keras, by ``fit``."""

    per_update = VisionConfig().batch_size

    def prepare(self) -> None:
        from wmbook.bench.plain import plain_vae
        from wmlib.models.vae import random_frames

        self.model = plain_vae()
        self.frames = random_frames(self.per_update)

    def train(self, updates: int) -> None:
        frames = np.tile(self.frames, (updates, 1, 1, 1)).astype(np.float32) / 255
        self.model.fit(frames, frames, batch_size=self.per_update, verbose=0)


def random_sequences() -> dict[str, np.ndarray]:
    """A batch for M as :class:`wmlib.data.batches.SequenceBatches` makes them."""
    batch, length = MemoryConfig().batch_size, MemoryConfig().sequence_length
    random = generator(0, "bench", "sequences")

    def draw(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    return {
        "mu": draw(batch, length + 1, LATENT_SIZE),
        "log_variance": draw(batch, length + 1, LATENT_SIZE) - 3,
        "action": draw(batch, length, ACTION_SIZE),
        "reward": draw(batch, length),
        "done": np.zeros((batch, length), np.float32),
    }


class MemoryTraining(Training):
    """M as the stage trains it."""

    per_update = MemoryConfig().batch_size * MemoryConfig().sequence_length

    def prepare(self) -> None:
        from wmlib.models.mdnrnn import MDNRNN, faster
        from wmlib.stages.training import optimizer_for

        self.model = faster(MDNRNN())
        self.model.compile(optimizer=optimizer_for(MemoryConfig()))
        self.batch = random_sequences()

    def train(self, updates: int) -> None:
        for _ in range(updates):
            float(self.model.train_on_batch(self.batch, return_dict=True)["loss"])


class PlainMemoryTraining(Training):
    """M in plain Keras, by ``fit``, on z drawn beforehand."""

    per_update = MemoryTraining.per_update

    def prepare(self) -> None:
        from wmbook.bench.plain import plain_memory

        self.model = plain_memory()
        batch = random_sequences()
        x = np.concatenate([batch["mu"][:, :-1], batch["action"]], axis=-1)
        self.data = [x, batch["mu"][:, 1:], batch["reward"][..., None], batch["done"][..., None]]

    def train(self, updates: int) -> None:
        x, *y = (np.tile(array, (updates, 1, 1)) for array in self.data)
        self.model.fit(x, y, batch_size=MemoryConfig().batch_size, verbose=0)


class PlainEncoding:
    """Keras' ``predict``: frames to floats, then through the encoder, on all cores."""

    def __init__(self, images: int = 3000):
        from wmlib.models.vae import build_encoder, random_frames

        self.encoder, self.frames = build_encoder(), random_frames(images)
        self.measure()

    def measure(self) -> dict[str, float]:
        """Images per second."""
        began = time.perf_counter()
        self.encoder.predict(self.frames.astype(np.float32) / 255, batch_size=100, verbose=0)
        return {"rate": len(self.frames) / (time.perf_counter() - began)}


class Encoding:
    """The project's encoder, one process per core, as the stage runs it."""

    def __init__(self, compute: str, images: int = 9600):
        self.images, self.workers = images, available_cores()
        self.pool = ProcessPoolExecutor(self.workers, get_context("spawn"), _start_encoder, (compute,))
        with one_thread_each():
            self._encode(64)

    def _encode(self, images: int) -> None:
        futures = [self.pool.submit(_encode_frames, images) for _ in range(self.workers)]
        for future in futures:
            future.result()

    def measure(self) -> dict[str, float]:
        """Images per second of all processes together."""
        began = time.perf_counter()
        self._encode(self.images)
        return {"rate": self.workers * self.images / (time.perf_counter() - began)}

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)


def _start_encoder(compute: str) -> None:
    """Initialiser of an encoding process."""
    end_with_parent()
    global _encoder, _frames
    from wmbook.bench.rollout import random_weights
    from wmlib.models.inference import FrameEncoder

    _encoder = FrameEncoder(random_weights()[0], compute)
    _frames = generator(0, "bench", "frames").integers(0, 256, (64, 64, 64, 3), dtype=np.uint8)


def _encode_frames(images: int) -> None:
    for _ in range(images // len(_frames)):
        _encoder(_frames)
