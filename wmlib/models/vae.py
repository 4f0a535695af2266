"""V: the variational autoencoder that turns a 64x64 frame into 32 numbers (paper section 3.1, appendix A.1).

loss = squared error of the picture + KL divergence of z from the standard normal, the latter floored at 0.5 nats per
latent dimension. The architecture is the authors' code's (hardmaru/WorldModelsExperiments, vae/vae.py).
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from wmlib import seeds
from wmlib.config import FRAME_SHAPE, LATENT_SIZE, VisionConfig
from wmlib.kernels.convolution import faster

PARAMETERS = 4_348_547  # paper, appendix A.1


def reconstruction_loss(x: tf.Tensor, x_hat: tf.Tensor) -> tf.Tensor:
    """Squared error summed over each frame, mean over the batch. Both (batch, 64, 64, 3) in [0, 1]."""
    return tf.reduce_sum(tf.math.squared_difference(x, x_hat)) / tf.cast(tf.shape(x)[0], tf.float32)


def kl_divergence(mu: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """KL(N(mu, exp(log_variance)) || N(0, 1)) in nats, per dimension: same shape as ``mu``."""
    return 0.5 * (tf.square(mu) + tf.exp(log_variance) - 1.0 - log_variance)


def floored_kl(kl: tf.Tensor, floor: float, latent_size: int = LATENT_SIZE) -> tf.Tensor:
    """max(KL summed over dimensions, floor * latent_size) per example, mean over the batch. ``kl``: (batch, latent)."""
    return tf.reduce_mean(tf.maximum(tf.reduce_sum(kl, axis=-1), floor * latent_size))


def _policy(compute: str) -> str:
    return "mixed_bfloat16" if compute == "bfloat16" else "float32"


def _initializers(seed: int, network: str):
    """An endless row of Glorot initializers that depend on the seed and their position only."""
    random = seeds.generator(seed, "vae", network, "weights")
    while True:
        yield keras.initializers.GlorotUniform(seed=int(random.integers(2**31)))


def build_encoder(latent_size: int = LATENT_SIZE, *, seed: int = 0, compute: str = "float32") -> keras.Model:
    """Frames (batch, 64, 64, 3) in [0, 1] to ``mu`` and ``log_variance``, each (batch, latent_size) float32.

    Args:
        seed: fixes the initial weights.
        compute: float32 or bfloat16, the arithmetic of the convolutions.
    """

    def convolution(filters: int, number: int):
        options = {"kernel_initializer": next(weights), "dtype": policy, "name": f"conv{number}"}
        return keras.layers.Conv2D(filters, 4, strides=2, activation="relu", **options)

    weights, policy = _initializers(seed, "encoder"), _policy(compute)
    frames = keras.Input(FRAME_SHAPE, name="frames")
    x = convolution(32, 1)(frames)  # 31 x 31
    x = convolution(64, 2)(x)  # 14 x 14
    x = convolution(128, 3)(x)  # 6 x 6
    x = convolution(256, 4)(x)  # 2 x 2
    x = keras.layers.Flatten(dtype="float32")(x)  # (batch, 1024)
    mu = keras.layers.Dense(latent_size, kernel_initializer=next(weights), name="mu")(x)
    log_variance = keras.layers.Dense(latent_size, kernel_initializer=next(weights), name="log_variance")(x)
    return keras.Model(frames, [mu, log_variance], name="encoder")


def build_decoder(latent_size: int = LATENT_SIZE, *, seed: int = 0, compute: str = "float32") -> keras.Model:
    """z (batch, latent_size) to pictures (batch, 64, 64, 3) in [0, 1], float32. Arguments as :func:`build_encoder`."""
    weights, policy = _initializers(seed, "decoder"), _policy(compute)

    def options(name: str) -> dict:
        return {"kernel_initializer": next(weights), "dtype": policy, "name": name}

    z = keras.Input((latent_size,), name="z")
    x = keras.layers.Dense(1024, **options("dense"))(z)  # linear, as in the authors' code
    x = keras.layers.Reshape((1, 1, 1024), dtype=policy)(x)
    x = keras.layers.Conv2DTranspose(128, 5, strides=2, activation="relu", **options("deconv1"))(x)  # 5 x 5
    x = keras.layers.Conv2DTranspose(64, 5, strides=2, activation="relu", **options("deconv2"))(x)  # 13 x 13
    x = keras.layers.Conv2DTranspose(32, 6, strides=2, activation="relu", **options("deconv3"))(x)  # 30 x 30
    x = keras.layers.Conv2DTranspose(3, 6, strides=2, **options("deconv4"))(x)  # 64 x 64
    x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    return keras.Model(z, x, name="decoder")


@keras.saving.register_keras_serializable("wmlib")
class VAE(keras.Model):
    """Encoder and decoder, trained together on uint8 frames (batch, 64, 64, 3).

    ``fit`` takes batches of frames only; ``log_variance`` is that of z. The seed fixes the initial weights and the
    noise. Metrics: ``loss``, ``reconstruction``, ``kl`` (before the floor) and ``active``, the number of latent
    dimensions whose mean varies over the batch with variance above 0.01 (Burda et al. 2016).
    """

    METRICS = ("loss", "reconstruction", "kl", "active")
    SETTINGS = VisionConfig

    def __init__(self, config: VisionConfig | None = None, *, latent_size: int = LATENT_SIZE, seed: int = 0):
        super().__init__(name="vae")
        self.config, self.latent_size, self.seed = config or self.SETTINGS(), latent_size, seed
        options = {"latent_size": latent_size, "seed": seed, "compute": self.config.compute}
        networks = build_encoder(**options), build_decoder(**options)
        self.encoder, self.decoder = map(faster, networks)  # the same sums, formed faster: wmlib.kernels.convolution
        self.noise = keras.random.SeedGenerator(int(seeds.generator(seed, "vae", "noise").integers(2**31)))
        self.trackers = {name: keras.metrics.Mean(name) for name in self.METRICS}
        self.build((None, *FRAME_SHAPE))

    def compile(self, optimizer, **options):
        """As Keras', but without XLA unless asked: on a CPU it replaces the fast convolutions by slow ones."""
        super().compile(optimizer=optimizer, **({"jit_compile": False} | options))

    def get_config(self) -> dict:
        """What a ``.keras`` file needs to build the model again; how it is trained is not in it: compile it anew."""
        return {"config": dataclasses.asdict(self.config), "latent_size": self.latent_size, "seed": self.seed}

    def get_compile_config(self) -> None:
        return None

    @classmethod
    def from_config(cls, values: dict):
        """Inverse of :meth:`get_config`."""
        return cls(**{**values, "config": cls.SETTINGS(**values["config"])})

    @property
    def metrics(self) -> list:
        return list(self.trackers.values())

    def call(self, frames: tf.Tensor) -> tf.Tensor:
        """Reconstruction from the mean: float frames in [0, 1] to the same shape."""
        mu, _ = self.encoder(frames)
        return self.decoder(mu)

    def sample(self, mu: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
        """z ~ N(mu, exp(log_variance)), by the reparameterisation trick."""
        return mu + tf.exp(0.5 * log_variance) * keras.random.normal(tf.shape(mu), seed=self.noise)

    def losses_of(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scalars ``loss``, ``reconstruction``, ``kl`` and ``active`` of uint8 frames."""
        x = tf.cast(frames, tf.float32) / 255.0
        mu, log_variance = self.encoder(x)
        x_hat = self.decoder(self.sample(mu, log_variance))
        kl = kl_divergence(mu, log_variance)
        reconstruction = reconstruction_loss(x, x_hat)
        return {
            "loss": reconstruction + floored_kl(kl, self.config.kl_floor, kl.shape[-1]),
            "reconstruction": reconstruction,
            "kl": tf.reduce_mean(tf.reduce_sum(kl, axis=-1)),
            "active": tf.reduce_sum(tf.cast(tf.math.reduce_variance(mu, axis=0) > 0.01, tf.float32)),
        }

    def train_step(self, data) -> dict[str, tf.Tensor]:
        """One update on uint8 frames."""
        frames, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            losses = self.losses_of(frames)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(losses["loss"], variables), variables)
        return self._track(losses)

    def test_step(self, data) -> dict[str, tf.Tensor]:
        """The same numbers without an update."""
        frames, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self._track(self.losses_of(frames))

    def _track(self, losses: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        for name, value in losses.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}


def random_frames(count: int, seed: int = 0) -> np.ndarray:
    """Smooth random uint8 pictures (count, 64, 64, 3), for tests and speed measurements."""
    coarse = seeds.generator(seed, "frames").integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)
