"""V as a VAE/GAN: the VAE's encoder and decoder, and a discriminator that says what a picture should be like.

Autoencoding beyond pixels (Larsen et al. 2016): likeness is measured in a layer of the discriminator instead of pixel
by pixel, and the decoder must also fool the discriminator. Three networks, three terms (equations 8 and 9):

    encoder        minimises  L_prior + L_llike
    decoder        minimises  gamma L_llike + L_GAN
    discriminator  minimises  -L_GAN, its own cross-entropy

L_GAN = log D(x) + log(1 - D(fakes)) is what the discriminator maximises (the paper's algorithm has a minus before it in
the decoder's line, which fits a loss of the discriminator). Nothing of L_GAN reaches the encoder and nothing of L_llike
the discriminator, which could make it 0 by being constant. The discriminator waits while it is far ahead, so
that the decoder always has something to learn from it.
"""

from __future__ import annotations

from functools import partial

import keras
import tensorflow as tf

from wmlib.config import VaeGanConfig
from wmlib.models import adversarial
from wmlib.models.discriminator import build_discriminator
from wmlib.models.optimizer import two_step_rate
from wmlib.models.vae import VAE, floored_kl, kl_divergence, reconstruction_loss


def build_optimizers(config: VaeGanConfig) -> dict[str, keras.optimizers.Optimizer]:
    """One optimizer per network: Adam, or RMSProp for the paper's variant."""

    def build(rate: float, beta: float) -> keras.optimizers.Optimizer:
        final = rate * config.final_learning_rate / config.learning_rate
        schedule = two_step_rate(config.updates, rate, final, config.final_share)
        if config.as_published:
            return keras.optimizers.RMSprop(schedule)
        return keras.optimizers.Adam(schedule, beta_1=beta)

    return {
        "encoder": build(config.learning_rate, 0.9),
        "decoder": build(config.learning_rate, 0.9),
        "discriminator": build(config.discriminator_learning_rate, 0.5),  # fast forgetting: its task moves
    }


