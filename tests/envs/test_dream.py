"""Dreams: one step against the mixture's own formulas, whole rollouts against steps, and reproducibility."""

import pickle
from functools import partial

import numpy as np
import pytest

from wmbook.lessons.dreams import rollout
from wmlib.config import ControllerConfig, MemoryConfig
from wmlib.envs.dream import BLOCK, Dream, dream_of, in_threads
from wmlib.errors import UserError
from wmlib.kernels import tiles
from wmlib.models import mdnrnn
from wmlib.models.controller import act, parameter_count
from wmlib.models.weights import model_weights, save_weights
from wmlib.seeds import generator

LINEAR, HIDDEN = ControllerConfig(inputs="zh"), ControllerConfig(inputs="z", hidden_units=40)


@pytest.fixture(scope="module")
def network():
    return mdnrnn.build_mdnrnn(MemoryConfig(hidden_size=24, mixtures=3), seed=5)


@pytest.fixture(scope="module")
def dream(network):
    return Dream(model_weights(network))


def start(lanes: int, hidden: int = 24) -> tuple:
    random = np.random.default_rng(0)
    return tuple(random.normal(size=(lanes, size)).astype(np.float32) for size in (32, 3, hidden, hidden))


def controllers(config: ControllerConfig, lanes: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.3, (lanes, parameter_count(config, 24)))


def test_elementary_functions_are_accurate_everywhere():
    x = np.linspace(-20, 20, 4001).astype(np.float32)
    np.testing.assert_allclose([tiles.tanh(v) for v in x], np.tanh(x.astype(np.float64)), rtol=5e-7, atol=1e-12)
    np.testing.assert_allclose([tiles.exp(v) for v in x], np.exp(x.astype(np.float64)), rtol=5e-7)
    assert tiles.exp(np.float32(-1e4)) < 1e-37


def test_almost_cold_steps_are_the_networks_most_likely_means(network, dream):
    z, a, h, c = start(5)
    h[:], c[:] = 0, 0
    _, mixture, reward, done = network(np.concatenate([z, a], 1)[:, None])
    log_pi, mu, _ = (np.asarray(x)[:, 0] for x in mdnrnn.split_mixture(mixture, 3))
    expected = np.take_along_axis(mu, log_pi.argmax(1, keepdims=True), axis=1)[:, 0]
    new_z, new_reward, new_done, _, _ = dream.step(z, a, h, c, 1e-9, generator(0))
    np.testing.assert_allclose(new_z, expected, atol=2e-4)
    np.testing.assert_allclose(new_reward, reward[:, 0], atol=1e-5)
    np.testing.assert_allclose(new_done, done[:, 0], atol=1e-5)


@pytest.mark.parametrize("tau", [0.5, 1.5])
def test_samples_have_the_moments_of_the_tempered_mixture(network, dream, tau):
    z, a, _, _ = start(1)
    lanes = 4000
    many = [np.repeat(x, lanes, 0) for x in (z, a)] + [np.zeros((lanes, 24), np.float32)] * 2
    samples = dream.step(*many, tau, generator(0))[0]
    _, mixture, _, _ = network(np.concatenate([z, a], 1)[:, None])
    log_pi, mu, log_sigma = (np.asarray(x, np.float64)[0, 0] for x in mdnrnn.split_mixture(mixture, 3))
    pi = np.exp(log_pi / tau) / np.exp(log_pi / tau).sum(0)
    mean = (pi * mu).sum(0)
    variance = (pi * (tau * np.exp(2 * log_sigma) + mu**2)).sum(0) - mean**2
    np.testing.assert_allclose(samples.mean(0), mean, atol=5 * np.sqrt(variance.max() / lanes))
    np.testing.assert_allclose(samples.var(0), variance, rtol=0.15)


