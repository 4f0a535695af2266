"""The vector environment is the single one, many times: the same frames, rewards, ends and next episodes."""

import gymnasium
import numpy as np
import pytest

import wmlib
from wmlib.errors import UserError

wmlib.register()
NAME = "wmlib/CarRacing-v3"


def test_make_vec_gives_the_lockstep_simulator_equal_to_separate_environments():
    lanes = gymnasium.make_vec(NAME, num_envs=3, vectorization_mode="vector_entry_point", max_episode_steps=12)
    apart = gymnasium.make_vec(NAME, num_envs=3, vectorization_mode="sync", max_episode_steps=12)
    assert lanes.unwrapped.simulator.lanes == 3
    assert lanes.observation_space == apart.observation_space and lanes.action_space == apart.action_space
    assert lanes.metadata["autoreset_mode"] == apart.metadata["autoreset_mode"]
    np.testing.assert_array_equal(lanes.reset(seed=5)[0], apart.reset(seed=5)[0])
    random = np.random.default_rng(0)
    ends = 0
    for _ in range(30):  # over two ends and their resets
        actions = random.uniform([-1, 0, 0], 1, (3, 3)).astype(np.float32)
        for ours, theirs in zip(lanes.step(actions)[:4], apart.step(actions)[:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        ends += lanes.unwrapped.simulator.steps[0] == 12
    assert ends == 2


def test_the_vector_environment_refuses_what_the_single_one_does():
    lanes = gymnasium.make_vec(NAME, num_envs=2, vectorization_mode="vector_entry_point")
    with pytest.raises(gymnasium.error.ResetNeeded):
        lanes.step(np.zeros((2, 3)))
    lanes.reset(seed=[3, 4])
    for actions in (np.zeros((1, 3)), np.full((2, 3), np.nan)):
        with pytest.raises(UserError):
            lanes.step(actions)


def test_what_users_of_carracing_look_for_is_there_under_another_name():
    ours, theirs = gymnasium.make(NAME).unwrapped, gymnasium.make("CarRacing-v3").unwrapped
    for env in (ours, theirs):
        env.reset(seed=7)
        for _ in range(20):
            env.step(np.array([0.0, 1.0, 0.0], np.float32))
    state, hull = ours.state(), theirs.car.hull
    np.testing.assert_array_equal(state["track"], theirs.track)
    assert ours.simulator.tiles_visited[0] == theirs.tile_visited_count > 0
    assert tuple(state["position"]) == tuple(hull.position) and state["angle"] == hull.angle