@keras.saving.register_keras_serializable("wmlib")
class VAEGAN(VAE):
    """Encoder, decoder and discriminator, trained together on uint8 frames (batch, 64, 64, 3).

    ``encoder``, ``decoder``, ``call`` and ``sample`` are those of :class:`wmlib.models.vae.VAE`, with the same initial
    weights for the same seed. Metrics: the terms ``prior``, ``llike``, ``pixel``, ``gan_discriminator`` and
    ``gan_decoder``; ``loss``, their sum, which only says whether all are finite; the VAE's ``reconstruction``, ``kl``
    and ``active``; ``explained``, the share of the frames' variance that the reconstruction explains (negative: worse
    than their mean); ``sample_std``, by how much a pixel varies over prior samples; the discriminator's accuracy on
    real, reconstructed and prior pictures; the share of updates in which it learnt; and ``gamma``.
    """

    METRICS = (
        *("loss", "prior", "llike", "pixel", "gan_discriminator", "gan_decoder", "reconstruction", "kl", "active"),
        *("explained", "sample_std", "real_accuracy", "reconstruction_accuracy", "prior_accuracy"),
        *("discriminator_learns", "gamma"),
    )

    SETTINGS = VaeGanConfig

    def build(self, input_shape):
        """Add the discriminator to the VAE's networks."""
        normalisation = "batch" if self.config.as_published else "spectral"
        self.discriminator = build_discriminator(
            self.config.feature_layer, normalisation=normalisation, seed=self.seed, compute=self.config.compute
        )
        super().build(input_shape)

    def compile(self, optimizers: dict[str, keras.optimizers.Optimizer], **options):
        """As the VAE's, with an optimizer for each of ``encoder``, ``decoder`` and ``discriminator``."""
        super().compile(optimizer=optimizers["encoder"], **options)
        self.optimizers = optimizers
        for name, optimizer in optimizers.items():
            optimizer.build(getattr(self, name).trainable_variables)

    def gradients(self, frames: tf.Tensor, training: bool = True) -> tuple[dict, dict, dict]:
        """Each network's gradient, by its own terms only, the metrics of uint8 frames, and who may learn from them.

        The chain encoder, decoder, discriminator is differentiated link by link, so that what passes each link is
        written down here. ``training`` lets the discriminator's normalisation adapt.
        """
        x = tf.cast(frames, tf.float32) / 255.0
        with tf.GradientTape() as encoding:
            mu, log_variance = self.encoder(x)
            z = self.sample(mu, log_variance)
            kl = kl_divergence(mu, log_variance)
            prior = floored_kl(kl, self.config.kl_floor, kl.shape[-1])
        z_p = keras.random.normal(tf.shape(z), seed=self.noise)
        with tf.GradientTape(persistent=True) as decoding:
            decoding.watch(z)
            x_tilde, x_p = self.decoder(z), self.decoder(z_p)
        with tf.GradientTape(persistent=True) as judging:
            judging.watch((x_tilde, x_p))
            features, logits = self.discriminator(tf.concat([x, x_tilde, x_p], 0), training=training)
            features, features_hat, _ = tf.split(features, 3)
            real, reconstruction, fake = tf.split(logits, 3)
            pixel = reconstruction_loss(x, x_tilde)
            llike = self.likeness(features, features_hat) + self.config.pixel_weight * pixel
            gan_discriminator = adversarial.discriminator_loss(real, reconstruction, fake)
            gan_decoder = adversarial.decoder_loss(reconstruction, fake, minimax=self.config.as_published)

        to_picture = judging.gradient(llike, x_tilde)  # L_llike, through the discriminator's layers
        to_pictures = judging.gradient(gan_decoder, (x_tilde, x_p))  # the decoder's side of L_GAN
        gamma = self.config.gamma
        for_decoder = [gamma * to_picture + to_pictures[0], to_pictures[1]]
        to_z = decoding.gradient(x_tilde, z, output_gradients=to_picture)
        networks = (self.encoder, self.decoder, self.discriminator)
        encoder, decoder, discriminator = (network.trainable_variables for network in networks)
        gradients = {
            "encoder": encoding.gradient([prior, z], encoder, output_gradients=[tf.ones(()), to_z]),
            "decoder": decoding.gradient([x_tilde, x_p], decoder, output_gradients=for_decoder),
            "discriminator": judging.gradient(gan_discriminator, discriminator),
        }
        on_real = adversarial.cross_entropy(real, True)
        judge, forger = adversarial.equilibrium(on_real, gan_discriminator - on_real, margin=self.config.margin)
        learns = {"discriminator": judge, "decoder": forger if self.config.as_published else tf.constant(True)}
        mean_frame = tf.reduce_mean(x, axis=0, keepdims=True)
        values = {
            "loss": prior + llike + gan_discriminator + gan_decoder,
            "prior": prior,
            "llike": llike,
            "pixel": self.config.pixel_weight * pixel,
            "gan_discriminator": gan_discriminator,
            "discriminator_learns": tf.cast(learns["discriminator"], tf.float32),
            "gan_decoder": gan_decoder,
            "reconstruction": pixel,
            "kl": tf.reduce_mean(tf.reduce_sum(kl, axis=-1)),
            "active": tf.reduce_sum(tf.cast(tf.math.reduce_variance(mu, axis=0) > 0.01, tf.float32)),
            "explained": 1 - pixel / (reconstruction_loss(x, mean_frame) + 1e-6),
            "sample_std": tf.reduce_mean(tf.math.reduce_std(x_p, axis=0)),
            "real_accuracy": adversarial.accuracy(real, True),
            "reconstruction_accuracy": adversarial.accuracy(reconstruction, False),
            "prior_accuracy": adversarial.accuracy(fake, False),
            "gamma": tf.constant(gamma, tf.float32),
        }
        return gradients, values, learns

    def likeness(self, features: tf.Tensor, features_hat: tf.Tensor) -> tf.Tensor:
        """L_llike in features: as published, their summed squared error; else standardised."""
        if self.config.as_published:
            return adversarial.feature_error(features, features_hat)
        return adversarial.standardised_feature_error(features, features_hat, self.config.feature_weight)

    def train_step(self, data) -> dict[str, tf.Tensor]:
        """One update of all three networks on uint8 frames, from gradients at the same weights."""
        frames, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        gradients, values, learns = self.gradients(frames)

        def update(name: str) -> bool:
            self.optimizers[name].apply(gradients[name], getattr(self, name).trainable_variables)
            return True

        def wait(name: str) -> bool:
            self.optimizers[name].iterations.assign_add(1)  # its learning rate keeps step
            return False

        update("encoder")
        for name in ("decoder", "discriminator"):
            tf.cond(learns[name], partial(update, name), partial(wait, name))
        return self._track(values)

    def test_step(self, data) -> dict[str, tf.Tensor]:
        """The same numbers without an update of any network."""
        frames, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self._track(self.gradients(frames, training=False)[1])