def test_another_m_may_watch_and_c_sees_what_it_remembers(network, dream):
    other = model_weights(mdnrnn.build_mdnrnn(MemoryConfig(hidden_size=24, mixtures=3), seed=6))
    watched = Dream(model_weights(network), eyes=other)
    (z, _, h, c), parameters = start(5), controllers(LINEAR, 5)
    seen_h, seen_c = h[::-1].copy(), c[::-1].copy()
    arguments = LINEAR, parameters, z, 7, 1e-9
    found, lived = watched.returns(*arguments, memory=(h, c, seen_h, seen_c))
    total, ended = np.zeros(5), np.zeros(5, bool)
    for _ in range(7):
        a = act(LINEAR, parameters, z, seen_h)
        seen_h, seen_c = watched.eyes(z, a, seen_h, seen_c)
        z, reward, done, h, c = dream.step(z, a, h, c, 1e-9, generator(0))
        total += np.where(ended, 0, reward)
        ended |= done > 0
    np.testing.assert_allclose(found, total, atol=2e-3)  # what noise is left is not the same
    same = Dream(model_weights(network), eyes=model_weights(network))
    states = start(5)
    memory = (states[2], states[3])
    np.testing.assert_array_equal(
        same.returns(LINEAR, parameters, states[0], 7, memory=memory * 2)[0],
        dream.returns(LINEAR, parameters, states[0], 7, memory=memory)[0],
    )
    large = model_weights(mdnrnn.build_mdnrnn(MemoryConfig(hidden_size=32, mixtures=3), seed=6))
    with pytest.raises(UserError, match="another size"):
        Dream(model_weights(network), eyes=large)


@pytest.mark.parametrize("config", [LINEAR, HIDDEN])
def test_a_rollout_is_controller_and_steps_in_turn(dream, config):
    z, _, h, c = start(3)
    h[:], c[:] = 0, 0
    parameters = controllers(config, 3)
    whole = rollout(dream, config, parameters, z, steps=6, tau=1.2, seed=4, record=True)
    random = generator(4, "dream", 0)
    for t in range(6):
        np.testing.assert_allclose(whole.z[t], z, atol=1e-4)
        a = act(config, parameters, z, h)
        np.testing.assert_allclose(whole.actions[t], a, atol=1e-4)
        z, reward, done, h, c = dream.step(z, a, h, c, 1.2, random)
        np.testing.assert_allclose(whole.rewards[t], reward, atol=1e-4)
        np.testing.assert_allclose(whole.done[t], done, atol=1e-4)


@pytest.mark.parametrize("config", [LINEAR, HIDDEN])
def test_c_may_see_less_than_z_and_m_sees_all_of_it(network, dream, config):
    random, (z, _, h, c), parameters = np.random.default_rng(0), start(4), controllers(config, 4)
    sight = random.uniform(0, 1, (2, 32)).astype(np.float32)
    found, _ = Dream(model_weights(network), sight=sight).returns(config, parameters, z, 6, 1e-9, memory=(h, c))
    total, ended = np.zeros(4), np.zeros(4, bool)
    for _ in range(6):
        a = act(config, parameters, sight[0] * z + sight[1], h)
        z, reward, done, h, c = dream.step(z, a, h, c, 1e-9, generator(0))
        total += np.where(ended, 0, reward)
        ended |= done > 0
    np.testing.assert_allclose(found, total, atol=2e-3)


DOOM = ControllerConfig(inputs="zch")  # 64 + 2 * 24 numbers, one action, no bias


@pytest.fixture(scope="module")
def doom():
    network = mdnrnn.build_mdnrnn(MemoryConfig(hidden_size=24, mixtures=3), latent_size=64, action_size=1, seed=5)
    return Dream(model_weights(network), 64, 1)


