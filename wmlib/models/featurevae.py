"""A VAE that measures likeness in the features of a finished discriminator, and plays no game.

It is the VAE/GAN without L_GAN, called VAE_Dis_l by Larsen et al. 2016: what it shares with the VAE/GAN is owed to the
features, what it lacks to the game.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from wmlib.config import LATENT_SIZE, VaeGanConfig
from wmlib.models.discriminator import build_discriminator
from wmlib.models.vae import VAE, floored_kl, kl_divergence, reconstruction_loss
from wmlib.models.vaegan import VAEGAN
from wmlib.models.weights import set_model_weights


@keras.saving.register_keras_serializable("wmlib")
class FeatureVAE(VAE):
    """Encoder and decoder, both minimising L_prior + L_llike of the VAE/GAN (:class:`wmlib.models.vaegan.VAEGAN`).

    Args:
        config: of the VAE/GAN; ``gamma`` and what concerns the discriminator's learning play no part.
        discriminator: its weights, by name; without them a ``.keras`` file brings them. They never change.

    Metrics: the VAE's, and ``likeness``, L_llike.

    Raises:
        UserError: the weights do not fit the discriminator that ``config`` describes.
    """

    METRICS = (*VAE.METRICS, "likeness")
    SETTINGS = VaeGanConfig

    def __init__(
        self,
        config: VaeGanConfig,
        discriminator: dict[str, np.ndarray] | None = None,
        *,
        latent_size: int = LATENT_SIZE,
        seed: int = 0,
    ):
        self.given = discriminator
        super().__init__(config, latent_size=latent_size, seed=seed)

    def build(self, input_shape):
        """Add the discriminator to the VAE's networks."""
        normalisation = "batch" if self.config.as_published else "spectral"
        layer, compute = self.config.feature_layer, self.config.compute
        self.discriminator = build_discriminator(layer, normalisation=normalisation, compute=compute)
        self.discriminator.trainable = False
        if self.given is not None:
            set_model_weights(self.discriminator, self.given)
        super().build(input_shape)

    def likeness(self, features: tf.Tensor, features_hat: tf.Tensor) -> tf.Tensor:
        """L_llike in features, as the VAE/GAN's: standardised, or as published."""
        return VAEGAN.likeness(self, features, features_hat)

    def losses_of(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scalars ``loss``, ``reconstruction``, ``kl``, ``active`` and ``likeness`` of uint8 frames."""
        x = tf.cast(frames, tf.float32) / 255.0
        mu, log_variance = self.encoder(x)
        x_tilde = self.decoder(self.sample(mu, log_variance))
        kl = kl_divergence(mu, log_variance)
        features, _ = self.discriminator(tf.concat([x, x_tilde], 0), training=False)
        pixel = reconstruction_loss(x, x_tilde)
        llike = self.likeness(*tf.split(features, 2)) + self.config.pixel_weight * pixel
        return {
            "loss": floored_kl(kl, self.config.kl_floor, kl.shape[-1]) + llike,
            "reconstruction": pixel,
            "kl": tf.reduce_mean(tf.reduce_sum(kl, axis=-1)),
            "active": tf.reduce_sum(tf.cast(tf.math.reduce_variance(mu, axis=0) > 0.01, tf.float32)),
            "likeness": llike,
        }
