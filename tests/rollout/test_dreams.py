"""Dreams that branch from real states: replayed memories, lanes, ends, and what a dream foretells."""

import numpy as np
import pytest

from wmlib.config import ControllerConfig, MemoryConfig
from wmlib.envs.dream import Dream
from wmlib.models.controller import squash
from wmlib.models.inference import MemoryStep
from wmlib.models.mdnrnn import build_mdnrnn
from wmlib.models.weights import model_weights
from wmlib.rollout.dreams import States, dream, likely_mean, replay
from wmlib.search.actor_critic import Policy
from wmlib.seeds import generator

HIDDEN = 8


def world_weights() -> dict[str, np.ndarray]:
    return model_weights(build_mdnrnn(MemoryConfig(hidden_size=HIDDEN, mixtures=3), seed=1))


@pytest.fixture(scope="module")
def world():
    return Dream(world_weights())


def episode(steps: int, seed: int, latent: int = 32) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "mu": random.normal(size=(steps + 1, latent)).astype(np.float32),
        "log_variance": np.full((steps + 1, latent), -50, np.float32),
        "actions": random.uniform(0, 1, (steps, 3)).astype(np.float32),
        "rewards": random.normal(size=steps).astype(np.float32),
    }


@pytest.mark.parametrize("latent", [32, 64])
def test_replayed_states_are_those_of_a_real_drive_whatever_drives_beside_it(latent):
    network = build_mdnrnn(MemoryConfig(hidden_size=HIDDEN, mixtures=3), latent_size=latent, seed=1)
    memory = MemoryStep(model_weights(network))
    episodes = [episode(5, 1, latent), episode(11, 2, latent), episode(8, 3, latent)]
    states = replay(memory, episodes, generator(0), every=3)
    expected = []
    for each in episodes:
        h, c = np.zeros((2, 1, HIDDEN), np.float32)
        for t in range(len(each["actions"])):
            if t % 3 == 0:
                expected.append((each["mu"][t], h[0], c[0]))
            h, c = memory(each["mu"][t : t + 1], each["actions"][t : t + 1], h, c)
    assert len(states) == len(expected) == 2 + 4 + 3
    for name, arrays in zip(("z", "h", "c"), zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(getattr(states, name), np.stack(arrays), atol=1e-5)


def start(lanes: int) -> States:
    random = np.random.default_rng(0)
    return States(*(random.normal(size=(lanes, size)).astype(np.float32) for size in (32, HIDDEN, HIDDEN)))


def policy() -> Policy:
    random = np.random.default_rng(2)
    return Policy(random.normal(0, 0.3, (33 + HIDDEN, 3)), np.log([0.2, 0.3, 0.4]))


def test_a_dream_is_policy_and_steps_in_turn(world):
    driver = policy()
    dreamt = dream(world, driver, start(4), 6, 1.2, generator(7))
    random = generator(7)
    noise = random.standard_normal((6, 4, 3), np.float32)
    z, h, c = start(4).arrays
    for t in range(6):
        seen = np.concatenate([z, h], axis=1)
        np.testing.assert_allclose(dreamt.inputs[t], seen, atol=1e-5)
        action = squash(seen @ driver.weights[:-1] + driver.weights[-1] + driver.sigma * noise[t])
        z, reward, done, h, c = world.step(z, action, h, c, 1.2, random)
        np.testing.assert_allclose(dreamt.rewards[t], reward, atol=1e-5)
        np.testing.assert_array_equal(dreamt.ended[t], done > 0)
    assert dreamt.inputs.shape == (7, 4, 32 + HIDDEN)


def test_c_sees_what_it_would_be_shown_in_a_search(world):
    """Another M's h and V's likely mean, as the compiled dream shows them to CMA-ES's candidates."""
    eyes = model_weights(build_mdnrnn(MemoryConfig(hidden_size=HIDDEN, mixtures=3), seed=2))
    sight = np.float32([np.linspace(0, 1, 32), np.linspace(-1, 1, 32)])
    watched = Dream(world_weights(), eyes=eyes, sight=sight)
    begin, random = start(4), np.random.default_rng(5)
    states = States(*begin.arrays, *(random.normal(size=(4, HIDDEN)).astype(np.float32) for _ in range(2)))
    driver = Policy(policy().weights, np.full(3, -50.0))
    dreamt = dream(watched, driver, states, 5, 1e-12, generator(0))
    lives = np.tile(driver.parameters, (4, 1))
    z, *memories = (array.copy() for array in states.arrays)
    *_, rewards, done, kept, _ = watched.live(ControllerConfig(), lives, [z, *memories], 5, 1e-12, (0,), record=True)
    np.testing.assert_allclose(dreamt.rewards, rewards, atol=1e-4)
    np.testing.assert_allclose(dreamt.inputs[..., :32], sight[0] * kept + sight[1], atol=1e-4)


class Ending:
    """A world in which lane i ends at step i."""

    hidden_size = HIDDEN

    def __init__(self):
        self.t = 0

    def seen(self, z, h):
        return np.concatenate([z, h], axis=1)

    def step(self, z, a, h, c, tau, random):
        done = np.where(np.arange(len(z)) == self.t, 1.0, -1.0)
        self.t += 1
        return z, np.ones(len(z), np.float32), done, h, c


def test_the_step_that_ends_an_episode_still_counts_and_later_ones_do_not():
    dreamt = dream(Ending(), policy(), start(3), 4, 1.0, generator(0))
    np.testing.assert_array_equal(dreamt.alive.sum(0), [1, 2, 3])


def test_what_is_likely_vs_mean_is_the_regression_on_z():
    random, size = np.random.default_rng(0), (40_000, 3)
    spread, noise = np.array([0.7, 0.1, 0.5]), np.array([0.2, 1.0, 0.5])
    mu = random.normal([2.0, 0.0, -1.0], spread, size)
    z = mu + noise * random.standard_normal(size)
    log_variance = np.broadcast_to(2 * np.log(noise), size)
    parts = [{"mu": mu[rows], "log_variance": log_variance[rows]} for rows in (slice(0, 10_000), slice(10_000, None))]
    found = likely_mean(parts)
    for d in range(3):
        np.testing.assert_allclose(found[:, d], np.polyfit(z[:, d], mu[:, d], 1), atol=0.02)
