"""M: architecture, losses against float64 closed forms, sampling, and recovery of a mixture that is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wmlib.config import MemoryConfig
from wmlib.models import mdnrnn
from wmlib.models.weights import model_weights

SMALL = MemoryConfig(hidden_size=8, mixtures=2)


def random_batch(size: int = 3, steps: int = 6, latent: int = 32) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {"mu": (steps + 1, latent), "log_variance": (steps + 1, latent), "action": (steps, 3), "reward": (steps,)}
    batch = {name: random.normal(size=(size, *shape)).astype(np.float32) for name, shape in shapes.items()}
    return batch | {"done": (random.random((size, steps)) < 0.2).astype(np.float32)}


def random_mixture(*shape: int, mixtures: int = 5, latent: int = 4) -> tuple:
    output = np.random.default_rng(0).normal(size=(*shape, 3 * mixtures * latent)).astype(np.float32)
    return mdnrnn.split_mixture(tf.constant(output), mixtures)


def test_the_papers_parameter_count():
    weights = model_weights(mdnrnn.MDNRNN())
    own = sum(array.size for name, array in weights.items() if name.startswith(("lstm/", "mixture/")))
    assert own == mdnrnn.PARAMETERS == 422_368
    assert sum(array.size for array in weights.values()) == own + 2 * 257


def test_weights_export_as_plain_arrays_with_forget_bias_one():
    weights = model_weights(mdnrnn.MDNRNN())
    shapes = {name: array.shape for name, array in weights.items()}
    assert shapes["lstm/kernel"] == (35, 1024) and shapes["lstm/recurrent_kernel"] == (256, 1024)
    np.testing.assert_array_equal(weights["lstm/bias"].reshape(4, 256).mean(1), [0, 1, 0, 0])  # i, f, g, o


def test_mixture_likelihood_equals_the_sum_of_densities():
    log_pi, mu, log_sigma = random_mixture(2, 3)
    z = np.random.default_rng(1).normal(size=(2, 3, 4))
    pi, mean, sigma = (np.asarray(x, np.float64) for x in (np.exp(log_pi), mu, np.exp(log_sigma)))
    np.testing.assert_allclose(pi.sum(-2), 1, atol=1e-6)
    density = (pi / (sigma * np.sqrt(2 * np.pi)) * np.exp(-0.5 * ((z[..., None, :] - mean) / sigma) ** 2)).sum(-2)
    loss = mdnrnn.mixture_nll(tf.constant(z, tf.float32), log_pi, mu, log_sigma)
    assert float(loss) == pytest.approx(-np.log(density).mean(), rel=1e-5)


def test_mixture_likelihood_gradient_equals_finite_differences():
    output = np.random.default_rng(0).normal(size=(2, 3 * 5 * 4))
    z = np.random.default_rng(1).normal(size=(2, 4))

    def loss(values):
        return mdnrnn.mixture_nll(tf.constant(z), *mdnrnn.split_mixture(values, 5))

    variable = tf.Variable(output)
    with tf.GradientTape() as tape:
        value = loss(variable)
    gradient = tape.gradient(value, variable).numpy()
    random = np.random.default_rng(2)
    for _ in range(5):
        direction = random.normal(size=output.shape)
        up, down = (float(loss(tf.constant(output + s * 1e-4 * direction))) for s in (1, -1))
        assert (gradient * direction).sum() == pytest.approx((up - down) / 2e-4, rel=1e-5)


def test_done_cross_entropy_weighs_the_end():
    done, logit = np.array([1.0, 0.0]), np.array([0.3, -1.2])
    probability = 1 / (1 + np.exp(-logit))
    expected = (-10 * np.log(probability[0]) - np.log(1 - probability[1])) / 2
    assert float(mdnrnn.done_cross_entropy(tf.constant(done), tf.constant(logit))) == pytest.approx(expected, rel=1e-6)


def test_reward_error_is_the_mean_square():
    assert float(mdnrnn.reward_error(tf.constant([1.0, 2.0]), tf.constant([0.0, 4.0]))) == pytest.approx(2.5)


def test_a_known_mixture_is_recovered():
    random = np.random.default_rng(0)
    z = np.where(random.random(4000) < 0.3, random.normal(-2, 0.5, 4000), random.normal(1, 0.2, 4000))
    z = tf.constant(z[:, None], tf.float32)
    output = tf.Variable([[0.0, 0.0, -0.5, 0.5, 0.0, 0.0]])  # two Gaussians, one dimension
    optimizer = keras.optimizers.Adam(0.05)

    @tf.function
    def update():
        with tf.GradientTape() as tape:
            loss = mdnrnn.mixture_nll(z, *mdnrnn.split_mixture(output, 2))
        optimizer.apply(tape.gradient(loss, [output]), [output])

    for _ in range(200):
        update()
    log_pi, mu, log_sigma = (np.asarray(x)[0, :, 0] for x in mdnrnn.split_mixture(output, 2))
    np.testing.assert_allclose(np.exp(log_pi), [0.3, 0.7], atol=0.03)
    np.testing.assert_allclose(mu, [-2, 1], atol=0.06)
    np.testing.assert_allclose(np.exp(log_sigma), [0.5, 0.2], atol=0.05)


@pytest.mark.parametrize("tau", [0.5, 1.0, 1.7])
def test_samples_follow_the_tempered_mixture(tau):
    random, count = np.random.default_rng(0), 20_000
    pi, mean, sigma = np.array([0.2, 0.8]), np.array([-3.0, 2.0]), np.array([0.4, 0.1])
    parameters = [
        np.broadcast_to(x[:, None], (count, 2, 1)).astype(np.float32) for x in (np.log(pi), mean, np.log(sigma))
    ]
    choice, noise = random.random((count, 1)).astype(np.float32), random.normal(size=(count, 1)).astype(np.float32)
    z = mdnrnn.sample_next(*parameters, tau, choice, noise).numpy()[:, 0]
    tempered = pi ** (1 / tau) / (pi ** (1 / tau)).sum()
    assert (z < 0).mean() == pytest.approx(tempered[0], abs=0.01)
    assert z[z > 0].std() == pytest.approx(0.1 * np.sqrt(tau), rel=0.03)
    assert z[z > 0].mean() == pytest.approx(2, abs=0.01)


def test_outputs_are_causal():
    model = mdnrnn.build_mdnrnn(SMALL)
    x = np.random.default_rng(0).normal(size=(1, 5, 35)).astype(np.float32)
    changed = x.copy()
    changed[:, 3:] += 1
    for before, after in zip(model(x), model(changed), strict=True):
        np.testing.assert_array_equal(before[:, :3], after[:, :3])
        assert not np.allclose(before[:, 3:], after[:, 3:])


def test_the_target_is_the_next_z_and_the_metrics_are_the_losses():
    model, batch = mdnrnn.MDNRNN(SMALL), random_batch()
    batch["log_variance"] = batch["log_variance"] * 0 - 60  # no noise: z is mu
    x = np.concatenate([batch["mu"][:, :-1], batch["action"]], axis=-1)
    _, mixture, reward, done = model(x)
    parts = mdnrnn.split_mixture(mixture, 2)
    figures = model.measure(batch)
    assert figures["nll"] == pytest.approx(float(mdnrnn.mixture_nll(batch["mu"][:, 1:], *parts)), rel=1e-4)
    assert figures["reward"] == pytest.approx(float(mdnrnn.reward_error(batch["reward"], reward)), rel=1e-4)
    assert figures["done"] == pytest.approx(float(mdnrnn.done_cross_entropy(batch["done"], done)), rel=1e-4)


@pytest.mark.parametrize("hidden, mixtures, latent, size", [(8, 2, 32, 3), (40, 5, 32, 17), (8, 3, 64, 3)])
def test_compiled_gradients_equal_automatic_differentiation(hidden, mixtures, latent, size):
    config = MemoryConfig(hidden_size=hidden, mixtures=mixtures)
    model = mdnrnn.MDNRNN(config, latent_size=latent)
    batch, random = random_batch(size, steps=7, latent=latent), np.random.default_rng(3)
    for variable in model.learnt:
        variable.assign(np.asarray(variable) + random.normal(0, 0.1, variable.shape))
    examples = model.inputs_and_targets(batch, random.normal(size=batch["mu"].shape).astype(np.float32))
    expected, gradients = model.gradients_of(*examples)
    losses, compiled = mdnrnn.faster(model).gradients_of(*examples)
    for name, value in expected.items():
        assert float(losses[name]) == pytest.approx(float(value), rel=1e-5), name
    for ours, theirs in zip(compiled, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_a_size_of_z_the_compiled_gradient_cannot_take_is_refused():
    with pytest.raises(ValueError, match="multiple of 32"):
        mdnrnn.faster(mdnrnn.MDNRNN(SMALL, latent_size=20))


@pytest.mark.parametrize("faster", [mdnrnn.faster, lambda model: model])
def test_training_is_reproducible_and_lowers_the_loss(faster):
    histories, batch = [], random_batch()
    for _ in range(2):
        model = faster(mdnrnn.MDNRNN(SMALL, seed=1))
        model.compile(keras.optimizers.Adam(0.01, clipvalue=1.0))
        first = model.measure(batch)["loss"]
        for _ in range(15):
            model.train_on_batch(batch)
        histories.append((first, model.measure(batch)["loss"]))
    assert histories[0][1] < histories[0][0]
    assert histories[0] == pytest.approx(histories[1], rel=1e-6)
