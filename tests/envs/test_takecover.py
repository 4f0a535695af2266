"""Doom Take Cover: the buttons, what V sees, the random driver, and the recorded baselines played again."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from wmlib.envs import takecover
from wmlib.errors import UserError
from wmlib.rollout.lanes import Job, drive

RECORD = Path(__file__).resolve().parents[2] / "book" / "results" / "takecover" / "evaluations.csv"


def recorded(arm: str) -> list[dict]:
    with RECORD.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["arm"] == arm]


@pytest.fixture
def lanes():
    pytest.importorskip("vizdoom", reason="the game itself: pip install 'wmlib[doom]'")
    made = takecover.GameLanes(2)
    yield made
    made.close()


def test_a_third_to_either_side_presses_a_button():
    pressed = [takecover.buttons(np.array([a])) for a in (-0.34, -0.33, 0.0, 0.33, 0.34)]
    assert pressed == [[True, False], [False, False], [False, False], [False, False], [False, True]]


def test_v_does_not_see_the_lowest_sixth():
    screen = np.zeros((120, 160, 3), np.uint8)
    screen[100:] = 255
    assert takecover.preprocess(screen).shape == (64, 64, 3)
    assert takecover.preprocess(screen).max() == 0


def test_random_actions_are_held_and_follow_from_the_seed():
    def drawn(seed: int) -> np.ndarray:
        driver = takecover.RandomDriver(1)
        driver.begin(0, Job(0, 0, seed))
        return np.array([driver.act(None, np.array([True]))[0, 0] for _ in range(2000)])

    first = drawn(3)
    held = np.diff(np.flatnonzero(np.diff(first)))
    assert held.min() == 1 and held.max() == 10 and 5.0 < held.mean() < 6.0
    assert -1.0 <= first.min() < -0.9 and 0.9 < first.max() <= 1.0
    assert np.array_equal(first, drawn(3)) and not np.array_equal(first, drawn(4))


def test_without_vizdoom_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "vizdoom", None)
    with pytest.raises(UserError, match=r"pip install 'wmlib\[doom\]'"):
        takecover.make_game()


@pytest.mark.parametrize("arm", takecover.BASELINES)
def test_the_recorded_baselines_are_what_the_game_pays(lanes, arm):
    rows = recorded(arm)
    assert len(rows) == 100 and len({row["track_seed"] for row in rows}) == 100
    chosen = [rows[i] for i in (41, 7, 0)]  # in another order than they were recorded in
    queue = iter([Job(i, 0, int(row["track_seed"])) for i, row in enumerate(chosen)])
    driver = takecover.BASELINES[arm](2)
    episodes = drive(lanes, driver, lambda: next(queue, None), max_steps=takecover.TASK.max_steps)
    played = {episode.track_seed: (episode.steps, episode.total) for episode in episodes}
    assert played == {int(row["track_seed"]): (int(row["steps"]), float(row["return"])) for row in chosen}


def test_an_episode_of_the_game_is_seen_and_ends_in_death(lanes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lanes.reset(0, 5)
    first = lanes.frames[0].copy()
    ended, steps = False, 0
    while not ended:
        rewards, terminated, truncated = lanes.step(np.zeros((2, 1), np.float32), np.array([True, False]))
        assert rewards.tolist() == [1.0, 0.0] and not truncated.any()
        ended, steps = bool(terminated[0]), steps + 1
    assert 0 < steps < takecover.TASK.max_steps
    assert not np.array_equal(first, lanes.frames[0])
    assert not list(tmp_path.iterdir())
