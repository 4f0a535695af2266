"""Actor-critic for the linear C: a natural policy gradient in closed form, and a critic that says what lies beyond.

C with noise is a Gaussian policy, u = W x + b + sigma * noise with x = [z, h] and a = squash(u). For a linear Gaussian
policy the Fisher matrix of each output is E[x x'] / sigma^2, 289 by 289 numbers: the natural gradient (Kakade 2001) is
one linear solve per output, and the change of the policy in nats is known before the step is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Policy:
    """C while it learns.

    Attributes:
        weights: float64 (inputs + 1, 3), the last row being the bias: :mod:`wmlib.models.controller`'s row, reshaped.
        log_sigma: float64 (3,), of the noise on each pre-activation.
    """

    weights: np.ndarray
    log_sigma: np.ndarray

    @staticmethod
    def start(inputs: int, sigma: float, actions: int = 3) -> Policy:
        """C at zero, as the evolution strategy begins."""
        return Policy(np.zeros((inputs + 1, actions)), np.full(actions, np.log(sigma)))

    @property
    def inputs(self) -> int:
        """Numbers that C sees."""
        return len(self.weights) - 1

    @property
    def sigma(self) -> np.ndarray:
        """Standard deviations (3,)."""
        return np.exp(self.log_sigma)

    @property
    def parameters(self) -> np.ndarray:
        """C's flat row: weights, then biases."""
        return self.weights.reshape(-1)

    def mean(self, inputs: np.ndarray) -> np.ndarray:
        """Pre-activations without noise: (..., inputs) to (..., 3), float32."""
        weights = self.weights.astype(np.float32)
        return inputs @ weights[:-1] + weights[-1]


def divergence(old: Policy, new: Policy, inputs: np.ndarray) -> float:
    """Kullback-Leibler divergence of ``new`` from ``old``, nats: mean over inputs (n, inputs), summed over actions."""
    shift = ((new.mean(inputs) - old.mean(inputs)) / new.sigma) ** 2
    ratio = (old.sigma / new.sigma) ** 2
    return float(0.5 * (shift.mean(0) + ratio - 1 - np.log(ratio)).sum())


