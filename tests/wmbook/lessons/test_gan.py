"""GAN: losses and gradients against closed forms, shapes, and that each loss moves its own network only."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wmbook.lessons import gan
from wmlib.models.vae import random_frames

REAL, FAKE = tf.constant([[2.0], [-0.5]]), tf.constant([[-1.0], [0.3]])
SMALL = gan.GANConfig(width=2, noise_size=4)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_the_discriminators_loss_is_the_cross_entropy_of_the_game():
    expected = -np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(FAKE)).mean()
    assert float(gan.discriminator_loss(REAL, FAKE)) == pytest.approx(expected, rel=1e-6)
    undecided = tf.zeros((3, 1))
    assert float(gan.discriminator_loss(undecided, undecided)) == pytest.approx(np.log(4), rel=1e-6)


def test_smoothing_lowers_the_label_of_real_frames_only():
    target = 0.9
    on_real = -(target * np.log(sigmoid(REAL)) + (1 - target) * np.log(1 - sigmoid(REAL))).mean()
    expected = on_real - np.log(1 - sigmoid(FAKE)).mean()
    assert float(gan.discriminator_loss(REAL, FAKE, smoothing=0.1)) == pytest.approx(expected, rel=1e-6)


def test_generator_losses_and_their_gradients():
    expected = {
        gan.saturating_generator_loss: (np.log(1 - sigmoid(FAKE)).mean(), -sigmoid(FAKE) / 2),
        gan.non_saturating_generator_loss: (-np.log(sigmoid(FAKE)).mean(), -sigmoid(-FAKE) / 2),
        gan.hinge_generator_loss: (-np.mean(FAKE), -np.ones((2, 1)) / 2),
    }
    for loss, (value, gradient) in expected.items():
        with tf.GradientTape() as tape:
            tape.watch(FAKE)
            result = loss(FAKE)
        np.testing.assert_allclose(result, value, rtol=1e-6)
        np.testing.assert_allclose(tape.gradient(result, FAKE), gradient, rtol=1e-6)


def test_the_hinge_stops_at_one():
    assert float(gan.hinge_discriminator_loss(tf.constant([[1.0], [3.0]]), tf.constant([[-1.0], [-9.0]]))) == 0
    assert float(gan.hinge_discriminator_loss(REAL, FAKE)) == pytest.approx((0 + 1.5) / 2 + (0 + 1.3) / 2)


def test_r1_of_a_linear_discriminator_is_half_its_squared_weights():
    linear = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    weights = linear.get_weights()[0]
    frames = tf.constant(random_frames(3) / np.float32(255))
    assert float(gan.r1_penalty(linear, frames)) == pytest.approx(0.5 * np.square(weights).sum(), rel=1e-4)


def test_diversity_is_one_for_real_frames_and_zero_for_copies():
    real = tf.constant(random_frames(6), tf.float32)
    assert float(gan.relative_diversity(real, real)) == pytest.approx(1)
    copies = tf.repeat(real[:1], 6, axis=0)
    assert float(gan.relative_diversity(copies, real)) == pytest.approx(0, abs=1e-4)
    grain = 60 * tf.constant(np.random.default_rng(0).standard_normal(real.shape), tf.float32)
    assert float(gan.relative_diversity(copies + grain, real)) < 0.2  # grain is no scene


def test_batch_spread_is_the_mean_standard_deviation_and_has_a_slope_at_zero():
    x = tf.constant(np.random.default_rng(0).standard_normal((5, 4, 4, 3)), tf.float32)
    y = gan.BatchSpread()(x)
    np.testing.assert_allclose(y[..., :3], x)
    np.testing.assert_allclose(y[..., 3], np.full((5, 4, 4), x.numpy().std(0).mean()), rtol=1e-5)
    copies = tf.Variable(tf.ones((5, 4, 4, 3)))
    with tf.GradientTape() as tape:
        spread = tf.reduce_sum(gan.BatchSpread()(copies)[..., 3])
    assert np.isfinite(tape.gradient(spread, copies)).all()


@pytest.mark.parametrize("spectral", [False, True])
def test_networks_have_the_documented_shapes(spectral):
    config = gan.GANConfig(width=2, noise_size=5, spectral=spectral)
    frames = gan.build_generator(config)(tf.zeros((3, 5)))
    assert frames.shape == (3, 64, 64, 3) and np.abs(frames).max() <= 1
    assert gan.build_discriminator(config)(frames).shape == (3, 1)


def test_spectral_normalisation_bounds_every_layer():
    discriminator = gan.build_discriminator(gan.GANConfig(width=2, spectral=True))
    discriminator.set_weights([10 * w if w.ndim > 2 else w for w in discriminator.get_weights()])
    for _ in range(20):  # one power iteration each
        discriminator(random_frames(1) / np.float32(255), training=True)
    wrapped = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.SpectralNormalization)]
    assert len(wrapped) == 5
    for layer in wrapped:
        kernel = layer.layer.kernel.numpy()
        assert np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("idle", ["generator", "discriminator"])
def test_each_player_moves_by_its_own_loss(idle):
    """A player whose rate is zero stays where it was, although the other learns from it."""
    model = gan.GAN(gan.GANConfig(width=2, noise_size=4, **{f"{idle}_rate": 0.0}))
    model.compile()
    before = {name: [v.numpy() for v in getattr(model, name).trainable_variables] for name in model.optimizers}
    model.train_on_batch(random_frames(4))
    for name, values in before.items():
        moved = [not np.array_equal(v, w) for v, w in zip(getattr(model, name).trainable_variables, values)]
        assert not any(moved) if name == idle else all(moved)


def test_updates_follow_the_separately_computed_gradients():
    frames = random_frames(4)
    model, twin = (gan.GAN(SMALL, seed=5) for _ in range(2))
    model.compile(run_eagerly=True)
    model.optimizers = {name: keras.optimizers.SGD(1.0) for name in model.optimizers}  # moves by the gradient itself
    model.train_on_batch(frames)
    x = tf.constant(frames, tf.float32) / 127.5 - 1
    z = keras.random.normal((4, 4), seed=twin.noise)
    with tf.GradientTape(persistent=True) as tape:
        fake = twin.discriminator(twin.generator(z, training=True))
        losses = {
            "generator": gan.non_saturating_generator_loss(fake),
            "discriminator": gan.discriminator_loss(twin.discriminator(x), fake),
        }
    for name, loss in losses.items():
        old, new = (getattr(network, name).trainable_variables for network in (twin, model))
        for gradient, before, after in zip(tape.gradient(loss, old), old, new):
            np.testing.assert_allclose(before.numpy() - after.numpy(), gradient, rtol=1e-3, atol=1e-6)


def test_the_same_seed_gives_the_same_game():
    results = []
    for _ in range(2):
        model = gan.GAN(SMALL, seed=3)
        model.compile()
        for _ in range(2):
            metrics = model.train_on_batch(random_frames(4), return_dict=True)
        results.append([float(metrics[name]) for name in model.METRICS])
    np.testing.assert_allclose(*results, rtol=1e-4)
    assert set(metrics) == set(gan.GAN.METRICS)


def test_the_game_is_played_at_the_configured_loss():
    logits = tf.constant([[3.0]])
    plain, saturating = (gan.GAN(gan.GANConfig(width=2, saturating=flag)).losses_of(logits, -logits) for flag in (0, 1))
    assert float(plain["generator_loss"]) > 3 > 0 > float(saturating["generator_loss"]) > -0.1
    assert float(plain["accuracy_real"]) == float(plain["accuracy_fake"]) == 1
