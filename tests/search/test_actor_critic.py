"""The actor-critic on worlds whose best policy is known, and its gradient against finite differences."""

from dataclasses import dataclass

import numpy as np
import pytest

from wmlib.search.actor_critic import ActorCritic, NaturalGradient, Policy, advantages, divergence


@dataclass
class LinearCritic:
    """Least squares on the inputs, their squares and products with the first: enough for the worlds below."""

    inputs: int

    def __post_init__(self):
        self.weights = np.zeros(self.features(np.zeros((1, self.inputs))).shape[1])

    @staticmethod
    def features(x):
        x = np.asarray(x, float)
        return np.concatenate([np.ones((len(x), 1)), x, x**2, x[:, :1] * x[:, 1:]], axis=1)

    def __call__(self, inputs):
        return (self.features(inputs.reshape(-1, self.inputs)) @ self.weights).reshape(inputs.shape[:-1])

    def standardise(self, inputs):
        pass

    def fit(self, inputs, returns):
        self.weights = np.linalg.lstsq(self.features(inputs), returns, rcond=None)[0]


def drive(policy, steps, lanes, random, delay):
    """A point on a line that the action pushes; what is paid for is its distance from 0, ``delay`` steps late.

    The best action is -x: each step then ends at 0. With a delay the payment for an action arrives later than the
    action: credit given to the wrong step teaches nothing, or the opposite.
    """
    x = random.normal(size=lanes)
    past = np.zeros((delay, lanes))
    inputs, noise = np.empty((steps + 1, lanes, 1 + delay)), random.normal(size=(steps, lanes, 1))
    rewards = np.empty((steps, lanes))
    for t in range(steps + 1):
        inputs[t] = np.stack([x, *past], axis=1)
        if t == steps:
            break
        action = (policy.mean(inputs[t].astype(np.float32)) + policy.sigma * noise[t])[:, 0]
        reached = x + action
        line = [reached, *past]
        rewards[t], past = -(line[delay] ** 2), np.array(line[:delay]).reshape(delay, lanes)
        x = reached + random.normal(0, 0.5, lanes)
    alive = np.ones((steps, lanes), bool)
    return inputs, noise, rewards, np.zeros((steps, lanes), bool), alive


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_the_best_policy_of_a_known_world_is_found(delay):
    random = np.random.default_rng(delay)
    actor = NaturalGradient(
        rate=1.0, limit=0.05, damping=0.01, momentum=0.5, sigma_floor=0.05, inputs=1 + delay, actions=1
    )
    learner = ActorCritic(Policy.start(1 + delay, 0.3, 1), LinearCritic(1 + delay), actor, 0.9, 0.9)
    for _ in range(120):
        learner.learn(*drive(learner.policy, 8, 256, random, delay))
    weights = learner.policy.weights[:, 0]
    assert weights[0] == pytest.approx(-1, abs=0.15)
    np.testing.assert_allclose(weights[1:], 0, atol=0.15)
    assert learner.policy.sigma[0] < 0.2  # noise only costs here


def test_an_advantage_belongs_to_the_action_that_earned_it():
    """The second action pays 1 at once, and nothing else ever happens: the first two may share it, later ones not."""
    rewards = np.zeros((4, 1))
    rewards[1] = 1
    advantage, returns = advantages(rewards, np.zeros((5, 1)), np.zeros((4, 1), bool), 0.5, 1.0)
    np.testing.assert_allclose(advantage[:, 0], [0.5, 1, 0, 0])
    np.testing.assert_allclose(returns[:, 0], [0.5, 1, 0, 0])


def test_nothing_follows_an_end_and_the_critic_speaks_at_the_horizon():
    values = np.array([[1.0], [2.0], [3.0], [4.0]])
    ended = np.array([[False], [True], [False]])
    _, returns = advantages(np.ones((3, 1)), values, ended, 0.9, 1.0)
    np.testing.assert_allclose(returns[:, 0], [1 + 0.9, 1, 1 + 0.9 * 4.0])
    _, returns = advantages(np.ones((3, 1)), values, ended, 0.9, 1.0, after=-2.0)
    np.testing.assert_allclose(returns[:, 0], [1 + 0.9 * (1 - 0.9 * 2), 1 - 0.9 * 2, 1 + 0.9 * 4.0])


