"""A small generative adversarial network for 64x64 frames: two networks, one game (Goodfellow et al. 2014).

The generator draws frames from noise, the discriminator says how real a frame looks; each is the other's loss. Networks
follow DCGAN's rules (Radford et al. 2015) with two exceptions. The discriminator has no batch normalisation, which
would tie the verdict on one frame to the other frames of its batch; and weights start by Glorot's rule, since DCGAN's
N(0, 0.02) suits layers many times as wide. Frames are in [-1, 1] inside, uint8 outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from wmlib import seeds
from wmlib.config import FRAME_SHAPE


@dataclass(frozen=True)
class GANConfig:
    """Sizes, rates and stabilisers of a :class:`GAN`."""

    noise_size: int = 64
    width: int = 16  # filters at 32 x 32 pixels; they double each time the side halves
    generator_rate: float = 1e-3
    discriminator_rate: float = 5e-4
    momentum: float = 0.5  # Adam's beta_1
    saturating: bool = False  # the generator's loss: log(1 - D) as in the game, or -log D
    smoothing: float = 0.0  # real frames have label 1 - smoothing
    batch_spread: bool = True  # the discriminator sees how much the frames of a batch differ
    spectral: bool = False  # spectral normalisation of the discriminator
    gradient_penalty: float = 0.0  # weight gamma of R1


def discriminator_loss(real: tf.Tensor, fake: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """-mean log D(x) - mean log(1 - D(G(z))), the cross-entropy of telling real from generated (eq 1).

    Args:
        real, fake: logits (batch, 1), D = sigmoid(logit).
        smoothing: the label of real frames is 1 - smoothing (one-sided, Salimans et al. 2016).
    """
    on_real = tf.nn.softplus(-real) + smoothing * real  # (1 - s) softplus(-l) + s softplus(l)
    return tf.reduce_mean(on_real) + tf.reduce_mean(tf.nn.softplus(fake))


def saturating_generator_loss(fake: tf.Tensor) -> tf.Tensor:
    """mean log(1 - D(G(z))), the game as written (eq 1). Flat where the discriminator is sure. ``fake``: logits."""
    return -tf.reduce_mean(tf.nn.softplus(fake))


def non_saturating_generator_loss(fake: tf.Tensor) -> tf.Tensor:
    """-mean log D(G(z)): same fixed point, steep where the discriminator is sure (section 3). ``fake``: logits."""
    return tf.reduce_mean(tf.nn.softplus(-fake))


def hinge_discriminator_loss(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Logits beyond +1 on real and -1 on generated frames earn nothing more (Lim and Ye 2017, Miyato et al. 2018)."""
    return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))


def hinge_generator_loss(fake: tf.Tensor) -> tf.Tensor:
    """-mean logit. ``fake``: logits (batch, 1)."""
    return -tf.reduce_mean(fake)


def r1_penalty(discriminator: keras.Model, frames: tf.Tensor) -> tf.Tensor:
    """Half the mean squared norm of the logit's gradient on real frames (R1, Mescheder et al. 2018, section 4.1)."""
    with tf.GradientTape() as tape:
        tape.watch(frames)
        logits = discriminator(frames, training=True)
    gradient = tape.gradient(logits, frames)
    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)))


