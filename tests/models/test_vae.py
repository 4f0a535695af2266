"""V: architecture, losses against closed forms, fast layers against Keras' own, and that training improves it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wmlib.config import VisionConfig
from wmlib.kernels.convolution import FourPatches, PixelToPatch, ToImage
from wmlib.models import vae
from wmlib.models.optimizer import build_optimizer


def test_the_papers_parameter_count():
    assert vae.VAE().count_params() == vae.PARAMETERS == 4_348_547


def test_reconstruction_loss_is_the_squared_error_per_frame():
    x, x_hat = tf.zeros((2, 64, 64, 3)), tf.fill((2, 64, 64, 3), 0.5)
    assert float(vae.reconstruction_loss(x, x_hat)) == pytest.approx(64 * 64 * 3 * 0.25)


def test_kl_divergence_is_that_of_two_gaussians():
    mu, log_variance = np.array([[0.0, 1.5]]), np.array([[0.0, -0.7]])
    variance = np.exp(-0.7)
    expected = 0.5 * (variance + 1.5**2 - 1 - np.log(variance))  # textbook: tr + mahalanobis - k - log det
    np.testing.assert_allclose(
        vae.kl_divergence(tf.constant(mu), tf.constant(log_variance)), [[0, expected]], rtol=1e-6
    )


def test_the_floor_holds_per_example_for_the_sum_over_dimensions():
    kl = tf.constant([[0.0, 0.1], [3.0, 0.0]])  # sums 0.1 and 3, floor 2 * 0.5 = 1
    assert float(vae.floored_kl(kl, 0.5, 2)) == pytest.approx((1 + 3) / 2)


@pytest.mark.parametrize(
    "fast, plain, pixels, channels, filters, size",
    [
        (FourPatches, keras.layers.Conv2D, 6, 8, 5, 4),
        (PixelToPatch, keras.layers.Conv2DTranspose, 1, 16, 8, 5),
        (ToImage, keras.layers.Conv2DTranspose, 7, 8, 3, 6),
    ],
)
def test_fast_layers_equal_keras_convolutions_and_their_gradients(fast, plain, pixels, channels, filters, size):
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(3, pixels, pixels, channels)), tf.float32)
    plain_layer, fast_layer = plain(filters, size, 2), fast(filters, size, 2)
    assert plain_layer(x).shape == fast_layer(x).shape
    weights = [random.normal(size=w.shape) for w in plain_layer.get_weights()]
    direction = tf.constant(random.normal(size=plain_layer(x).shape), tf.float32)
    results = []
    for layer in (plain_layer, fast_layer):
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        results.append([y, *tape.gradient(y, [x, *layer.trainable_variables], direction)])
    for expected, quick in zip(*results, strict=True):
        np.testing.assert_allclose(quick, expected, rtol=1e-4, atol=1e-4)


def test_the_networks_are_plain_keras_and_what_trains_is_their_fast_twin():
    plain = [vae.build_encoder(seed=3), vae.build_decoder(seed=3)]
    for network in plain:
        assert {type(layer).__module__.split(".")[0] for layer in network.layers} == {"keras"}
    model = vae.VAE(seed=3)
    kinds = {type(layer) for network in (model.encoder, model.decoder) for layer in network.layers}
    assert {FourPatches, PixelToPatch, ToImage} <= kinds
    inputs = vae.random_frames(4) / np.float32(255), np.random.default_rng(0).normal(size=(4, 32)).astype(np.float32)
    for network, twin, x in zip(plain, (model.encoder, model.decoder), inputs, strict=True):
        assert [v.path for v in network.variables] == [v.path for v in twin.variables]
        for ours, theirs in zip(*map(keras.tree.flatten, (twin(x), network(x))), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_rate_falls_for_the_last_share_of_the_updates():
    rate = build_optimizer(10, 1e-3, 1e-4, 0.3)._learning_rate
    assert [round(float(rate(step)), 6) for step in (0, 6, 8, 9)] == [1e-3, 1e-3, 1e-4, 1e-4]


@pytest.mark.parametrize("compute, size", [("float32", 8), ("bfloat16", 2)])
def test_training_is_reproducible_and_lowers_the_loss(compute, size):
    frames, losses = vae.random_frames(size), []
    for _ in range(2):
        model = vae.VAE(VisionConfig(compute=compute), seed=3)
        model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
        steps = []
        for _ in range(4):
            steps.append(float(model.train_on_batch(frames, return_dict=True)["reconstruction"]))
            model.reset_metrics()
        losses.append(steps)
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    assert model(frames / np.float32(255)).dtype == tf.float32


def test_training_works_as_a_graph():
    model = vae.VAE()
    model.compile(keras.optimizers.Adam(1e-3))
    figures = model.train_on_batch(vae.random_frames(4), return_dict=True)
    assert figures["loss"] == pytest.approx(figures["reconstruction"] + 16, rel=1e-5)  # KL starts below its floor
    assert set(model.evaluate(vae.random_frames(4), batch_size=4, verbose=0, return_dict=True)) == set(figures)


def test_another_seed_gives_other_weights():
    first, second = (vae.build_encoder(seed=seed).get_weights()[0] for seed in (0, 1))
    assert not np.allclose(first, second)
