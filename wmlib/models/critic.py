"""The critic: what a state of the dream is worth to the C that drives it. Needed only while C learns."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from wmlib import seeds


class Critic:
    """Discounted future reward of [z, h], times (1 - gamma), so that it is of the size of one reward.

    Args:
        inputs: 32 + hidden.
        units: of each of two hidden layers (tanh).
        rate: Adam's.
        seed: fixes the weights and the order of examples.
    """

    def __init__(self, inputs: int, units: int = 128, rate: float = 1e-3, seed: int = 0):
        random = seeds.generator(seed, "critic", "weights")

        def dense(units: int, activation=None):
            start = keras.initializers.GlorotUniform(int(random.integers(2**31)))
            return keras.layers.Dense(units, activation, kernel_initializer=start)

        self.network = keras.Sequential([keras.Input((inputs,)), dense(units, "tanh"), dense(units, "tanh"), dense(1)])
        self.network.compile(keras.optimizers.Adam(rate), "mse", jit_compile=False)
        self.random = seeds.generator(seed, "critic", "batches")
        self.centre, self.scale = np.zeros(inputs, np.float32), np.ones(inputs, np.float32)
        self._values = tf.function(lambda x: self.network(x)[..., 0], reduce_retracing=True)

    def standardise(self, inputs: np.ndarray) -> None:
        """Take centre and spread of the inputs (n, inputs) from these."""
        self.centre, self.scale = inputs.mean(0), inputs.std(0) + np.float32(1e-3)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Values (...) of inputs (..., inputs), float32."""
        x = ((inputs - self.centre) / self.scale).reshape(-1, inputs.shape[-1])
        return self._values(x).numpy().reshape(inputs.shape[:-1])

    def fit(self, inputs: np.ndarray, returns: np.ndarray, batch: int = 2048) -> float:
        """One pass over inputs (n, inputs) and their returns (n,); the mean squared error before each batch's step."""
        x = (inputs - self.centre) / self.scale
        order = self.random.permutation(len(x))
        losses = [
            self.network.train_on_batch(x[part], returns[part, None])
            for part in np.array_split(order, max(1, len(x) // batch))
        ]
        self.network.reset_metrics()
        return float(np.mean(losses))
