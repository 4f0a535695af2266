"""Probes against least squares, closed forms and functions they can or cannot learn."""

import numpy as np
import pytest

from wmbook.compare.probes import accuracy, fit_linear, fit_network, folds, r_squared, ridge

RANDOM = np.random.default_rng(0)


def test_ridge_without_penalty_is_least_squares():
    x, y = RANDOM.normal(2, 1, (50, 4)), RANDOM.normal(size=50)
    weights, bias = ridge(x, y, np.array([0.0]))
    solution = np.linalg.lstsq(np.hstack([x, np.ones((50, 1))]), y, rcond=None)[0]
    assert weights[0] == pytest.approx(solution[:4]) and bias[0] == pytest.approx(solution[4])


def test_ridge_solves_its_normal_equations():
    x, y, alpha = RANDOM.normal(2, 1, (50, 4)), RANDOM.normal(size=50), 0.3
    centred = x - x.mean(0)
    solution = np.linalg.solve(centred.T @ centred / 50 + alpha * np.eye(4), centred.T @ (y - y.mean()) / 50)
    assert ridge(x, y, np.array([1.0, alpha]))[0][1] == pytest.approx(solution)


def test_ridge_takes_inputs_that_depend_on_each_other():
    x = RANDOM.normal(size=(50, 2))
    doubled = np.hstack([x, x])
    weights, bias = ridge(doubled, x @ [1.0, -2.0], np.array([0.0]))
    assert weights[0] == pytest.approx([0.5, -1, 0.5, -1])


def test_folds_keep_episodes_whole():
    groups = np.repeat(np.arange(10, 23), 4)
    found = folds(groups)
    assert set(found) == set(range(5))
    assert all(len(set(found[groups == group])) == 1 for group in set(groups))


def made_up(count: int = 600):
    x = RANDOM.normal(3, [1, 5, 0.1], (count, 3)).astype(np.float32)
    y = np.stack([x @ [1, 0.2, -3] + 2, x[:, 1] ** 2, RANDOM.normal(size=count)], axis=1)
    y[::7, 0] = np.nan
    return x, y, np.repeat(np.arange(count // 20), 20)


def test_linear_probe_finds_what_is_linear_and_nothing_else():
    (x, y, groups), (new, truth, _) = made_up(), made_up(200)
    predicted = fit_linear(x, y, groups)(new)
    known = np.isfinite(truth[:, 0])
    assert predicted[known, 0] == pytest.approx(truth[known, 0], abs=1e-3)
    assert predicted[:, 2].std() < 0.2, "noise is shrunk away by the penalty that cross-validation picks"


def test_small_network_also_finds_what_is_not_linear():
    (x, y, groups), (new, truth, _) = made_up(2000), made_up(400)
    centre = np.array([0.0, np.mean(y[:, 1]), 0.0])
    scores = []
    for probe in (fit_linear(x, y, groups), fit_network(x, y, groups, epochs=100)):
        explained, total = r_squared(truth, probe(new), centre, np.zeros(400, int))
        scores.append(explained[0, 1] / total[0, 1])
    assert scores[0] < 0.75 and scores[1] > 0.9
    again = fit_network(x, y, groups, epochs=2)(new)
    assert np.array_equal(again, fit_network(x, y, groups, epochs=2)(new))


def test_r_squared_is_one_for_the_truth_and_zero_for_the_mean():
    y = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 2.0]])
    centre, episode = np.array([3.0, 1.0]), np.array([0, 1, 1])
    for predicted, value in ((np.nan_to_num(y), 1.0), (np.tile(centre, (3, 1)), 0.0)):
        explained, total = r_squared(y, predicted, centre, episode)
        assert list(total[:, 0]) == [4, 4] and list(total[:, 1]) == [1, 1]
        assert explained == pytest.approx(value * total)


def test_accuracy_counts_right_answers():
    right, answers = accuracy(np.array([1.0, 0, 1]), np.array([0.7, 0.6, 0.9]), np.array([0, 0, 2]))
    assert list(right) == [1, 0, 1] and list(answers) == [2, 0, 1]
