"""The losses of the VAE/GAN, each a function of what the discriminator saw (Larsen et al. 2016, equations 6 to 10).

"Real" is a frame, "reconstruction" the decoder's picture of z ~ q(z|x), "prior" its picture of z ~ N(0, I). Logits are
the discriminator's output before the sigmoid, (batch, 1); features are one of its inner layers, (batch, ...).
"""

from __future__ import annotations

import tensorflow as tf


def feature_error(features: tf.Tensor, features_hat: tf.Tensor) -> tf.Tensor:
    """-log p(Dis_l(x) | z) up to a constant, p a Gaussian of variance 1 around Dis_l of the reconstruction
    (equation 7): half the squared error *summed* over all features of a frame, mean over the batch."""
    squares = tf.reduce_sum(tf.math.squared_difference(features, features_hat), axis=range(1, features.shape.rank))
    return 0.5 * tf.reduce_mean(squares)


def standardised_feature_error(features: tf.Tensor, features_hat: tf.Tensor, observations: float) -> tf.Tensor:
    """The same with every channel divided by its standard deviation over frames and reconstructions together, and the
    *mean* over features times ``observations``: all features count as so many Gaussian observations, however many and
    however large they are.

    The divisor is a constant to the gradient. Without it the discriminator, whose features grow and shrink as it
    learns, would set the balance between this term and the KL divergence. Taken over both kinds of pictures it also
    bounds the error, at 2 per observation, where a channel only tells the two kinds apart.
    """
    over = range(features.shape.rank - 1)  # all but the channels
    variance = tf.stop_gradient(tf.math.reduce_variance(tf.concat([features, features_hat], 0), axis=over))
    return 0.5 * observations * tf.reduce_mean(tf.math.squared_difference(features, features_hat) / (variance + 1e-6))


def gamma_for_mean(gamma_for_sum: float, features: int) -> float:
    """The gamma that does to a *mean* over so many features what ``gamma_for_sum`` does to their sum."""
    return gamma_for_sum * features


def cross_entropy(logits: tf.Tensor, real: bool) -> tf.Tensor:
    """Mean of -log D for ``real``, of -log(1 - D) otherwise, D = sigmoid(logits)."""
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


def discriminator_loss(real: tf.Tensor, reconstruction: tf.Tensor, prior: tf.Tensor) -> tf.Tensor:
    """-L_GAN (equation 10), to be minimised by the discriminator alone.

    The two kinds of fakes have half the weight each, so that a discriminator that cannot tell is at 1/2.
    """
    return cross_entropy(real, True) + 0.5 * (cross_entropy(reconstruction, False) + cross_entropy(prior, False))


def decoder_loss(reconstruction: tf.Tensor, prior: tf.Tensor, *, minimax: bool = False) -> tf.Tensor:
    """What the decoder minimises to be taken for real.

    Args:
        minimax: log(1 - D), the exact opposite of the discriminator's loss, whose gradient vanishes when the
            discriminator is sure. Otherwise -log D, which has the same optimum but not that defect (Goodfellow 2014).
    """
    if minimax:
        return -0.5 * (cross_entropy(reconstruction, False) + cross_entropy(prior, False))
    return 0.5 * (cross_entropy(reconstruction, True) + cross_entropy(prior, True))


def accuracy(logits: tf.Tensor, real: bool) -> tf.Tensor:
    """Share of frames the discriminator takes for what they are."""
    return tf.reduce_mean(tf.cast((logits > 0) == real, tf.float32))


def equilibrium(
    real: tf.Tensor, fake: tf.Tensor, *, balance: float = 0.68, margin: float = 0.35
) -> tuple[tf.Tensor, tf.Tensor]:
    """Who may learn in this step, by the authors' code: (discriminator, decoder) as booleans.

    Args:
        real, fake: cross-entropies of the discriminator on each side; ``balance`` is about log 2, that of a guess.

    The discriminator waits while it is far ahead on either side, the decoder while the discriminator is far behind;
    if both would wait, both learn.
    """
    discriminator = tf.minimum(real, fake) >= balance - margin
    decoder = tf.maximum(real, fake) <= balance + margin
    stuck = tf.logical_not(tf.logical_or(discriminator, decoder))
    return tf.logical_or(discriminator, stuck), tf.logical_or(decoder, stuck)
