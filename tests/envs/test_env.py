"""The Gymnasium environment: registration, options, drop-in behaviour."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import wmlib.envs
from wmlib.envs.carracing import FastCarRacing
from wmlib.envs.driver import follow
from wmlib.envs.masks import masks
from wmlib.envs.preprocess import preprocess
from wmlib.envs.simulator import Simulator
from wmlib.errors import UserError


@pytest.fixture(scope="module", autouse=True)
def registered():
    wmlib.envs.register()
    wmlib.envs.register()  # twice is once


@pytest.mark.parametrize("observation", ["64x64", "96x96"])
def test_the_checker_is_content(observation):
    check_env(gymnasium.make(wmlib.envs.ID, observation=observation).unwrapped, skip_render_check=True)


def test_the_specification_is_car_racings():
    ours, theirs = gymnasium.spec(wmlib.envs.ID), gymnasium.spec("CarRacing-v3")
    assert (ours.max_episode_steps, ours.reward_threshold) == (theirs.max_episode_steps, theirs.reward_threshold)


def test_an_episode_equals_gymnasiums():
    ours, theirs = gymnasium.make(wmlib.envs.ID, observation="96x96"), gymnasium.make("CarRacing-v3")
    a, b = ours.reset(seed=8)[0], theirs.reset(seed=8)[0]
    assert ours.observation_space == theirs.observation_space and ours.action_space == theirs.action_space
    generator = np.random.default_rng(3)
    for _ in range(12):
        assert a.shape == b.shape and np.abs(a.astype(int) - b).mean() < 1.8
        action = generator.uniform([-1, 0, 0], [1, 1, 0.3]).astype(np.float32)
        a, *ours_says = ours.step(action)
        b, *theirs_says = theirs.step(action)
        assert ours_says == theirs_says


def test_discrete_actions():
    env = FastCarRacing(continuous=False)
    env.reset(seed=1)
    assert env.step(3)[0].shape == (64, 64, 3)
    with pytest.raises(gymnasium.error.InvalidAction):
        env.step(7)


def test_random_colours_are_seen():
    env = FastCarRacing(domain_randomize=True, samples=1)
    first = env.reset(seed=1)[0]
    kept = env.reset(options={"randomize": False})[0]
    changed = env.reset()[0]
    reference = preprocess(super(FastCarRacing, env)._render("state_pixels"))
    assert np.abs(changed.astype(int) - reference).mean() < 3
    assert first.shape == kept.shape and not np.array_equal(kept, changed)


def test_pictures_for_people_are_gymnasiums():
    env = FastCarRacing(render_mode="rgb_array")
    env.reset(seed=1)
    assert env.render().shape == (400, 600, 3)


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
