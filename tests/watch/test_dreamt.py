"""The dream as a Gymnasium environment: the interface, what seeds fix, warm starts, and refusals."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import wmlib  # noqa: F401
from wmlib.errors import UserError

NAME = "wmlib/DreamCarRacing-v0"


@pytest.fixture(scope="module")
def environment():
    made = gymnasium.make(NAME, render_mode="rgb_array", horizon=30)
    yield made
    made.close()


@pytest.mark.filterwarnings("ignore:.*Box observation space (minimum|maximum) value is -?infinity")
def test_gymnasium_finds_nothing_to_complain_about(environment):
    check_env(environment.unwrapped, skip_close_check=True)


def drive(environment, seed: int, action) -> tuple[np.ndarray, list[float]]:
    seen, rewards = [environment.reset(seed=seed)[0]], []
    for _ in range(10):
        observation, reward, *_ = environment.step(np.array(action, np.float32))
        seen.append(observation)
        rewards.append(reward)
    return np.array(seen), rewards


def test_a_seed_fixes_the_dream_and_actions_change_it(environment):
    left, again, other = (drive(environment, seed, (-1, 0.5, 0)) for seed in (3, 3, 4))
    right = drive(environment, 3, (1, 0.5, 0))
    np.testing.assert_array_equal(left[0], again[0])
    assert np.array_equal(left[0][0], right[0][0]) and not np.array_equal(left[0][5], right[0][5])
    assert not np.array_equal(left[0][0], other[0][0])
    assert not left[0][0, 32:].any(), "a dream from the first frame remembers nothing"


def test_the_picture_is_the_decoders_and_the_horizon_ends_it(environment):
    environment.reset(seed=1)
    picture = environment.render()
    assert picture.shape == (512, 512, 3) and 20 < picture.mean() < 230
    steps, terminated, truncated = 0, False, False
    while not (terminated or truncated):
        *_, terminated, truncated, _ = environment.step(np.zeros(3, np.float32))
        steps += 1
    assert terminated or steps == 30


def test_a_warm_dream_begins_in_the_middle_of_a_real_drive():
    warm = gymnasium.make(NAME, warm_up=5).unwrapped
    observation, _ = warm.reset(seed=3)
    assert np.abs(observation[32:]).max() > 0.01
    warm.close()


@pytest.mark.parametrize(
    ("option", "value"), [("tau", 0), ("tau", float("nan")), ("horizon", 0), ("warm_up", -1), ("render_mode", "ansi")]
)
def test_options_that_make_no_sense_are_refused(option, value):
    with pytest.raises(UserError, match=option):
        gymnasium.make(NAME, **{option: value})


def test_an_m_of_another_task_is_refused():
    with pytest.raises(UserError, match="has learnt carracing, not takecover"):
        gymnasium.make("wmlib/DreamTakeCover-v0", agent="vae-zh")
