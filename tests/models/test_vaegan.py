"""The VAE/GAN: losses against closed forms, who receives which gradient, reductions, the paper's variant."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wmlib.config import Config, VaeGanConfig
from wmlib.models import adversarial, vae
from wmlib.models.discriminator import build_discriminator
from wmlib.models.vaegan import VAEGAN, build_optimizers

PAPER = Config().override(["vaegan.variant=paper"]).vaegan


def compiled(config: VaeGanConfig, seed: int = 0) -> VAEGAN:
    model = VAEGAN(config, seed=seed)
    model.compile(build_optimizers(config), run_eagerly=True)
    return model


def logits(*values: float) -> tf.Tensor:
    return tf.constant(values, shape=(len(values), 1))


def test_the_discriminators_loss_is_minus_l_gan():
    d_real, d_reconstruction, d_prior = 0.8, 0.3, 0.1
    real, reconstruction, prior = (logits(np.log(d / (1 - d))) for d in (d_real, d_reconstruction, d_prior))
    expected = -np.log(d_real) - 0.5 * np.log(1 - d_reconstruction) - 0.5 * np.log(1 - d_prior)
    assert float(adversarial.discriminator_loss(real, reconstruction, prior)) == pytest.approx(expected, rel=1e-5)
    expected = -0.5 * np.log(d_reconstruction) - 0.5 * np.log(d_prior)
    assert float(adversarial.decoder_loss(reconstruction, prior)) == pytest.approx(expected, rel=1e-5)
    expected = 0.5 * np.log(1 - d_reconstruction) + 0.5 * np.log(1 - d_prior)
    assert float(adversarial.decoder_loss(reconstruction, prior, minimax=True)) == pytest.approx(expected, rel=1e-5)


def test_a_discriminator_that_cannot_tell_is_at_one_half():
    guess = logits(0.0)
    with tf.GradientTape() as tape:
        tape.watch(guess)
        loss = adversarial.discriminator_loss(guess, guess, guess)
    assert float(loss) == pytest.approx(2 * np.log(2), rel=1e-6)
    assert float(tape.gradient(loss, guess)[0, 0]) == pytest.approx(0, abs=1e-7)


def test_feature_error_is_the_gaussians_log_likelihood():
    random = np.random.default_rng(0)
    f, f_hat = random.normal(size=(2, 3, 2, 2, 5)).astype(np.float32)
    log_density = -0.5 * np.square(f - f_hat) - 0.5 * np.log(2 * np.pi)
    expected = -log_density.sum((1, 2, 3)).mean() - 0.5 * np.log(2 * np.pi) * 20  # without the constant
    assert float(adversarial.feature_error(tf.constant(f), tf.constant(f_hat))) == pytest.approx(expected, rel=1e-5)


def test_standardised_features_have_no_scale():
    random = np.random.default_rng(0)
    f, f_hat = random.normal(size=(2, 50, 4, 4, 3)).astype(np.float32)
    scale = np.array([1e-1, 1, 1e2], np.float32)
    errors = [float(adversarial.standardised_feature_error(tf.constant(f * s), tf.constant(f_hat * s), 7))
              for s in (np.float32(1), scale)]  # fmt: skip
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)
    assert errors[0] == pytest.approx(0.5 * 7 * 2, rel=0.1), "unrelated features differ by twice their variance"


def test_a_channel_that_only_tells_frames_from_pictures_is_bounded():
    f = np.zeros((10, 4, 4, 3), np.float32)
    error = adversarial.standardised_feature_error(tf.constant(f), tf.constant(f + 100), 7)
    assert float(error) == pytest.approx(2 * 7, rel=1e-3)


def test_gamma_means_another_thing_for_a_sum_and_for_a_mean():
    random = np.random.default_rng(0)
    f, f_hat = (tf.constant(a) for a in random.normal(size=(2, 3, 4, 4, 5)).astype(np.float32))
    gradients = []
    for reduce, gamma in ((tf.reduce_sum, 1e-3), (tf.reduce_mean, adversarial.gamma_for_mean(1e-3, 4 * 4 * 5))):
        with tf.GradientTape() as tape:
            tape.watch(f_hat)
            loss = gamma * tf.reduce_mean(0.5 * reduce(tf.square(f - f_hat), axis=(1, 2, 3)))
        gradients.append(tape.gradient(loss, f_hat))
    np.testing.assert_allclose(*gradients, rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(f_hat)
        loss = 1e-3 * adversarial.feature_error(f, f_hat)
    np.testing.assert_allclose(tape.gradient(loss, f_hat), gradients[0], rtol=1e-5)
    assert adversarial.gamma_for_mean(1e-6, 8 * 8 * 256) == pytest.approx(0.016, rel=0.03)


@pytest.mark.parametrize(
    "real, fake, who",
    [(0.7, 0.7, (True, True)), (0.1, 0.7, (False, True)), (0.7, 0.1, (False, True)),
     (0.7, 1.2, (True, False)), (0.1, 1.2, (True, True))],
)  # fmt: skip
def test_the_one_far_ahead_waits(real, fake, who):
    assert tuple(bool(b) for b in adversarial.equilibrium(tf.constant(real), tf.constant(fake))) == who


@pytest.mark.parametrize("config", [VaeGanConfig(gamma=0.7), PAPER], ids=["recommended", "paper"])
def test_each_network_receives_its_terms_and_no_others(config):
    """Against three separate losses of everything, each differentiated for one network only."""
    model = VAEGAN(config, seed=1)
    frames = tf.constant(vae.random_frames(6))
    model.gradients(frames)  # lets the spectral norms settle: afterwards the forward pass is a function
    state = model.noise.state.value.numpy()
    gradients, values, _ = model.gradients(frames, training=False)

    model.noise.state.assign(state)
    x = tf.cast(frames, tf.float32) / 255
    with tf.GradientTape(persistent=True) as tape:
        mu, log_variance = model.encoder(x)
        z = model.sample(mu, log_variance)
        z_p = keras.random.normal(tf.shape(z), seed=model.noise)
        prior = vae.floored_kl(vae.kl_divergence(mu, log_variance), config.kl_floor)
        x_tilde, x_p = model.decoder(z), model.decoder(z_p)
        features, real = model.discriminator(x, training=False)
        features_hat, reconstruction = model.discriminator(x_tilde, training=False)
        fake = model.discriminator(x_p, training=False)[1]
        llike = model.likeness(features, features_hat)
        llike += config.pixel_weight * vae.reconstruction_loss(x, x_tilde)
        discriminator = adversarial.discriminator_loss(real, reconstruction, fake)  # -L_GAN
        encoder = prior + llike
        decoder = config.gamma * llike + adversarial.decoder_loss(reconstruction, fake, minimax=config.as_published)
    expected = {
        "encoder": tape.gradient(encoder, model.encoder.trainable_variables),
        "decoder": tape.gradient(decoder, model.decoder.trainable_variables),
        "discriminator": tape.gradient(discriminator, model.discriminator.trainable_variables),
    }
    for name, arrays in expected.items():
        assert len(gradients[name]) == len(arrays) == len(getattr(model, name).trainable_variables)
        for ours, separate in zip(gradients[name], arrays, strict=True):
            size = float(tf.reduce_max(tf.abs(separate)))
            np.testing.assert_allclose(ours, separate, rtol=2e-3, atol=1e-4 * size + 1e-9)
    assert float(values["llike"]) == pytest.approx(float(llike), rel=1e-4)
    assert float(values["gan_discriminator"]) == pytest.approx(float(discriminator), rel=1e-4)


def test_minimax_is_the_negated_discriminators_gradient():
    fakes = logits(-1.0, 0.5, 3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(fakes)
        judge = adversarial.discriminator_loss(logits(0.0), fakes, fakes)
        decoder = adversarial.decoder_loss(fakes, fakes, minimax=True)
    np.testing.assert_allclose(tape.gradient(judge, fakes), -tape.gradient(decoder, fakes), rtol=1e-6)


def test_same_encoder_and_decoder_as_the_vae():
    ours, theirs = VAEGAN(seed=3), vae.VAE(seed=3)
    for name in ("encoder", "decoder"):
        for a, b in zip(getattr(ours, name).get_weights(), getattr(theirs, name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not any("batch" in layer.name for layer in (*ours.encoder.layers, *ours.discriminator.layers))


@pytest.mark.parametrize("layer, shape", [(1, (32, 32, 16)), (4, (4, 4, 128))])
def test_the_feature_layer_is_a_convolutions_output(layer, shape):
    features, logit = build_discriminator(layer)(vae.random_frames(2) / np.float32(255))
    assert features.shape == (2, *shape) and logit.shape == (2, 1)


@pytest.mark.parametrize("config", [VaeGanConfig(), PAPER], ids=["recommended", "paper"])
def test_an_update_changes_all_three_networks_and_is_reproducible(config):
    frames, results = vae.random_frames(4), []
    for _ in range(2):
        model = compiled(config, seed=2)
        before = {name: getattr(model, name).get_weights() for name in model.optimizers}
        results.append(model.train_on_batch(frames, return_dict=True))
        for name, weights in before.items():
            after = getattr(model, name).get_weights()
            learnt = any(not np.array_equal(a, b) for a, b in zip(weights, after, strict=True))
            assert learnt or (config.as_published and name != "encoder"), name  # there, one may have to wait
    assert set(results[0]) == set(VAEGAN.METRICS)
    np.testing.assert_allclose([results[0][n] for n in VAEGAN.METRICS], [results[1][n] for n in VAEGAN.METRICS], 1e-3)


def test_half_precision_trains_too():
    values = compiled(VaeGanConfig(compute="bfloat16")).train_on_batch(vae.random_frames(4), return_dict=True)
    assert np.isfinite(list(values.values())).all()
