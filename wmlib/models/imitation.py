"""C as a Keras model that learns to act as a teacher would: least squares on actions, by Adam.

The model standardises its inputs. C as a row of parameters (:mod:`wmlib.models.controller`) does not, so that row has
centre and spread folded into its weights.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from wmlib.config import ACTION_SIZE, ControllerConfig

IDLE = 0.05  # what a difference between two brakes that are both off counts
PARTS = (1.0, 0.5, 1.0)  # weights of steering, gas and brake


def action_error(wanted: tf.Tensor, acted: tf.Tensor) -> tf.Tensor:
    """Weighted squared difference of two actions given as pre-activations (batch, 3), mean over the batch.

    Both are squashed by tanh first. A brake below zero is off, however far below.
    """
    difference = tf.tanh(acted) - tf.tanh(wanted)
    off = tf.cast((acted[:, 2] < 0) & (wanted[:, 2] < 0), tf.float32)
    weights = tf.stack([tf.fill(tf.shape(off), PARTS[0]), tf.fill(tf.shape(off), PARTS[1]),
                        PARTS[2] * (1 - off) + IDLE * off], axis=1)  # fmt: skip
    return tf.reduce_mean(tf.reduce_sum(weights * difference**2, axis=1))


def build_student(config: ControllerConfig, centre: np.ndarray, spread: np.ndarray, seed: int = 0) -> keras.Model:
    """Inputs (batch, inputs) to pre-activations (batch, 3): linear, or with one tanh layer between.

    Args:
        centre, spread: of the inputs, (inputs,) each.
    """
    seen = keras.Input((len(centre),))
    x = keras.layers.Normalization(mean=centre, variance=spread**2)(seen)
    if config.hidden_units:
        start = keras.initializers.GlorotUniform(seed)
        x = keras.layers.Dense(config.hidden_units, "tanh", kernel_initializer=start, name="hidden")(x)
    return keras.Model(seen, keras.layers.Dense(ACTION_SIZE, kernel_initializer="zeros", name="action")(x))


def learn(
    student: keras.Model, inputs: np.ndarray, wanted: np.ndarray, passes: int, batch_size: int, rates: tuple, seed: int
) -> float:
    """Passes over inputs (n, inputs) and wanted pre-activations (n, 3); the mean error of the last.

    Args:
        rates: Adam's first and last; between them the rate falls as half a cosine.
    """
    keras.utils.set_random_seed(seed)
    updates = passes * -(-len(inputs) // batch_size)
    first, last = rates
    rate = keras.optimizers.schedules.CosineDecay(first, updates, alpha=last / first)
    student.compile(keras.optimizers.Adam(rate, beta_2=0.99), action_error, jit_compile=False)
    history = student.fit(inputs, wanted, batch_size, passes, verbose=0)
    return float(history.history["loss"][-1])


def parameters_of(student: keras.Model, config: ControllerConfig, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The student as C's row of parameters, float64 (P,), which takes inputs as they come."""
    names = ("hidden", "action") if config.hidden_units else ("action",)
    parts = [array for name in names for array in student.get_layer(name).get_weights()]
    return folded(np.concatenate([np.asarray(part, float).reshape(-1) for part in parts]), config, centre, spread)


def folded(row: np.ndarray, config: ControllerConfig, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """C's row (P,) for inputs as they come, given one for standardised inputs. :func:`unfolded` is its inverse.

    Args:
        centre, spread: of the inputs, (inputs,) each.
    """
    weights, bias, rest = _first_layer(row, config, len(centre))
    weights = weights / np.asarray(spread, float)[:, None]
    return np.concatenate([weights.reshape(-1), bias - centre @ weights, rest])


def unfolded(row: np.ndarray, config: ControllerConfig, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """C's row (P,) for standardised inputs, given one for inputs as they come."""
    weights, bias, rest = _first_layer(row, config, len(centre))
    scaled = weights * np.asarray(spread, float)[:, None]
    return np.concatenate([scaled.reshape(-1), bias + centre @ weights, rest])


def _first_layer(row: np.ndarray, config: ControllerConfig, inputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (inputs, outputs) and biases (outputs,) of the layer that sees the inputs, and the rest of the row."""
    outputs = config.hidden_units or ACTION_SIZE
    end = inputs * outputs
    return row[:end].reshape(inputs, outputs), row[end : end + outputs], row[end + outputs :]
