"""What V's encoder is measured against: the same network untrained, and the same network taught the answers."""

from __future__ import annotations

import numpy as np

from wmlib.seeds import generator

BATCH = 100


def random_encoder(frames: np.ndarray, seed: int) -> np.ndarray:
    """Outputs (n, 32) of V's encoder with its initial random weights, for frames (n, 64, 64, 3) uint8."""
    from wmlib.models.vae import build_encoder

    return outputs(build_encoder(seed=seed), frames)


def supervised_encoder(frames: np.ndarray, labels: np.ndarray, updates: int, seed: int):
    """V's encoder trained to predict the labels from its 32 numbers with a linear layer: a function of frames.

    Args:
        frames: (n, 64, 64, 3) uint8, labels: (n, L) with NaN where a label has no meaning.
        updates: gradient steps on 100 frames, by Adam with a rate that falls from 1e-3 to 0 along a cosine.
    """
    import keras
    import tensorflow as tf

    from wmlib.models.vae import build_encoder

    known = np.isfinite(labels)
    counts = np.maximum(known.sum(0), 1)
    centre = np.where(known, labels, 0.0).sum(0) / counts
    spread = np.sqrt(np.where(known, np.square(labels - centre), 0.0).sum(0) / counts)
    targets = np.nan_to_num((labels - centre) / np.where(spread > 1e-9, spread, 1.0)).astype(np.float32)
    encoder = build_encoder(seed=seed)
    keras.utils.set_random_seed(int(generator(seed, "supervised").integers(2**31)))
    model = keras.Model(encoder.input, keras.layers.Dense(labels.shape[1])(encoder.output[0]))
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, updates))
    optimizer.build(model.trainable_variables)

    @tf.function
    def update(x, y, mask):
        with tf.GradientTape() as tape:
            error = tf.square(model(x, training=True) - y) * mask
            loss = tf.reduce_sum(error) / tf.maximum(tf.reduce_sum(mask), 1.0)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        optimizer.apply(gradients, variables)

    random = generator(seed, "supervised", "batches")
    for _ in range(updates):
        rows = random.integers(len(frames), size=min(BATCH, len(frames)))
        update(frames[rows] / np.float32(255), targets[rows], known[rows].astype(np.float32))
    return lambda new: outputs(encoder, new)


def outputs(encoder, frames: np.ndarray) -> np.ndarray:
    """Means (n, 32) that a Keras encoder gives for frames uint8."""
    starts = range(0, len(frames), BATCH)
    return np.concatenate([encoder(frames[i : i + BATCH] / np.float32(255))[0].numpy() for i in starts])