def relative_diversity(fake: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """Standard deviation over a batch of generated frames, divided by that of real frames: 0 is collapse.

    It is taken of means over squares of 8 x 8 pixels, which tell scenes apart but not one scene with changing grain.
    """
    layouts = [tf.nn.avg_pool2d(frames, 8, 8, "VALID") for frames in (fake, real)]
    spread = [tf.reduce_mean(tf.math.reduce_std(layout, axis=0)) for layout in layouts]
    return spread[0] / spread[1]


def _initializers(seed: int, network: str):
    """An endless row of Glorot initializers that depend on the seed and their position only."""
    random = seeds.generator(seed, "gan", network, "weights")
    while True:
        yield keras.initializers.GlorotUniform(seed=int(random.integers(2**31)))


class BatchSpread(keras.layers.Layer):
    """Appends a channel with the features' mean standard deviation over the batch (Karras et al. 2018, section 3).

    One number for all frames of a batch: if generated frames are all alike, it gives them away.
    """

    def call(self, x):
        """(batch, height, width, channels) to one channel more."""
        deviation = tf.sqrt(tf.math.reduce_variance(x, axis=0) + 1e-8)  # the root alone has no slope at zero
        return tf.concat([x, tf.reduce_mean(deviation) * tf.ones_like(x[..., :1])], axis=-1)


def build_generator(config: GANConfig, *, seed: int = 0) -> keras.Model:
    """Noise (batch, noise_size) to frames (batch, 64, 64, 3) in [-1, 1]."""
    weights = _initializers(seed, "generator")
    noise = keras.Input((config.noise_size,), name="noise")
    filters = 8 * config.width
    x = keras.layers.Dense(4 * 4 * filters, use_bias=False, kernel_initializer=next(weights))(noise)
    x = keras.layers.Reshape((4, 4, filters))(x)
    while filters > config.width:  # 4 -> 8 -> 16 -> 32 pixels
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
        filters //= 2
        options = {"padding": "same", "use_bias": False, "kernel_initializer": next(weights)}
        x = keras.layers.Conv2DTranspose(filters, 4, 2, **options)(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
    x = keras.layers.Conv2DTranspose(3, 4, 2, padding="same", activation="tanh", kernel_initializer=next(weights))(x)
    return keras.Model(noise, x, name="generator")


def build_discriminator(config: GANConfig, *, seed: int = 0) -> keras.Model:
    """Frames (batch, 64, 64, 3) in [-1, 1] to logits (batch, 1): positive says real."""
    weights = _initializers(seed, "discriminator")

    def layer(plain: keras.layers.Layer) -> keras.layers.Layer:
        return keras.layers.SpectralNormalization(plain) if config.spectral else plain

    frames = keras.Input(FRAME_SHAPE, name="frames")
    x = frames
    for times in (1, 2, 4, 8):  # 64 -> 32 -> 16 -> 8 -> 4 pixels
        options = {"padding": "same", "kernel_initializer": next(weights)}
        x = layer(keras.layers.Conv2D(times * config.width, 4, 2, **options))(x)
        x = keras.layers.LeakyReLU(0.2)(x)
    if config.batch_spread:
        x = BatchSpread()(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(frames, layer(keras.layers.Dense(1, kernel_initializer=next(weights)))(x), name="discriminator")


class GAN(keras.Model):
    """Generator and discriminator, trained together on uint8 frames (batch, 64, 64, 3).

    The seed fixes weights and noise. Metrics: both losses, ``accuracy_real`` and ``accuracy_fake`` (shares of the
    batch the discriminator gets right) and ``diversity``, see :func:`relative_diversity`.
    """

    METRICS = ("discriminator_loss", "generator_loss", "accuracy_real", "accuracy_fake", "diversity")

    def __init__(self, config: GANConfig | None = None, *, seed: int = 0):
        super().__init__(name="gan")
        self.config = config or GANConfig()
        self.generator = build_generator(self.config, seed=seed)
        self.discriminator = build_discriminator(self.config, seed=seed)
        self.noise = keras.random.SeedGenerator(int(seeds.generator(seed, "gan", "noise").integers(2**31)))
        self.trackers = {name: keras.metrics.Mean(name) for name in self.METRICS}
        self.built = True

    def compile(self, **options):
        """One Adam per network, at the configuration's rates."""
        super().compile(**({"jit_compile": False} | options))
        self.optimizers = {
            network: keras.optimizers.Adam(rate, beta_1=self.config.momentum)
            for network, rate in (
                ("generator", self.config.generator_rate),
                ("discriminator", self.config.discriminator_rate),
            )
        }

    @property
    def metrics(self) -> list:
        return list(self.trackers.values())

    def call(self, noise: tf.Tensor) -> tf.Tensor:
        """Frames in [0, 1] for noise (batch, noise_size)."""
        return 0.5 + 0.5 * self.generator(noise, training=False)

    def train_step(self, data) -> dict[str, tf.Tensor]:
        """One update of both players from the same batch: each moves against the other as it was."""
        frames, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        x = tf.cast(frames, tf.float32) / 127.5 - 1.0
        z = keras.random.normal((tf.shape(x)[0], self.config.noise_size), seed=self.noise)
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            x_fake = self.generator(z, training=True)
            real, fake = self.discriminator(x, training=True), self.discriminator(x_fake, training=True)
            losses = self.losses_of(real, fake)
            objective = losses["discriminator_loss"]
            if self.config.gradient_penalty:
                objective += self.config.gradient_penalty * r1_penalty(self.discriminator, x)
        for name, loss, tape in (
            ("generator", losses["generator_loss"], generator_tape),
            ("discriminator", objective, discriminator_tape),
        ):
            variables = getattr(self, name).trainable_variables
            self.optimizers[name].apply(tape.gradient(loss, variables), variables)
        losses["diversity"] = relative_diversity(x_fake, x)
        for name, value in losses.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def losses_of(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Losses and accuracies from logits (batch, 1) of real and generated frames."""
        generator_loss = saturating_generator_loss if self.config.saturating else non_saturating_generator_loss
        return {
            "discriminator_loss": discriminator_loss(real, fake, self.config.smoothing),
            "generator_loss": generator_loss(fake),
            "accuracy_real": tf.reduce_mean(tf.cast(real > 0, tf.float32)),
            "accuracy_fake": tf.reduce_mean(tf.cast(fake < 0, tf.float32)),
        }
