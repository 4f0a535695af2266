"""V and M as one writes them with Keras' own layers and ``fit``: what the project's training is measured against."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import layers

from wmlib.config import ACTION_SIZE, FRAME_SHAPE, LATENT_SIZE, MemoryConfig, VisionConfig


class PlainVAE(keras.Model):
    """The same autoencoder and loss from ``Conv2D`` and ``Conv2DTranspose``. Fitted on float frames in [0, 1]."""

    def __init__(self):
        super().__init__()
        convolutions = [layers.Conv2D(filters, 4, 2, activation="relu") for filters in (32, 64, 128, 256)]
        self.encoder = keras.Sequential(
            [keras.Input(FRAME_SHAPE), *convolutions, layers.Flatten(), layers.Dense(2 * LATENT_SIZE)]
        )
        self.decoder = keras.Sequential(
            [
                keras.Input((LATENT_SIZE,)),
                layers.Dense(1024),
                layers.Reshape((1, 1, 1024)),
                layers.Conv2DTranspose(128, 5, 2, activation="relu"),
                layers.Conv2DTranspose(64, 5, 2, activation="relu"),
                layers.Conv2DTranspose(32, 6, 2, activation="relu"),
                layers.Conv2DTranspose(3, 6, 2, activation="sigmoid"),
            ]
        )
        self.built = True

    def call(self, x):
        mu, log_variance = tf.split(self.encoder(x), 2, axis=-1)
        z = mu + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mu))
        kl = 0.5 * tf.reduce_sum(mu**2 + tf.exp(log_variance) - 1 - log_variance, axis=-1)
        self.add_loss(tf.reduce_mean(tf.maximum(kl, VisionConfig().kl_floor * LATENT_SIZE)))
        return self.decoder(z)


def plain_vae() -> keras.Model:
    """Compiled with Keras' defaults."""
    model = PlainVAE()
    model.compile("adam", loss=lambda x, x_hat: tf.reduce_sum((x - x_hat) ** 2, axis=(1, 2, 3)))
    return model


def plain_memory() -> keras.Model:
    """LSTM and mixture, the likelihood written out Gaussian by Gaussian; reward and end of episode as in ours."""
    config = MemoryConfig()
    x = keras.Input((None, LATENT_SIZE + ACTION_SIZE))
    h = layers.LSTM(config.hidden_size, return_sequences=True)(x)
    outputs = [layers.Dense(3 * config.mixtures * LATENT_SIZE)(h), layers.Dense(1)(h), layers.Dense(1)(h)]
    model = keras.Model(x, outputs)

    def mixture_loss(z, output):
        shape = tf.concat([tf.shape(z), [3 * config.mixtures]], axis=0)
        logits, mu, log_sigma = tf.split(tf.reshape(output, shape), 3, axis=-1)  # (batch, time, 32, 5)
        density = tf.exp(-0.5 * ((z[..., None] - mu) / tf.exp(log_sigma)) ** 2) / tf.exp(log_sigma)
        likelihood = tf.reduce_sum(tf.nn.softmax(logits) * density, axis=-1) / math.sqrt(2 * math.pi)
        return -tf.reduce_mean(tf.math.log(likelihood + 1e-8))

    losses = [mixture_loss, "mse", keras.losses.BinaryCrossentropy(from_logits=True)]
    model.compile(keras.optimizers.Adam(clipvalue=config.clip), loss=losses, loss_weights=[1.0, 0.1, 1.0])
    return model
