"""Distances between sets of features against direct sums and hand-made sets."""

import itertools

import numpy as np
import pytest

from wmbook.compare.distribution import compare_distributions, density_coverage, kid, random_features, standardise

RANDOM = np.random.default_rng(0)


def test_kid_is_the_unbiased_sum_over_pairs():
    x, y = RANDOM.normal(size=(7, 3)), RANDOM.normal(1, 2, (5, 3))

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    direct = np.mean([kernel(a, b) for a, b in itertools.permutations(x, 2)])
    direct += np.mean([kernel(a, b) for a, b in itertools.permutations(y, 2)])
    direct -= 2 * np.mean([kernel(a, b) for a, b in itertools.product(x, y)])
    assert kid(x, y) == pytest.approx(direct)


def test_kid_of_one_distribution_is_zero_on_average():
    same = [kid(*RANDOM.normal(size=(2, 40, 5))) for _ in range(200)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(200)
    assert min(same) < 0 < kid(RANDOM.normal(size=(40, 5)), RANDOM.normal(1, 1, (40, 5)))


def test_density_and_coverage_of_points_on_a_line():
    real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [10.0]])  # balls of radius 1, 1 and 2
    assert density_coverage(real, fake, k=1) == pytest.approx((1.0, 2 / 3))
    assert density_coverage(real, real + 50, k=1) == (0, 0)


def test_density_and_coverage_of_one_distribution():
    found = np.mean([density_coverage(*RANDOM.normal(size=(2, 300, 4))) for _ in range(10)], axis=0)
    assert found == pytest.approx([1, 1 - 2**-5], abs=0.04)


def test_features_follow_from_the_seed():
    frames = RANDOM.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    one = random_features(frames, seed=0)
    assert one.shape == (3, 4 * (32 + 64 + 128 + 256)) and np.isfinite(one).all() and one.std(0).min() >= 0
    assert np.array_equal(one, random_features(frames, seed=0))
    assert not np.allclose(one, random_features(frames, seed=1))


def test_layers_are_scaled_as_a_whole_by_the_reference_alone():
    reference, other = RANDOM.normal(3, [2.0, 0.0, 5.0], (500, 3)), np.array([[3.0, 4.0, 3.0]])
    one, two = standardise(reference, other, layers=(2, 1))
    assert one.mean(0) == pytest.approx([0, 0, 0], abs=1e-9)
    assert one.var(0)[:2].mean() == pytest.approx(1) and one.var(0)[1] == 0 and one.var(0)[2] == pytest.approx(1)
    assert two[0, 1] == pytest.approx(1 / np.sqrt(reference[:, 0].var() / 2))


def test_blocks_are_disjoint_and_networks_are_averaged():
    real, fake = RANDOM.normal(size=(2, 40, 3)), RANDOM.normal(1, 1, (2, 40, 3))
    found = compare_distributions(list(real), list(fake), blocks=2)
    direct = np.mean([kid(real[n, 20:], fake[n, 20:]) for n in range(2)])
    assert found["kid"].shape == (2,) and found["kid"][1] == pytest.approx(direct)
