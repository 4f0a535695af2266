"""Imitation: its loss against the formula, the folded row against the model, and a teacher that can be copied is."""

import numpy as np
import pytest
import tensorflow as tf

from wmlib.config import ControllerConfig
from wmlib.models.controller import act, squash
from wmlib.models.imitation import action_error, build_student, folded, learn, parameters_of, unfolded

KINDS = {
    "linear": ControllerConfig(inputs="zh"),
    "hidden": ControllerConfig(inputs="zh", hidden_units=8),
}


def test_the_error_is_the_formula():
    wanted, acted = np.array([[0.5, -1.0, 0.3], [0.0, 0.0, -2.0]]), np.array([[0.1, 0.2, -0.4], [1.0, 0.0, -0.1]])
    squared = (np.tanh(acted) - np.tanh(wanted)) ** 2
    expected = np.mean([squared[0] @ [1, 0.5, 1], squared[1] @ [1, 0.5, 0.05]])  # the second brake is off in both
    found = action_error(tf.constant(wanted, tf.float32), tf.constant(acted, tf.float32))
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_row_that_drives_is_the_model(kind):
    config, random = KINDS[kind], np.random.default_rng(2)
    centre, spread = random.normal(size=288), random.uniform(0.05, 2.0, 288)
    student = build_student(config, centre, spread, seed=1)
    student.set_weights([random.normal(0, 0.05, array.shape) for array in student.get_weights()])
    x = (centre + spread * random.normal(size=(5, 288))).astype(np.float32)
    row = parameters_of(student, config, centre, spread)
    actions = act(config, np.tile(row, (5, 1)), x[:, :32], x[:, 32:])
    np.testing.assert_allclose(actions, squash(student(x).numpy()), atol=1e-3)
    standard = unfolded(row, config, centre, spread)
    np.testing.assert_allclose(folded(standard, config, centre, spread), row, atol=1e-9)
    weights = np.concatenate([array.reshape(-1) for array in student.get_weights()])
    np.testing.assert_allclose(standard, weights, atol=1e-6)


def test_a_teacher_that_can_be_copied_is():
    config, random = KINDS["hidden"], np.random.default_rng(3)
    x = random.normal(size=(2000, 12)).astype(np.float32)
    wanted = np.stack([x[:, 0], np.abs(x[:, 1]) - 1, x[:, 2]], axis=1).astype(np.float32)  # the second, whichever side
    students = [build_student(config, np.zeros(12), np.ones(12), 0) for _ in range(2)]
    errors = [learn(student, x, wanted, 60, 200, (3e-2, 1e-3), 5) for student in students]
    assert errors[0] == errors[1] < 0.01
    line = build_student(KINDS["linear"], np.zeros(12), np.ones(12), 0)
    assert learn(line, x, wanted, 60, 200, (3e-2, 1e-3), 5) > 10 * errors[0], "a line cannot"
