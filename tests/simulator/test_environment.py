"""The Gymnasium environment: registration, options, drop-in behaviour."""

import gymnasium
import numpy as np
import pytest
from follower import follow
from gymnasium.envs.box2d.car_racing import CarRacing
from gymnasium.utils.env_checker import check_env

import wmlib
from wmbook.compare.masks import masks
from wmlib.errors import UserError
from wmlib.simulator.environment import FastCarRacing
from wmlib.simulator.simulator import Simulator

ID = "wmlib/CarRacing-v3"


@pytest.fixture(scope="module", autouse=True)
def registered():
    wmlib.register()
    wmlib.register()  # twice is once


@pytest.mark.parametrize("observation", ["64x64", "96x96"])
def test_the_checker_is_content(observation):
    check_env(gymnasium.make(ID, observation=observation).unwrapped, skip_render_check=True)


def test_the_specification_is_car_racings():
    ours, theirs = gymnasium.spec(ID), gymnasium.spec("CarRacing-v3")
    assert (ours.max_episode_steps, ours.reward_threshold) == (theirs.max_episode_steps, theirs.reward_threshold)


def same(ours, theirs):
    """Whether two results of step or reset say the same apart from the picture."""
    return ours[1:] == theirs[1:]


@pytest.mark.parametrize("options", [{}, {"domain_randomize": True}, {"continuous": False}])
def test_an_episode_equals_gymnasiums(options):
    """Reward, termination, info, random stream and, within its tolerance, the picture; new tracks without a seed."""
    ours = gymnasium.make(ID, observation="96x96", **options)
    theirs = gymnasium.make("CarRacing-v3", **options)
    assert ours.observation_space == theirs.observation_space and ours.action_space == theirs.action_space
    theirs.action_space.seed(3)
    for seed, reset in ((8, None), (None, {"randomize": False}), (None, None)):
        a, b = ours.reset(seed=seed, options=reset), theirs.reset(seed=seed, options=reset)
        for _ in range(8):
            assert np.abs(a[0].astype(int) - b[0]).mean() < 1.8 and same(a, b)
            action = theirs.action_space.sample()
            a, b = ours.step(action), theirs.step(action)
        stream, reference = (env.unwrapped.np_random.bit_generator.state for env in (ours, theirs))
        assert stream == reference


def test_leaving_the_field_ends_alike():
    ours, theirs = FastCarRacing(samples=1), CarRacing()
    theirs._render = lambda mode: None
    a, b = ours.reset(seed=36), theirs.reset(seed=36)
    while len(b) == 2 or not b[2]:
        a, b = ours.step(np.array([0.0, 1.0, 0.0])), theirs.step(np.array([0.0, 1.0, 0.0]))
        assert same(a, b)
    assert a[1] == -100 and a[4] == {"lap_finished": False}


def test_unknown_discrete_actions_are_refused():
    env = FastCarRacing(continuous=False)
    env.reset(seed=1)
    with pytest.raises(gymnasium.error.InvalidAction):
        env.step(7)


def test_pictures_for_people_are_gymnasiums():
    ours = FastCarRacing(render_mode="rgb_array", domain_randomize=True)
    theirs = CarRacing(render_mode="rgb_array", domain_randomize=True)
    ours.reset(seed=1), theirs.reset(seed=1)
    ours.reset(), theirs.reset()
    for _ in range(30):  # wheels spin, and leave their marks
        ours.step(np.array([0.5, 1.0, 0.0])), theirs.step(np.array([0.5, 1.0, 0.0]))
    assert np.array_equal(ours.render(), theirs.render()) and ours.render().shape == (400, 600, 3)
    assert len(theirs.car.particles) > 0


def test_drawing_for_people_needs_a_mode():
    env = FastCarRacing()
    env.reset(seed=1)
    with pytest.warns(UserWarning, match="rgb_array"):
        assert env.render() is None


def test_a_lap_can_be_shorter():
    env = FastCarRacing(lap_complete_percent=-1.0, samples=1)  # the first tile closes the lap
    env.reset(seed=1)
    _, _, terminated, _, info = env.step(np.zeros(3))
    assert terminated and info["lap_finished"]


@pytest.mark.parametrize("options", [{"observation": "32x32"}, {"samples": 0}])
def test_wrong_options_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        FastCarRacing(**options)


def test_wrong_actions_are_refused():
    simulator = Simulator(2)
    with pytest.raises(UserError, match="actions"):
        simulator.step(np.zeros((3, 3)))
    with pytest.raises(UserError, match="lanes"):
        Simulator(0)


def test_masks_show_car_and_road_edges():
    simulator = Simulator(1)
    simulator.reset(0, 3)
    for _ in range(70):
        simulator.step(follow(simulator.state(0), 40)[None])
    before = simulator.frames.copy(), simulator._pictures.palette.copy()
    car, edge = masks(simulator, 0)
    assert np.array_equal(before[0], simulator.frames) and np.array_equal(before[1], simulator._pictures.palette)
    rows, columns = np.nonzero(car)
    assert 20 < car.sum() < 90 and 40 < rows.min() and rows.max() < 60 and 25 < columns.min() and columns.max() < 38
    frame = simulator.frames[0].astype(int)
    assert 60 < edge.sum() < 1500 and not (edge & car).any()
    grey = np.abs(frame[:, :, 0] - frame[:, :, 1]) < 12
    assert grey[~edge & ~car].mean() > 0.05  # road inside, ground outside, and nothing between them is left
    assert ((grey | (frame[:, :, 1] > 190))[~edge & ~car]).mean() > 0.99