def advantages(
    rewards: np.ndarray, values: np.ndarray, ended: np.ndarray, gamma: float, decay: float, after: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Generalised advantage estimates (Schulman et al. 2016) of actions and the returns the critic should learn.

    Args:
        rewards: (steps, lanes); ``rewards[t]`` is what the action taken at t paid.
        values: (steps + 1, lanes), the critic's word on the states before each step and after the last.
        ended: bool (steps, lanes), the lane's own story ends with that step.
        gamma: discount.
        decay: lambda, 0 trusts the critic after one step, 1 only at the horizon.
        after: value of what follows an end.

    Returns:
        advantages and returns, both (steps, lanes): those at t belong to the action and the state of t.
    """
    follows = 1.0 - ended
    errors = rewards + gamma * (follows * values[1:] + ended * after) - values[:-1]
    result = np.empty_like(errors)
    ahead = np.zeros_like(errors[0])
    for t in range(len(errors) - 1, -1, -1):
        ahead = errors[t] + gamma * decay * follows[t] * ahead
        result[t] = ahead
    return result, result + values[:-1]


class NaturalGradient:
    """Steps of steepest ascent where distance is the policy's own change in nats, averaged over a few batches.

    Args:
        rate: share of the natural gradient (for advantages of unit variance) in one step.
        limit: largest divergence of one step, nats.
        damping: share of each input's own second moment added to it, so that directions the inputs hardly vary in,
            about which the batch says little, are hardly moved in.
        momentum: share of the past in the averages of gradient and second moments.
        sigma_floor: noise never falls below it.
        inputs, actions: sizes of what C sees and does.
    """

    AVERAGES = ("seen", "moments", "pull", "widening")

    def __init__(
        self,
        rate: float,
        limit: float,
        damping: float,
        momentum: float,
        sigma_floor: float,
        inputs: int,
        actions: int = 3,
    ):
        self.rate, self.limit, self.damping = rate, limit, damping
        self.momentum, self.floor = momentum, np.log(sigma_floor)
        self.seen = np.zeros(())  # sum of the weights in the averages
        self.moments, self.pull = np.zeros((inputs + 1, inputs + 1)), np.zeros((inputs + 1, actions))
        self.widening = np.zeros(actions)

    def gradient(self, inputs: np.ndarray, noise: np.ndarray, advantage: np.ndarray) -> tuple[np.ndarray, ...]:
        """Second moments (inputs + 1, inputs + 1), and the gradients in units of sigma: (inputs + 1, 3) and (3,).

        Args:
            inputs: (n, inputs), noise: (n, 3), advantage: (n,).
        """
        x = np.concatenate([inputs, np.ones((len(inputs), 1), np.float32)], axis=1)
        moments = (x.T @ x).astype(np.float64) / len(x)
        weighted = (noise * advantage[:, None]).astype(np.float32)
        pull = (x.T @ weighted).astype(np.float64) / len(x)
        return moments, pull, (advantage[:, None] * (noise**2 - 1)).mean(0)

    def step(self, policy: Policy, inputs: np.ndarray, noise: np.ndarray, advantage: np.ndarray) -> Policy:
        """The policy after one step; advantages should have mean 0 and variance 1."""
        parts = self.gradient(inputs, noise, advantage)
        keep = self.momentum
        self.seen = keep * self.seen + 1
        self.moments, self.pull, self.widening = (
            keep * old + new for old, new in zip((self.moments, self.pull, self.widening), parts, strict=True)
        )
        moments = self.moments / self.seen
        damped = moments + np.diag(self.damping * np.diag(moments) + 1e-9)  # an input may be 0 throughout
        direction = np.linalg.solve(damped, self.pull / self.seen)  # (inputs + 1, 3), in units of sigma
        widening = self.widening / self.seen / 2  # the Fisher matrix of log sigma is 2
        quadratic = 0.5 * np.einsum("ik,ij,jk->", direction, moments, direction) + (widening**2).sum()
        size = min(self.rate, np.sqrt(self.limit / max(quadratic, 1e-12)))
        log_sigma = np.maximum(policy.log_sigma + size * widening, self.floor)
        return Policy(policy.weights + size * direction * policy.sigma, log_sigma)


class ActorCritic:
    """Learns a policy and its critic from dreams.

    Args:
        policy: where it begins.
        critic: maps inputs (..., inputs) to values (...), each (1 - gamma) times discounted future reward, and has
            ``fit(inputs, returns)``, one pass over examples, and ``standardise(inputs)``.
        actor: takes the steps.
        gamma, decay: see :func:`advantages`.
        after: reward of every step after an end, for ever; 0 says that nothing follows.
        passes: of the critic over every batch.
    """

    def __init__(self, policy: Policy, critic, actor, gamma: float, decay: float, after: float = 0.0, passes: int = 3):
        self.policy, self.critic, self.actor = policy, critic, actor
        self.gamma, self.decay, self.after, self.passes = gamma, decay, after, passes

    def learn(self, inputs, noise, rewards, ended, alive, improve: bool = True) -> dict[str, float]:
        """One batch of trajectories, shapes as in :class:`wmlib.rollout.dreams.Trajectories`.

        Args:
            improve: False teaches the critic alone.

        Returns:
            ``reward``: per step; ``value``: the critic's mean; ``explained``: share of the returns' variance the critic
            accounted for before it saw them; ``divergence``: of this step in nats.
        """
        lived = alive.reshape(-1)
        x, e = inputs[:-1].reshape(-1, inputs.shape[-1])[lived], noise.reshape(-1, noise.shape[-1])[lived]
        values = self.critic(inputs)
        advantage, returns = advantages(rewards * (1 - self.gamma), values, ended, self.gamma, self.decay, self.after)
        advantage, returns = advantage.reshape(-1)[lived], returns.reshape(-1)[lived]
        unexplained = np.var(returns - values[:-1].reshape(-1)[lived]) / max(np.var(returns), 1e-12)
        for _ in range(self.passes):
            self.critic.fit(x, returns)
        before = self.policy
        if improve:
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            self.policy = self.actor.step(before, x, e, advantage)
        return {
            "reward": float(rewards.reshape(-1)[lived].mean()),
            "value": float(values.mean()),
            "explained": float(1 - unexplained),
            "divergence": divergence(before, self.policy, x),
        }
