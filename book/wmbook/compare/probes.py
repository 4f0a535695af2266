"""What a representation knows: simple regressions from it to the true state, fitted on some tracks, tested on others.

A linear probe asks what C, which is linear, could read; a small network asks what is there at all (Alain and Bengio
2016; Anand et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wmlib.seeds import generator

ALPHAS = 10.0 ** np.arange(-7, 2)  # ridge penalties tried, per example
FOLDS = 5
UNITS = 64  # of the small network


@dataclass(frozen=True)
class Linear:
    """A fitted linear map ``x @ weights + bias``: ``weights`` (d, labels), ``bias`` (labels,)."""

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weights + self.bias


def ridge(x: np.ndarray, y: np.ndarray, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regressions with intercept, one per penalty: weights (alphas, d) and biases (alphas,).

    Minimises mean((y - x w - b)^2) + alpha sum(w^2); with alpha = 0 it is least squares of smallest norm.

    Args:
        x: (n, d), y: (n,).
    """
    mean, centre = x.mean(0), y.mean()
    covariance = (x - mean).T @ (x - mean) / len(x)
    values, vectors = np.linalg.eigh(covariance)
    along = vectors.T @ ((x - mean).T @ (y - centre) / len(x))
    kept = values > 1e-10 * max(values[-1], 1e-300)
    shrunk = np.where(kept, values, np.inf) + np.asarray(alphas, float)[:, None]
    weights = (along / shrunk) @ vectors.T
    return weights, centre - weights @ mean


def folds(groups: np.ndarray, count: int = FOLDS) -> np.ndarray:
    """Fold of each example (n,), such that an episode (``groups`` (n,)) is never split."""
    names, number = np.unique(groups, return_inverse=True)
    order = generator(0, "folds").permutation(len(names))
    return (order % min(count, len(names)))[number]


def fit_linear(x: np.ndarray, y: np.ndarray, groups: np.ndarray, alphas: np.ndarray = ALPHAS) -> Linear:
    """A ridge regression per label, its penalty chosen by cross-validation over episodes.

    Inputs are standardised first, so that the penalty means the same for every representation.

    Args:
        x: (n, d), y: (n, labels) with NaN where a label has no meaning, groups: (n,) episode of each example.
    """
    mean, scale = x.mean(0), _scale(x)
    x = ((x - mean) / scale).astype(float)
    weights, biases = np.zeros((x.shape[1], y.shape[1])), np.zeros(y.shape[1])
    for label in range(y.shape[1]):
        known = np.isfinite(y[:, label])
        inputs, target = x[known], y[known, label]
        if not len(target):
            continue
        fold = folds(groups[known])
        errors = np.zeros(len(alphas))
        for number in range(fold.max() + 1 if fold.max() else 0):
            fitted, bias = ridge(inputs[fold != number], target[fold != number], alphas)
            errors += np.square(inputs[fold == number] @ fitted.T + bias - target[fold == number, None]).sum(0)
        fitted, bias = ridge(inputs, target, alphas[[errors.argmin()]])
        weights[:, label], biases[label] = fitted[0], bias[0]
    weights /= scale[:, None]
    return Linear(weights, biases - mean @ weights)


def fit_network(x: np.ndarray, y: np.ndarray, groups: np.ndarray, epochs: int, seed: int = 0):
    """A network of one hidden layer for all labels at once: a function (m, d) -> (m, labels).

    One episode in five is kept apart; training stops when the error on them has not fallen for ten passes, and the
    best weights are used.

    Args:
        x, y, groups: as :func:`fit_linear`.
        epochs: passes at most.
    """
    import keras
    import tensorflow as tf

    mean, scale = x.mean(0), _scale(x)
    centre, spread = np.nan_to_num(_nan(np.nanmean, y)), np.nan_to_num(_nan(np.nanstd, y))
    spread = np.where(spread > 1e-9, spread, 1.0)

    def loss(truth, predicted):
        known = tf.math.is_finite(truth)
        error = tf.where(known, truth - predicted, tf.zeros_like(predicted))
        return tf.reduce_sum(tf.square(error)) / tf.maximum(tf.reduce_sum(tf.cast(known, tf.float32)), 1.0)

    keras.utils.set_random_seed(int(generator(seed, "probe").integers(2**31)))
    network = keras.Sequential(
        [keras.Input((x.shape[1],)), keras.layers.Dense(UNITS, activation="relu"), keras.layers.Dense(y.shape[1])]
    )
    network.compile(optimizer=keras.optimizers.Adam(2e-3), loss=loss, jit_compile=False)
    apart = folds(groups) == 0
    inputs, targets = ((x - mean) / scale).astype(np.float32), ((y - centre) / spread).astype(np.float32)
    network.fit(
        inputs[~apart],
        targets[~apart],
        batch_size=256,
        epochs=epochs,
        validation_data=(inputs[apart], targets[apart]) if apart.any() else None,
        callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)] if apart.any() else None,
        verbose=0,
    )

    def predict(new: np.ndarray) -> np.ndarray:
        batches = ((new - mean) / scale).astype(np.float32)
        return np.asarray(network(batches), float) * spread + centre

    return predict


def _nan(function, y: np.ndarray) -> np.ndarray:
    """A NaN-aware statistic of each column that is quiet about columns without any number."""
    return np.array([function(column) if np.isfinite(column).any() else np.nan for column in y.T])


def _scale(x: np.ndarray) -> np.ndarray:
    deviation = x.std(0)
    return np.where(deviation > 1e-6, deviation, 1.0)


def r_squared(
    y: np.ndarray, predicted: np.ndarray, centre: np.ndarray, episode: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Variance explained and all variance of each label, summed over each episode: both (episodes, labels).

    Their ratio is R^2 against always predicting ``centre`` (labels,), the mean over the training tracks.

    Args:
        y, predicted: (n, labels), y with NaN where a label has no meaning; episode: (n,) numbers from 0.
    """
    known = np.isfinite(y)
    total = np.where(known, np.square(y - centre), 0.0)
    error = np.where(known, np.square(y - predicted), 0.0)
    sums = np.zeros((2, int(episode.max()) + 1, y.shape[1]))
    np.add.at(sums[0], episode, total - error)
    np.add.at(sums[1], episode, total)
    return sums[0], sums[1]


def accuracy(truth: np.ndarray, predicted: np.ndarray, episode: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right answers and answers of each episode, when ``predicted`` above one half means yes: both (episodes,)."""
    episodes = int(episode.max()) + 1
    right = (predicted > 0.5) == (truth > 0.5)
    return np.bincount(episode, right, episodes), np.bincount(episode, minlength=episodes).astype(float)
