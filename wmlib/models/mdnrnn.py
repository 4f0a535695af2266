"""M: the recurrent network that predicts the next z as a mixture of Gaussians (paper section 3.2, appendix A.2).

At step t M is fed z_t and a_t, and its new hidden state gives p(z_{t+1}), the reward of that step and whether the
episode ends. Each latent dimension has a mixture of its own. The reward and done heads are not in the paper's
CarRacing model; they let an episode be dreamt.
"""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from wmlib import seeds
from wmlib.config import ACTION_SIZE, LATENT_SIZE, MemoryConfig
from wmlib.kernels.memory_gradient import MemoryGradient

PARAMETERS = 422_368  # paper, appendix A.2: LSTM and mixture, without the reward and done heads
DONE_WEIGHT = 10.0  # an episode's end counts tenfold, as in the authors' Doom code: it is rare


def split_mixture(output: tf.Tensor, mixtures: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(..., 3 * mixtures * latent) to ``log_pi`` (normalised), ``mu``, ``log_sigma``, each (..., mixtures, latent)."""
    shape = tf.concat([tf.shape(output)[:-1], [3, mixtures, output.shape[-1] // (3 * mixtures)]], axis=0)
    logits, mu, log_sigma = tf.unstack(tf.reshape(output, shape), num=3, axis=-3)
    return logits - tf.reduce_logsumexp(logits, axis=-2, keepdims=True), mu, log_sigma


def mixture_nll(z_next: tf.Tensor, log_pi: tf.Tensor, mu: tf.Tensor, log_sigma: tf.Tensor) -> tf.Tensor:
    """Negative log-likelihood in nats, mean over all examples and latent dimensions.

    Args:
        z_next: (..., latent).
        log_pi, mu, log_sigma: (..., mixtures, latent).
    """
    deviation = (z_next[..., tf.newaxis, :] - mu) * tf.exp(-log_sigma)
    log_density = log_pi - log_sigma - 0.5 * tf.square(deviation)
    return 0.5 * math.log(2 * math.pi) - tf.reduce_mean(tf.reduce_logsumexp(log_density, axis=-2))


def reward_error(reward: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Mean squared error."""
    return tf.reduce_mean(tf.math.squared_difference(reward, predicted))


def done_cross_entropy(done: tf.Tensor, logit: tf.Tensor, positive_weight: float = DONE_WEIGHT) -> tf.Tensor:
    """Binary cross-entropy in nats, mean over all steps; steps that end an episode count ``positive_weight`` times."""
    return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(done, logit, positive_weight))


def total_loss(nll: tf.Tensor, reward: tf.Tensor, done: tf.Tensor, reward_share: float) -> dict[str, tf.Tensor]:
    """The loss of M and its three parts, by name; the reward's unit is not nats, ``reward_share`` is its weight."""
    return {"loss": nll + reward_share * reward + done, "nll": nll, "reward": reward, "done": done}