def doom_lives(lanes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    return random.normal(0, 0.2, (lanes, 64 + 2 * 24)), random.normal(size=(lanes, 64)).astype(np.float32)


def test_the_papers_doom_controller_sees_z_c_and_h_and_has_1088_weights(doom):
    assert parameter_count(DOOM, 512, 64, 1) == 1088
    parameters, z = doom_lives(3)
    whole = rollout(doom, DOOM, parameters, z, steps=6, seed=4, record=True)
    h, c = np.zeros((2, 3, 24), np.float32)
    random = generator(4, "dream", 0)
    for t in range(6):
        a = act(DOOM, parameters, z, h, c, action_size=1)
        np.testing.assert_allclose(a[:, 0], np.tanh((parameters * np.concatenate([z, c, h], 1)).sum(1)), rtol=1e-5)
        np.testing.assert_allclose(whole.actions[t], a, atol=1e-4)
        z, reward, _, h, c = doom.step(z, a, h, c, 1.0, random)
        np.testing.assert_allclose(whole.rewards[t], reward, atol=1e-4)


def test_leaving_dreams_that_ended_changes_neither_what_they_paid_nor_how_many_steps_count(doom, monkeypatch):
    monkeypatch.setattr("wmlib.envs.dream.STRETCH", 5)
    parameters, z = doom_lives(40)
    almost_cold = {"steps": 23, "tau": 1e-9}  # without chance, both ways of dreaming must agree
    whole = rollout(doom, DOOM, parameters, z, **almost_cold)
    returns, count = doom.returns(DOOM, parameters, z, **almost_cold)
    assert 1 < len(set(whole.steps)) and (whole.steps == 23).any()
    np.testing.assert_allclose(returns, whole.returns, atol=1e-3)
    np.testing.assert_array_equal(count, whole.steps)
    warm = {"steps": 23, "tau": 1.0, "seed": 3}
    one, two = (doom.returns(DOOM, parameters, z, **warm, spread=partial(in_threads, threads=n))[0] for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_to_another_process_goes_the_name_of_the_file(network, dream, tmp_path):
    save_weights(tmp_path / "memory.npz", model_weights(network))
    known = dream_of(tmp_path / "memory.npz", 32, 3, None, None)
    there = pickle.dumps(known)
    assert len(there) < 500 and pickle.loads(there) is known
    sight = ((0.5,) * 32, (0.1,) * 32)
    weak = pickle.loads(pickle.dumps(dream_of(tmp_path / "memory.npz", 32, 3, None, sight)))
    assert weak.source == known.source and weak.eyes is None and np.array_equal(weak.sight, np.float32(sight))
    copied = pickle.loads(pickle.dumps(dream))  # of no file: with all its numbers
    np.testing.assert_array_equal(copied.weights, dream.weights)


def test_returns_count_up_to_the_end_of_the_episode(dream):
    z = start(40)[0]
    dreamt = rollout(dream, LINEAR, controllers(LINEAR, 40), z, steps=15)
    assert len(set(dreamt.steps)) > 1  # random weights end episodes at random
    for lane in range(40):
        ends = np.flatnonzero(dreamt.done[:, lane] > 0)
        steps = ends[0] + 1 if len(ends) else 15
        assert dreamt.steps[lane] == steps
        assert dreamt.returns[lane] == pytest.approx(dreamt.rewards[:steps, lane].sum(), rel=1e-5)


def test_threads_and_recording_change_nothing_and_seeds_do(dream):
    lanes = BLOCK + 5
    z, parameters = start(lanes)[0], controllers(LINEAR, lanes)
    plain = rollout(dream, LINEAR, parameters, z, steps=4, threads=1)
    again = rollout(dream, LINEAR, parameters, z, steps=4, threads=3, record=True)
    np.testing.assert_array_equal(plain.rewards, again.rewards)
    assert plain.z is None and again.z.shape == (5, lanes, 32)
    assert not np.array_equal(rollout(dream, LINEAR, parameters, z, steps=4, seed=1).rewards, plain.rewards)


def test_bad_input_is_refused(dream):
    z = start(2)[0]
    with pytest.raises(UserError, match="temperature 0"):
        rollout(dream, LINEAR, controllers(LINEAR, 2), z, steps=1, tau=0)
    with pytest.raises(ValueError, match="parameters are"):
        rollout(dream, HIDDEN, controllers(LINEAR, 2), z, steps=1)


def test_other_sizes_of_z_are_dreamt_rightly_or_refused():
    """64 latents are twice 32 numbers, not twice as many Gaussians."""
    network = mdnrnn.build_mdnrnn(MemoryConfig(hidden_size=24, mixtures=3), latent_size=64, seed=5)
    weights, random = model_weights(network), np.random.default_rng(0)
    z, a = (random.normal(size=(5, size)).astype(np.float32) for size in (64, 3))
    h = c = np.zeros((5, 24), np.float32)
    _, output, reward, _ = network(np.concatenate([z, a], 1)[:, None])
    log_pi, mu, _ = (np.asarray(x)[:, 0] for x in mdnrnn.split_mixture(output, 3))
    expected = np.take_along_axis(mu, log_pi.argmax(1, keepdims=True), axis=1)[:, 0]
    new_z, new_reward, *_ = Dream(weights, latent_size=64).step(z, a, h, c, 1e-9, generator(0))
    np.testing.assert_allclose(new_z, expected, atol=2e-4)
    np.testing.assert_allclose(new_reward, reward[:, 0], atol=1e-5)
    for size in (32, 48):
        with pytest.raises(UserError, match="do not fit"):
            Dream(weights, latent_size=size)