def test_with_lambda_zero_only_the_next_state_counts():
    random = np.random.default_rng(0)
    rewards, values = random.normal(size=(5, 3)), random.normal(size=(6, 3))
    advantage, _ = advantages(rewards, values, np.zeros((5, 3), bool), 0.9, 0.0)
    np.testing.assert_allclose(advantage, rewards + 0.9 * values[1:] - values[:-1])


def test_gradient_is_that_of_the_surrogate_by_finite_differences():
    """The gradient of mean(advantage * log pi), in units of sigma, from the densities themselves."""
    random = np.random.default_rng(3)
    inputs, noise = random.normal(size=(50, 4)).astype(np.float32), random.normal(size=(50, 3))
    advantage = random.normal(size=50)
    policy = Policy(random.normal(size=(5, 3)), random.normal(size=3))
    u = policy.mean(inputs) + policy.sigma * noise

    def surrogate(weights, log_sigma):
        mean = inputs @ weights[:-1] + weights[-1]
        density = -0.5 * ((u - mean) / np.exp(log_sigma)) ** 2 - log_sigma
        return (advantage * density.sum(1)).mean()

    _, pull, widening = NaturalGradient(1, 1, 0, 0, 0.1, inputs=4).gradient(inputs, noise, advantage)
    for i, k in [(0, 0), (3, 1), (4, 2)]:
        shift = np.zeros((5, 3))
        shift[i, k] = 1e-4
        there = surrogate(policy.weights + shift, policy.log_sigma), surrogate(policy.weights - shift, policy.log_sigma)
        assert pull[i, k] / policy.sigma[k] == pytest.approx((there[0] - there[1]) / 2e-4, rel=1e-3, abs=1e-5)
    for k in range(3):
        shift = np.zeros(3)
        shift[k] = 1e-4
        there = surrogate(policy.weights, policy.log_sigma + shift), surrogate(policy.weights, policy.log_sigma - shift)
        assert widening[k] == pytest.approx((there[0] - there[1]) / 2e-4, rel=1e-3, abs=1e-5)


def test_a_step_is_as_long_as_its_limit_says():
    random = np.random.default_rng(4)
    inputs, noise = random.normal(size=(4000, 6)).astype(np.float32), random.normal(size=(4000, 3))
    policy = Policy(random.normal(size=(7, 3)), np.log([0.3, 0.5, 0.2]))
    actor = NaturalGradient(rate=100.0, limit=0.01, damping=0.0, momentum=0.0, sigma_floor=0.01, inputs=inputs.shape[1])
    after = actor.step(policy, inputs, noise, noise[:, 0] * inputs[:, 1] - noise[:, 2])
    assert divergence(policy, after, inputs) == pytest.approx(0.01, rel=0.1)
    assert divergence(policy, policy, inputs) == 0


def test_scaling_an_input_does_not_change_the_new_policy():
    """What a hand-tuned standardisation would be for: the natural gradient does not see the units of its inputs."""
    random = np.random.default_rng(5)
    inputs, noise, advantage = random.normal(size=(500, 4)), random.normal(size=(500, 3)), random.normal(size=500)
    scale = np.array([1, 10, 0.1, 1])
    plain, scaled = (
        NaturalGradient(1.0, 1.0, 0.1, 0.0, 0.01, inputs=4).step(
            Policy.start(4, 0.5), x.astype(np.float32), noise, advantage
        )
        for x in (inputs, inputs * scale)
    )
    np.testing.assert_allclose(
        plain.mean(inputs.astype(np.float32)), scaled.mean((inputs * scale).astype(np.float32)), atol=1e-4
    )


def test_noise_never_falls_below_its_floor():
    actor = NaturalGradient(rate=10.0, limit=10.0, damping=0.1, momentum=0.0, sigma_floor=0.2, inputs=2)
    noise = np.random.default_rng(0).normal(size=(300, 3))
    after = actor.step(Policy.start(2, 0.5), np.zeros((300, 2), np.float32), noise, -(noise**2).sum(1))
    np.testing.assert_allclose(after.sigma, 0.2)
