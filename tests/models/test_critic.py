"""The critic learns a known function, and the same one twice."""

import numpy as np

from wmlib.models.critic import Critic


def learnt(passes: int = 30) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = (random.normal(size=(2000, 5)) * [1, 10, 0.1, 1, 1] + [0, 5, 0, 0, 3]).astype(np.float32)
    y = (np.sin(x[:, 0]) + 0.1 * x[:, 1]).astype(np.float32)
    critic = Critic(5, units=32, rate=3e-3, seed=1)
    critic.standardise(x)
    for _ in range(passes):
        critic.fit(x, y, batch=100)
    return critic(x.reshape(40, 50, 5)).reshape(-1), y


def test_it_learns_a_known_function_whatever_the_units_of_its_inputs():
    values, y = learnt()
    assert np.mean((values - y) ** 2) < 0.02 * y.var()


def test_the_same_seed_gives_the_same_critic():
    np.testing.assert_array_equal(learnt(2)[0], learnt(2)[0])
