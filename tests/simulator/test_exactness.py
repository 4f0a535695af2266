"""The compiled simulator against Gymnasium and Box2D: every difference must be exactly zero."""

import numpy as np
import pytest
from follower import follow
from gymnasium.envs.box2d.car_racing import CarRacing
from gymnasium.utils.seeding import np_random

from wmlib.simulator.simulator import Simulator
from wmlib.simulator.track import generate


@pytest.fixture(scope="module")
def gymnasium_env():
    env = CarRacing()
    env._render = lambda mode: None  # physics only: drawing is tested elsewhere
    yield env
    env.close()


@pytest.fixture(scope="module")
def simulator():
    return Simulator(3, samples=1)


def random_driver(seed):
    generator = np.random.default_rng(seed)

    def act(state, step):
        if seed % 2:  # held extremes: joints at their limits, locked wheels
            if step % 40 == 0:
                act.held = np.array([generator.choice([-1, 0, 1]), generator.choice([0, 1]), generator.choice([0, 1])])
            return act.held
        return generator.uniform([-1, 0, -0.2], [1, 1, 0.3])

    return act


def assert_same_state(env, state):
    hull, wheels = env.car.hull, env.car.wheels
    assert tuple(hull.position) == tuple(state["position"])
    assert tuple(hull.linearVelocity) == tuple(state["linear_velocity"])
    assert hull.angle == state["angle"]
    assert hull.angularVelocity == state["angular_velocity"]
    assert [wheel.omega for wheel in wheels] == list(state["wheel_omegas"])
    assert wheels[0].joint.angle == state["joint_angle"]
    assert [not wheel.tiles for wheel in wheels] == list(state["wheels_on_grass"])


def run_both(env, simulator, seed, act, steps):
    """Drive the same episode in both; returns the number of steps, whether it ended and whether the lap was closed."""
    lane = seed % simulator.lanes
    env.reset(seed=seed)
    simulator.reset(lane, seed)
    assert env.track == [tuple(row) for row in simulator.state(lane)["track"]]
    active = np.arange(simulator.lanes) == lane
    actions = np.zeros((simulator.lanes, 3))
    for step in range(steps):
        state = simulator.state(lane)
        assert_same_state(env, state)
        actions[lane] = act(state, step)
        _, reward, ended, _, info = env.step(actions[lane])
        rewards, terminated, _ = simulator.step(actions, active)
        assert reward == rewards[lane]
        assert ended == terminated[lane]
        assert env.tile_visited_count == simulator.tiles_visited[lane]
        assert info.get("lap_finished", False) == simulator.lap_finished[lane]
        if ended:
            break
    assert_same_state(env, simulator.state(lane))
    colours = [bool((tile.color == env.road_color).all()) or tile.idx % 3 == 0 for tile in env.road]
    touched = simulator._cars.touched[lane, : len(env.road)] > 0
    assert colours == list(touched | (np.arange(len(env.road)) % 3 == 0))
    return step + 1, ended, simulator.lap_finished[lane]


@pytest.mark.parametrize("seed", [2, 3, 4, 5, 7, 100])
def test_random_actions_give_the_same_episode(gymnasium_env, simulator, seed):
    run_both(gymnasium_env, simulator, seed, random_driver(seed), 300)


def test_a_finished_lap_is_the_same_lap(gymnasium_env, simulator):
    steps, ended, lap = run_both(gymnasium_env, simulator, 1, lambda state, step: follow(state), 1000)
    assert ended and lap and steps < 1000


@pytest.mark.parametrize("kind", ["driver", "random"])
def test_twenty_tracks_are_driven_alike_from_start_to_end(gymnasium_env, simulator, kind):
    """Every body, reward, tile and ending of up to 1,000 steps on each track."""
    steps = 0
    for seed in range(300, 320):
        act = random_driver(seed) if kind == "random" else (lambda state, step: follow(state, 50 + 10 * (seed % 5)))  # noqa: B023
        steps += run_both(gymnasium_env, simulator, seed, act, 1000)[0]
    assert steps > 15_000


def test_leaving_the_field_costs_the_same(gymnasium_env, simulator):
    steps, ended, lap = run_both(gymnasium_env, simulator, 36, lambda state, step: np.array([0.0, 1.0, 0.0]), 300)
    assert ended and not lap


def test_a_car_at_rest_falls_asleep_and_wakes_alike(gymnasium_env, simulator):
    run_both(gymnasium_env, simulator, 9, lambda state, step: np.array([0.0, float(step > 80), 0.0]), 120)


def test_tracks_are_gymnasiums(gymnasium_env):
    for seed in range(200, 215):
        gymnasium_env.reset(seed=seed)
        assert gymnasium_env.track == [tuple(row) for row in generate(np_random(seed)[0])]


def test_lanes_do_not_disturb_each_other():
    alone, together = Simulator(1, samples=1), Simulator(20, samples=1)
    alone.reset(0, 5)
    for lane in range(20):
        together.reset(lane, 5 if lane == 17 else lane)
    generator = np.random.default_rng(0)
    for _ in range(60):
        actions = generator.uniform([-1, 0, 0], [1, 1, 0.2], (20, 3))
        rewards, _, _ = together.step(actions)
        reward, _, _ = alone.step(actions[17:18])
        assert reward[0] == rewards[17]
    assert np.array_equal(alone.frames[0], together.frames[17])
    assert np.array_equal(alone._cars.body[0], together._cars.body[17])


def test_inactive_lanes_stay_as_they_are():
    simulator = Simulator(3, samples=1, max_steps=4)
    for lane in range(3):
        simulator.reset(lane, lane)
    before = simulator.frames[1].copy(), simulator.state(1)
    for step in range(4):
        rewards, _, truncated = simulator.step(np.full((3, 3), 0.5), np.array([True, False, True]))
        assert list(truncated) == [step == 3, False, step == 3]
        assert rewards[1] == 0
    assert np.array_equal(before[0], simulator.frames[1])
    assert np.array_equal(before[1]["position"], simulator.state(1)["position"])
    assert list(simulator.steps) == [4, 0, 4]
