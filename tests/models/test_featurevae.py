"""The VAE with a finished discriminator's features: its loss against the VAE/GAN's own terms, and what never learns."""

import numpy as np
import pytest
import tensorflow as tf

from wmlib.config import VaeGanConfig
from wmlib.errors import UserError
from wmlib.models import adversarial
from wmlib.models.featurevae import FeatureVAE
from wmlib.models.vae import random_frames
from wmlib.models.vaegan import VAEGAN
from wmlib.models.weights import model_weights

CONFIG = VaeGanConfig(feature_weight=20.0, pixel_weight=0.3, batch_size=6)


@pytest.fixture(scope="module")
def judge():
    return model_weights(VAEGAN(CONFIG, seed=1).discriminator)


def test_loss_is_that_of_the_vaegan_without_the_game(judge):
    v, frames = FeatureVAE(CONFIG, judge, seed=0), tf.constant(random_frames(6))
    noise = v.noise.state.numpy()
    values = v.losses_of(frames)
    v.noise.state.assign(noise)
    x = tf.cast(frames, tf.float32) / 255
    mu, log_variance = v.encoder(x)
    x_tilde = v.decoder(v.sample(mu, log_variance))
    features, features_hat = (v.discriminator(pictures, training=False)[0] for pictures in (x, x_tilde))
    pixel = tf.reduce_sum(tf.square(x - x_tilde)) / 6
    expected = adversarial.standardised_feature_error(features, features_hat, 20.0) + 0.3 * pixel
    kl = 0.5 * tf.reduce_sum(mu**2 + tf.exp(log_variance) - 1 - log_variance, 1)
    assert np.isclose(values["likeness"], expected, rtol=1e-4)
    assert np.isclose(values["loss"], expected + tf.reduce_mean(tf.maximum(kl, 16.0)), rtol=1e-4)


def test_the_discriminator_never_learns(judge):
    v = FeatureVAE(CONFIG, judge, seed=0)
    v.compile(optimizer="adam")
    before = model_weights(v.decoder)
    v.train_on_batch(random_frames(6))
    after = model_weights(v.discriminator)
    assert all(np.array_equal(judge[name], after[name]) for name in judge)
    assert not np.array_equal(before["dense/kernel"], model_weights(v.decoder)["dense/kernel"])
    assert len(v.trainable_variables) == len(v.encoder.trainable_variables) + len(v.decoder.trainable_variables)


def test_a_foreign_discriminator_is_refused(judge):
    with pytest.raises(UserError, match="has no array 'judge2"):
        FeatureVAE(CONFIG, {name: array for name, array in judge.items() if "judge2" not in name})