def sample_next(log_pi, mu, log_sigma, tau, choice: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Draw the next z at temperature ``tau``: mixture logits divided by tau, Gaussian noise times sqrt(tau).

    Args:
        log_pi, mu, log_sigma: (..., mixtures, latent).
        tau: temperature, positive; 1 is the model's own uncertainty.
        choice: uniform numbers in [0, 1), (..., latent): which Gaussian.
        noise: standard normal numbers, (..., latent).

    Returns:
        z (..., latent).
    """
    pi = tf.nn.softmax(log_pi / tau, axis=-2)
    mean, log_scale = mu[..., 0, :], log_sigma[..., 0, :]
    passed = tf.zeros_like(choice)
    for k in range(1, mu.shape[-2]):  # inverse of the cumulative distribution, one Gaussian after the other
        passed += pi[..., k - 1, :]
        beyond = choice >= passed
        mean = tf.where(beyond, mu[..., k, :], mean)
        log_scale = tf.where(beyond, log_sigma[..., k, :], log_scale)
    return mean + tf.exp(log_scale) * tf.sqrt(tau) * noise


def build_mdnrnn(
    config: MemoryConfig, *, latent_size: int = LATENT_SIZE, action_size: int = ACTION_SIZE, seed: int = 0
) -> keras.Model:
    """M's network: [z, a] (batch, time, latent + action), from an empty memory, to four outputs.

    Returns a model giving ``h`` (batch, time, hidden) after each step, ``mixture`` (batch, time, 3 * mixtures *
    latent) for :func:`split_mixture`, ``reward`` and ``done`` (a logit), both (batch, time).
    """
    random = seeds.generator(seed, "memory", "weights")

    def draw() -> int:
        return int(random.integers(2**31))

    def head(units: int, name: str):
        return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(draw()), name=name)

    x = keras.Input((None, latent_size + action_size), name="z_and_action")
    h = keras.layers.LSTM(
        config.hidden_size,
        return_sequences=True,
        kernel_initializer=keras.initializers.GlorotUniform(draw()),
        recurrent_initializer=keras.initializers.Orthogonal(seed=draw()),
        unit_forget_bias=True,
        name="lstm",
    )(x)
    mixture = head(3 * config.mixtures * latent_size, "mixture")(h)
    reward, done = (keras.ops.squeeze(head(1, name)(h), -1) for name in ("reward", "done"))
    return keras.Model(x, [h, mixture, reward, done], name="mdnrnn")


@keras.saving.register_keras_serializable("wmlib")
class MDNRNN(keras.Model):
    """M with its losses.

    Batches are dictionaries: ``mu``, ``log_variance`` (batch, time + 1, 32); ``action`` (batch, time, 3); ``reward``,
    ``done`` (batch, time). z is drawn anew from N(mu, exp(log_variance)) in every batch, so that M sees V's doubt.
    Metrics: ``loss``, ``nll`` (nats per latent dimension), ``reward`` (squared error), ``done`` (cross-entropy).
    The optimizer clips the components of the gradient (``clipvalue``).
    """

    def __init__(
        self,
        config: MemoryConfig | None = None,
        *,
        latent_size: int = LATENT_SIZE,
        action_size: int = ACTION_SIZE,
        seed: int = 0,
    ):
        super().__init__(name="mdnrnn_model")
        self.config, self.seed = config or MemoryConfig(), seed
        self.sizes = {"latent_size": latent_size, "action_size": action_size}
        self.network = build_mdnrnn(self.config, **self.sizes, seed=seed)
        self.noise = keras.random.SeedGenerator(int(seeds.generator(seed, "memory", "noise").integers(2**31)))
        self.trackers = {name: keras.metrics.Mean(name) for name in ("loss", "nll", "reward", "done")}
        self.built = True

    def compile(self, optimizer, **options):
        """As Keras', but without XLA unless asked."""
        super().compile(optimizer=optimizer, **({"jit_compile": False} | options))

    def get_config(self) -> dict:
        """What a ``.keras`` file needs to build the model again; how it is trained is not in it: compile it anew."""
        return {"config": dataclasses.asdict(self.config), **self.sizes, "seed": self.seed}

    def get_compile_config(self) -> None:
        return None

    @classmethod
    def from_config(cls, values: dict):
        """Inverse of :meth:`get_config`."""
        return cls(**{**values, "config": MemoryConfig(**values["config"])})

    @property
    def metrics(self) -> list:
        return list(self.trackers.values())

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        """See :func:`build_mdnrnn`."""
        return self.network(x)

    @property
    def done_weight(self) -> float:
        """How often an end counts: tenfold, but once if most ends are lost roads, which are frequent."""
        return 1.0 if self.config.lost_ends else DONE_WEIGHT

    @property
    def learnt(self) -> list[keras.Variable]:
        """What training changes, layer by layer."""
        layers = (self.network.get_layer(name) for name in ("lstm", "mixture", "reward", "done"))
        return [variable for layer in layers for variable in layer.trainable_variables]

    def inputs_and_targets(self, batch: dict[str, tf.Tensor], noise: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """[z, a] (batch, time, 35), the next z (batch, time, 32), and reward and done (batch, time).

        ``noise``: standard normal, shaped like ``mu``.
        """
        z = batch["mu"] + tf.exp(0.5 * batch["log_variance"]) * noise
        return tf.concat([z[:, :-1], batch["action"]], axis=-1), z[:, 1:], batch["reward"], batch["done"]

    def losses_of(self, x: tf.Tensor, z_next: tf.Tensor, reward: tf.Tensor, done: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scalars ``loss``, ``nll``, ``reward`` and ``done`` of :meth:`inputs_and_targets`."""
        _, mixture, reward_hat, logit = self.network(x)
        nll = mixture_nll(z_next, *split_mixture(mixture, self.config.mixtures))
        done_loss = done_cross_entropy(done, logit, self.done_weight)
        return total_loss(nll, reward_error(reward, reward_hat), done_loss, self.config.reward_share)

    def gradients_of(self, *examples: tf.Tensor) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        """Losses, and the gradient of ``loss``, by automatic differentiation; :func:`faster` puts its twin here."""
        with tf.GradientTape() as tape:
            losses = self.losses_of(*examples)
        return losses, tape.gradient(losses["loss"], self.learnt)

    def train_step(self, data) -> dict[str, tf.Tensor]:
        """One update on one batch."""
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        noise = keras.random.normal(tf.shape(batch["mu"]), seed=self.noise)
        losses, gradients = self.gradients_of(*self.inputs_and_targets(batch, noise))
        self.optimizer.apply(gradients, self.learnt)
        for name, value in losses.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def measure(self, batch: dict[str, np.ndarray]) -> dict[str, float]:
        """The losses of one batch as numbers, with noise that is the same at every call."""
        noise = seeds.generator(0, "memory", "measure").standard_normal(batch["mu"].shape).astype(np.float32)
        return {name: float(value) for name, value in self._measure(batch, noise).items()}

    @tf.function(reduce_retracing=True)
    def _measure(self, batch, noise):
        return self.losses_of(*self.inputs_and_targets(batch, noise))


def faster(model: MDNRNN) -> MDNRNN:
    """The same M, its gradient taken in compiled loops: :mod:`wmlib.kernels.memory_gradient`."""
    sizes = model.config.hidden_size, model.config.mixtures, model.sizes["latent_size"]
    gradient = MemoryGradient(*sizes, model.config.reward_share, model.done_weight)

    def gradients_of(*examples: tf.Tensor) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        arrays = [tf.convert_to_tensor(array) for array in (*examples, *model.learnt)]
        parts, *gradients = tf.numpy_function(gradient, arrays, [tf.float32] * (1 + len(model.learnt)))
        gradients = [tf.ensure_shape(g, v.shape) for g, v in zip(gradients, model.learnt, strict=True)]
        return total_loss(*tf.unstack(tf.ensure_shape(parts, (3,))), model.config.reward_share), gradients

    model.gradients_of = gradients_of
    return model
