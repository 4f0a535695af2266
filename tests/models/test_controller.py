"""C: the paper's three sizes, the squashing, and lanes that do not influence each other."""

import numpy as np
import pytest

from wmlib.config import ControllerConfig
from wmlib.models.controller import act, parameter_count, squash

LINEAR = ControllerConfig(inputs="zh")
VISION_ONLY = ControllerConfig(inputs="z")
HIDDEN = ControllerConfig(inputs="z", hidden_units=40)


@pytest.mark.parametrize("config, count", [(LINEAR, 867), (VISION_ONLY, 99), (HIDDEN, 1443)])
def test_the_papers_parameter_counts(config, count):
    assert parameter_count(config) == count


def test_squash_ranges():
    low, middle, high = squash(np.array([[-50.0] * 3, [0.0] * 3, [50.0] * 3]))
    np.testing.assert_allclose(low, [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(middle, [0, 0.5, 0])
    np.testing.assert_allclose(high, [1, 1, 1])


def test_linear_controller_is_the_formula():
    random = np.random.default_rng(0)
    parameters, z, h = random.normal(size=(2, 867)) * 0.1, random.normal(size=(2, 32)), random.normal(size=(2, 256))
    for lane in range(2):
        weights, bias = parameters[lane, :864].reshape(288, 3), parameters[lane, 864:]
        expected = np.tanh(np.concatenate([z[lane], h[lane]]) @ weights + bias)
        expected[1], expected[2] = (expected[1] + 1) / 2, max(expected[2], 0)
        np.testing.assert_allclose(act(LINEAR, parameters, z, h)[lane], expected, atol=1e-6)


def test_hidden_controller_is_the_formula():
    random = np.random.default_rng(0)
    parameters, z = random.normal(size=(1, 1443)) * 0.3, random.normal(size=(1, 32))
    hidden = np.tanh(z[0] @ parameters[0, :1280].reshape(32, 40) + parameters[0, 1280:1320])
    expected = np.tanh(hidden @ parameters[0, 1320:1440].reshape(40, 3) + parameters[0, 1440:])
    assert act(HIDDEN, parameters, z)[0, 0] == pytest.approx(expected[0], abs=1e-6)


@pytest.mark.parametrize("config", [LINEAR, VISION_ONLY, HIDDEN])
def test_an_action_does_not_depend_on_the_other_lanes(config):
    random = np.random.default_rng(1)
    parameters = random.normal(size=(7, parameter_count(config)))
    z, h = random.normal(size=(7, 32)).astype(np.float32), random.normal(size=(7, 256)).astype(np.float32)
    together = act(config, parameters, z, h)
    for lanes in ([0], [6], [5, 2], [1, 2, 3]):
        np.testing.assert_array_equal(act(config, parameters[lanes], z[lanes], h[lanes]), together[lanes])


def test_parameters_of_another_controller_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        act(VISION_ONLY, np.zeros((1, 867)), np.zeros((1, 32)))
