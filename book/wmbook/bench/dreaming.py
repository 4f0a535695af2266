"""Contenders of the group *dream*: driving inside M, and CMA-ES, the part of a search that no second core helps."""

from __future__ import annotations

import time

import numpy as np

from wmbook.bench.rollout import random_parameters, random_weights
from wmbook.lessons.dreams import rollout
from wmlib.config import ControllerConfig, MemoryConfig
from wmlib.runs import available_cores
from wmlib.seeds import generator

LANES = 1024
SECONDS = 1.0  # per repetition, about


class Dreaming:
    """The project's compiled dream: C, M and the mixture for 1,024 lanes at once, on all cores."""

    def __init__(self, steps: int = 100):
        from wmlib.envs.dream import Dream

        self.dream, self.steps = Dream(random_weights()[1]), steps
        self.parameters = random_parameters(LANES)
        self.z = generator(0, "bench", "dream").standard_normal((LANES, 32)).astype(np.float32)
        self.measure()

    def measure(self) -> dict[str, float]:
        """Dream steps per second."""
        began = time.perf_counter()
        rollout(self.dream, ControllerConfig(), self.parameters, self.z, self.steps, threads=available_cores())
        return {"steps": LANES * self.steps / (time.perf_counter() - began)}


class PlainDreaming:
    """Keras' LSTM cell and dense layers called step by step; C and the sampling in NumPy.

    Args:
        lanes: dreams side by side.
        compiled: M as one ``tf.function``.
    """

    def __init__(self, lanes: int, compiled: bool):
        import keras
        import tensorflow as tf

        config = MemoryConfig()
        cell = keras.layers.LSTMCell(config.hidden_size)
        cell.build((None, 35))
        heads = [keras.layers.Dense(units) for units in (3 * config.mixtures * 32, 1, 1)]

        def remember(x, h, c):
            _, (h, c) = cell(x, [h, c])
            return h, c, *(head(h) for head in heads)

        self.remember = tf.function(remember) if compiled else remember
        self.parameters, self.mixtures = random_parameters(lanes), config.mixtures
        self.random = generator(0, "bench", "plain dream")
        self.z = self.random.standard_normal((lanes, 32)).astype(np.float32)
        self.h = self.c = np.zeros((lanes, config.hidden_size), np.float32)
        for _ in range(3):
            self.step()

    def step(self) -> None:
        """One step of every lane."""
        from wmlib.models.controller import act

        lanes = len(self.z)
        action = act(ControllerConfig(), self.parameters, self.z, np.asarray(self.h))
        self.h, self.c, mixture, _, _ = self.remember(np.concatenate([self.z, action], axis=1), self.h, self.c)
        logits, mu, log_sigma = np.split(np.asarray(mixture).reshape(lanes, 32, 3 * self.mixtures), 3, axis=-1)
        share = np.cumsum(np.exp(logits - logits.max(-1, keepdims=True)), axis=-1)
        chosen = self.random.random((lanes, 32, 1)) * share[..., -1:] > share
        chosen = np.minimum(chosen.sum(-1, keepdims=True), self.mixtures - 1)
        mean, scale = (np.take_along_axis(part, chosen, -1)[..., 0] for part in (mu, np.exp(log_sigma)))
        self.z = (mean + scale * self.random.standard_normal((lanes, 32))).astype(np.float32)

    def measure(self) -> dict[str, float]:
        """Dream steps per second."""
        began, steps = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            self.step()
            steps += 1
        return {"steps": steps * len(self.z) / (time.perf_counter() - began)}


class Search:
    """CMA-ES between two generations: ask and tell, the decomposition of its covariance included."""

    def __init__(self, population: int = 64, generations: int = 10):
        from wmlib.search.cmaes import CMAES

        self.search = CMAES(random_parameters(1).shape[1], population, 0.1, seed=0)
        self.random, self.generations = generator(0, "bench", "fitness"), generations
        self._generation()

    def _generation(self) -> None:
        candidates = self.search.ask()
        self.search.tell(self.random.standard_normal(len(candidates)))

    def measure(self) -> dict[str, float]:
        """Seconds per generation."""
        began = time.perf_counter()
        for _ in range(self.generations):
            self._generation()
        return {"search": (time.perf_counter() - began) / self.generations}
