"""Looking at a driver: accounts add up, bends are measured, read-outs and memory's use come out as constructed."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from wmbook.analysis import analyse
from wmbook.analysis.drives import Drive, drive_tracks
from wmbook.analysis.losses import BENDS, account, bends, curvature
from wmbook.analysis.memory_use import action_changes
from wmbook.analysis.nudges import BRAKE, GAS, NUDGES, STEER, nudged, try_nudges
from wmbook.analysis.readout import EMPTY, read_outs, ridge_guess
from wmlib.config import ControllerConfig, RolloutConfig
from wmlib.errors import UserError
from wmlib.models.controller import act, parameter_count
from wmlib.rollout.lanes import Episode
from wmlib.seeds import TRACK_SEEDS
from wmlib.stages.agents import shipped_agent

STEP = 3.5  # m between nodes of a track
SHIPPED = shipped_agent("vae-zh")


def ring(tiles: int = 120) -> np.ndarray:
    """A circle driven to the left, its radius 3.5 m / (2 pi / tiles)."""
    angle = 2 * np.pi * np.arange(tiles) / tiles
    radius = STEP * tiles / (2 * np.pi)
    return np.stack([angle, angle, radius * np.cos(angle), radius * np.sin(angle)], 1)


def fake(visited, place, steps=500, lap=False, offset=0.0, seed=0) -> Drive:
    track, random = ring(len(visited)), np.random.default_rng(seed)
    total = 1000 * visited.mean() - 0.1 * steps
    states = np.tile([30.0, 0.0, 0.0, offset], (len(place), 1))
    z, h = random.normal(size=(len(place), 32)), random.normal(size=(len(place), 4))
    episode = Episode(0, 0, 7, total, steps, lap, int(visited.sum()), False)
    return Drive(episode, z, h, np.zeros((len(place), 3)), states, place, track, visited)


def test_curvature_of_a_circle_is_one_over_its_radius():
    track = ring()
    radius = np.hypot(*track[0, 2:])
    assert curvature(track) == pytest.approx(np.full(120, 1 / radius), rel=1e-3)


def test_every_lost_point_has_its_reason():
    visited = np.ones(100, bool)
    visited[[10, 11, 30]] = False  # passed in two places without touching
    visited[80:] = False  # never reached
    found = account(fake(visited, np.arange(80)))
    assert (found["skipped"], found["not_reached"], found["gaps"]) == (3, 20, 2)
    assert found["points"] == pytest.approx({"skipped": 30, "not_reached": 200, "time": 50, "left_field": 0})
    assert sum(found["points"].values()) == pytest.approx(1000 - found["return"])


def test_bends_count_tiles_and_place_the_car():
    visited = np.ones(120, bool)
    visited[5:8] = False
    record = bends([fake(visited, np.arange(120), offset=-2.0)])  # 2 m to the left, the inner side here
    kind = int(np.digitize(1 / np.hypot(*ring()[0, 2:]), BENDS[1:-1]))
    assert record["tiles"][kind] == 120 and record["skipped"][kind] == 3 and sum(record["tiles"]) == 120
    assert record["inside"][kind] == pytest.approx(2.0 / (40 / 6), abs=1e-3)
    assert record["speed"][kind] == 30 and record["off_road"][kind] == 0


def test_actions_change_only_where_h_matters():
    config = ControllerConfig()
    weights = np.zeros((parameter_count(config, 4) // 3, 3))
    weights[32:36, 0] = 0.5  # steering alone looks at h
    drives = [fake(np.ones(10, bool), np.arange(200), seed=seed) for seed in range(3)]
    changed = action_changes(drives, config, _flat(config, weights), seed=0)
    assert changed["another"]["steer"]["mean"] > changed["zeros"]["steer"]["mean"] > 0.1
    assert changed["another"]["gas"]["mean"] == changed["zeros"]["brake"]["mean"] == 0
    low, high = changed["zeros"]["steer"]["ci95"]
    assert low <= changed["zeros"]["steer"]["mean"] <= high


def _flat(config, weights):
    """Parameters in whatever order the controller keeps them: found by trying both."""
    z, h = np.zeros((1, 32)), np.ones((1, 4))
    for flat in (
        np.concatenate([weights[:-1].ravel(), weights[-1]]),
        np.concatenate([weights[:-1].T.ravel(), weights[-1]]),
    ):
        steer, gas, _ = act(config, flat[None], z, h)[0]
        if steer > 0.9 and gas == 0.5:
            return flat
    raise AssertionError("unknown order of parameters")


def test_ridge_finds_the_weights():
    random = np.random.default_rng(0)
    x, unseen = random.normal(3, 2, (500, 5)), random.normal(3, 2, (50, 5))
    weights = random.normal(size=(5, 2))
    assert ridge_guess(x, x @ weights + 7, unseen) == pytest.approx(unseen @ weights + 7, abs=0.2)


def test_read_outs_know_what_is_there_and_nothing_else():
    drives = []
    for seed in range(8):
        drive = fake(np.ones(10, bool), np.arange(EMPTY + 200), seed=seed)
        states = drive.states.copy()
        states[:, 0], states[:, 1] = 20 + 3 * drive.h[:, 0], drive.z[:, 0] - drive.h[:, 1]
        states[:, 3] = drive.z[:, 1]
        drives.append(replace(drive, states=states))
    r2 = read_outs(drives, {"z": lambda d: d.z, "z and h": lambda d: np.concatenate([d.z, d.h], 1)})
    assert abs(r2["z"]["speed"]["r2"]) < 0.1 and r2["z and h"]["speed"]["r2"] > 0.99
    assert r2["z"]["yaw_rate"]["r2"] == pytest.approx(0.5, abs=0.1) and r2["z"]["lateral_offset"]["r2"] > 0.99
    low, high = r2["z"]["yaw_rate"]["ci95"]
    assert low < r2["z"]["yaw_rate"]["r2"] < high


def test_drives_note_what_was_true_when_the_action_was_chosen():
    spec = replace(SHIPPED.worker_spec(1), max_steps=60)
    first = TRACK_SEEDS["validation"].start + 90_000
    drives = drive_tracks(spec, SHIPPED.parameters, [first, first + 1])
    for drive in drives:
        assert drive.z.shape == (60, 32) and drive.h.shape == (60, 256) and drive.states.shape == (60, 4)
        assert not drive.h[0].any() and drive.h[1].any(), "h is from before the frame"
        assert drive.states[0, 0] < 1 < drive.states[-1, 0], "it starts at rest and gets going"
        assert drive.place[0] == 0 and abs(drive.states[:, 3]).max() < 20
        found = account(drive)
        assert found["points"]["left_field"] == pytest.approx(0, abs=0.01), "points add up to the return"
        assert drive.visited.sum() == drive.episode.tiles
    (alone,) = drive_tracks(spec, SHIPPED.parameters, [first + 1])
    assert alone.episode.total == drives[1].episode.total
    blind = drive_tracks(spec, SHIPPED.parameters, [first], lambda h: np.zeros_like(h))[0]
    assert np.array_equal(blind.z[0], drives[0].z[0]) and not np.array_equal(blind.actions, drives[0].actions)
    assert blind.h[1].any(), "M itself goes on"


def test_a_nudge_moves_one_control():
    config, random = ControllerConfig(), np.random.default_rng(0)
    parameters = random.normal(0, 0.05, parameter_count(config, 4))
    z, h = random.normal(size=(5, 32)), random.normal(size=(5, 4))

    def pre_activation(flat):
        steer, gas, brake = act(config, np.tile(flat, (5, 1)), z, h).astype(float).T
        return np.arctanh([steer, 2 * gas - 1, brake])  # a brake below zero is lost

    found = pre_activation(parameters)
    assert pre_activation(nudged(parameters, GAS, 0.25, 1.0)) - found == pytest.approx(
        np.array([[0.0], [0.25], [0.0]]) * np.ones(5), abs=1e-5
    )
    assert pre_activation(nudged(parameters, STEER, 0.0, 1.15)) == pytest.approx(
        found * np.array([[1.15], [1], [1]]), abs=1e-5
    )


def test_nudges_are_compared_on_the_same_tracks():
    spec = replace(SHIPPED.worker_spec(1), max_steps=100)
    first = TRACK_SEEDS["validation"].start + 96_000
    found = try_nudges(spec, SHIPPED.parameters, [first, first + 1], RolloutConfig(executor="serial"))
    assert list(found) == ["as found", *NUDGES] and found["as found"]["difference"]["mean"] == 0
    assert NUDGES["less brake"][0] == BRAKE and found["more gas"]["n"] == 2
    expected = found["more gas"]["mean"] - found["as found"]["mean"]
    assert found["more gas"]["difference"]["mean"] == pytest.approx(expected, abs=0.02)
    assert expected > 0, "off the line, more gas passes more tiles"


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "name a driver"), ({"tracks": 2, "pretrained": "vae-zh"}, "at least 8")],
)
def test_bad_input_is_one_clear_line(given, words):
    options = {"run": None, "arm": "vae-zh", "pretrained": None, "tracks": 64, "films": None, "train_seed": None}
    with pytest.raises(UserError, match=words):
        analyse(Namespace(**options | {"out": None} | given))
