"""The evolution strategy: it maximises, and it continues exactly."""

import numpy as np
import pytest

from wmlib.errors import UserError
from wmlib.search.cmaes import CMAES, generations_told


def fitness(x):
    return -np.sum((x - 0.5) ** 2, axis=1)


def test_finds_a_maximum():
    search = CMAES(6, 12, 0.3, seed=0)
    for _ in range(60):
        search.tell(fitness(search.ask()))
    assert np.allclose(search.mean, 0.5, atol=0.02)
    assert search.generation == 60 and search.sigma < 0.1


def test_same_seed_same_search_and_global_generator_untouched():
    np.random.seed(5)
    expected = np.random.RandomState(5).rand(3)
    first, second, other = (CMAES(5, 8, 0.1, seed).ask() for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert np.array_equal(np.random.rand(3), expected)


def test_saved_search_continues_exactly(tmp_path):
    search = CMAES(5, 8, 0.1, seed=3)
    search.tell(fitness(search.ask()))
    search.tell(fitness(search.ask()))
    search.save(tmp_path / "s.npz")
    restored = CMAES(5, 8, 0.1, seed=3)
    restored.resume(tmp_path / "s.npz")
    assert restored.generation == 2
    for _ in range(3):
        a, b = search.ask(), restored.ask()
        assert np.array_equal(a, b)
        search.tell(fitness(a))
        restored.tell(fitness(b))
    assert np.array_equal(search.mean, restored.mean)


def test_equal_fitness_does_not_end_the_search():
    search = CMAES(4, 8, 0.1, seed=0)
    for _ in range(30):
        search.tell(np.zeros(len(search.ask())))
    assert search.generation == 30


def test_bad_fitness_and_damaged_state(tmp_path):
    search = CMAES(4, 8, 0.1, seed=0)
    values = np.zeros(len(search.ask()))
    values[3] = np.nan
    with pytest.raises(UserError, match="candidate 3"):
        search.tell(values)
    search.tell(np.arange(8.0))
    search.save(tmp_path / "s.npz")
    with pytest.raises(UserError, match="s.npz: is of another search"):
        CMAES(4, 8, 0.1, seed=1).resume(tmp_path / "s.npz")
    (tmp_path / "s.npz").write_bytes(b"\x80\x04")
    with pytest.raises(UserError, match="s.npz: truncated or damaged"):
        CMAES(4, 8, 0.1, seed=0).resume(tmp_path / "s.npz")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_fitness_that_is_not_finite_moves_nothing(bad):
    search = CMAES(3, 6, 0.1, seed=0)
    values = fitness(search.ask())
    values[2] = bad
    with pytest.raises(UserError, match="fitness of candidate 2 is not finite"):
        search.tell(values)
    assert search.generation == 0 and search.told == [] and not search.mean.any()


def test_the_step_size_keeps_its_limit_and_so_does_a_resumed_search(tmp_path):
    def climb(search, generations):
        for _ in range(generations):
            search.tell(search.ask()[:, 0])  # the further the better: the step size grows
        return search

    free, bound = (climb(CMAES(5, 8, 0.1, 3, limit=limit), 12) for limit in (0.0, 0.15))
    assert free.strategy.sigma > 0.15 == bound.strategy.sigma
    bound.save(tmp_path / "search.npz")
    assert generations_told(tmp_path / "search.npz") == 12
    resumed = CMAES(5, 8, 0.1, 3, limit=0.15)
    resumed.resume(tmp_path / "search.npz")
    np.testing.assert_array_equal(resumed.mean, bound.mean)
    with pytest.raises(UserError, match="another search"):
        CMAES(5, 8, 0.1, 3).resume(tmp_path / "search.npz")
    shrinking = climb(CMAES(5, 8, 0.1, 3, limit=0.15, halves=6), 12)
    assert shrinking.strategy.sigma == pytest.approx(0.15 / 4)
    shrinking.save(tmp_path / "shrinking.npz")
    resumed = CMAES(5, 8, 0.1, 3, limit=0.15, halves=6)
    resumed.resume(tmp_path / "shrinking.npz")
    np.testing.assert_array_equal(resumed.mean, shrinking.mean)
    with pytest.raises(UserError, match="another search"):
        CMAES(5, 8, 0.1, 3, limit=0.15).resume(tmp_path / "shrinking.npz")
