"""The teacher: its senses are geometry, it drives, and drawing nothing changes nothing."""

import numpy as np

from wmlib.rollout.teacher import Teacher, beginner, judge
from wmlib.simulator.senses import AHEAD, BENDS, BLUR, SENSES
from wmlib.simulator.simulator import Simulator

SEED = 1_000_000_123


def turned(track, hull):
    """Metres to the right of the car and ahead of it, for each point of the centre line."""
    away = track[:, 2:] - hull["position"]
    cosine, sine = np.cos(hull["angle"]), np.sin(hull["angle"])
    return away @ [cosine, sine], away @ [-sine, cosine]


def test_the_senses_are_the_road_seen_from_the_car():
    simulator, felt = Simulator(2, pictures=False), np.zeros((2, SENSES))
    for lane in range(2):
        simulator.reset(lane, SEED + lane)
    for _ in range(60):
        simulator.step(np.array([[0.1, 0.6, 0.0], [-0.1, 0.3, 0.1]]))
        simulator.sense(felt)
    for lane in range(2):
        state = simulator.state(lane)
        right, ahead = turned(state["track"], state)
        nearest = int(np.argmin(right**2 + ahead**2))
        places = (nearest + np.array(AHEAD)) % len(right)
        np.testing.assert_allclose(felt[lane, : len(AHEAD)] * 10, right[places], atol=2.0)  # a tile is 3.5 m long
        velocity = state["linear_velocity"] @ [-np.sin(state["angle"]), np.cos(state["angle"])]
        np.testing.assert_allclose(felt[lane, len(AHEAD)] * 30 + 60, velocity, rtol=1e-4)
        np.testing.assert_allclose(felt[lane, BENDS : BENDS + 3], np.abs(felt[lane, BENDS + 3 : BENDS + 6]))
        assert felt[lane, -1] == 1
    assert len(BLUR) == SENSES and BLUR[-1] == 0


def test_a_lane_that_is_not_asked_for_feels_nothing():
    simulator = Simulator(2, pictures=False)
    for lane in range(2):
        simulator.reset(lane, SEED)
    felt = np.full((2, SENSES), 7.0)
    simulator.sense(felt, np.array([1]))
    assert (felt[0] == 7).all() and felt[1, -1] == 1
    wanted = Teacher(beginner())(simulator, np.array([1]))
    assert wanted.shape == (1, 3) and wanted.dtype == np.float32


def test_a_simulator_that_draws_nothing_drives_the_same():
    seeing, blind = Simulator(1), Simulator(1, pictures=False)
    for simulator in (seeing, blind):
        simulator.reset(0, SEED)
    random = np.random.default_rng(3)
    for _ in range(80):
        action = random.uniform([-1, 0, 0], 1, (1, 3))
        for one, other in zip(seeing.step(action), blind.step(action), strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(seeing.state(0)["position"], blind.state(0)["position"])
    assert seeing.frames.any() and not blind.frames.any()


def test_judging_is_repeatable_and_sees_the_difference():
    still = np.zeros(beginner().size)
    candidates = np.stack([beginner().reshape(-1), still])
    judged = [judge(candidates, [SEED, SEED + 1], 0.0, 200.0, 20, np.random.default_rng(1)) for _ in range(2)]
    (first, steps), (second, again) = judged
    np.testing.assert_array_equal(first, second)
    assert steps == again
    assert first[0] > first[1] + 20, "a beginner gets farther than one who never steers"
    alone, _ = judge(candidates[:1], [SEED, SEED + 1], 0.0, 200.0, 20, np.random.default_rng(1))
    np.testing.assert_allclose(alone[0], first[0])
