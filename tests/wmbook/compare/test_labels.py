"""Labels: closed forms on a made-up track, and a recorded episode driven again."""

import numpy as np
import pytest

from wmbook.compare.labels import LABELS, Recording, drive_again, road_labels, steps_to_keep, visible, wrap
from wmbook.compare.masks import masks
from wmlib.data.rollouts import Rollout, RolloutStore
from wmlib.errors import UserError
from wmlib.simulator.simulator import Simulator

TILES, RADIUS = 120, 100.0


def circle() -> np.ndarray:
    """Driven anticlockwise: the direction of tile i, from north, is its angle seen from the middle."""
    angle = 2 * np.pi * np.arange(TILES) / TILES
    return np.stack([angle, angle, RADIUS * np.cos(angle), RADIUS * np.sin(angle)], axis=1)


def test_circle_has_the_labels_geometry_says():
    track = circle()
    place = np.array([0, 30, 119])
    angle = track[place, 1]
    radius = RADIUS + np.array([2.0, -3.0, 0.0])
    position = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    found = road_labels(track, position, angle + np.array([0.1, -0.2, 2 * np.pi]))
    assert found[:, 0] == pytest.approx([2, -3, 0], abs=1e-9), "to the right, outside, is positive"
    assert found[:, 1] == pytest.approx([0.1, -0.2, 0], abs=1e-9)
    for column, tiles in ((2, 5), (3, 10), (4, 20)):
        assert found[:, column] == pytest.approx([2 * np.pi * tiles / TILES] * 3), "to the left is positive"


def test_angles_are_wrapped():
    assert wrap(np.array([0.0, 3.5, -3.5, 7.0])) == pytest.approx([0, 3.5 - 2 * np.pi, 2 * np.pi - 3.5, 7 - 2 * np.pi])


def test_road_out_of_view_has_no_labels():
    labels = np.ones((3, len(LABELS)))
    labels[1, 0], labels[2, 1] = -30.0, 2.0
    found = visible(labels)
    assert np.isfinite(found[0]).all() and np.isfinite(found[:, 5:]).all()
    assert np.isnan(found[1:, :5]).all() and np.isfinite(labels).all()


def test_one_step_is_kept_from_each_part():
    steps = steps_to_keep(50, 150, 10, track_seed=3)
    assert ((steps - 50) // 10 == np.arange(10)).all()
    assert (steps_to_keep(50, 150, 10, 3) == steps).all() and (steps_to_keep(50, 150, 10, 4) != steps).any()
    assert list(steps_to_keep(5, 8, 10, 3)) == [5, 6, 7] and len(steps_to_keep(9, 8, 10, 3)) == 0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Two episodes of unequal length, and the states the simulator had on the way."""
    store, states = RolloutStore(tmp_path_factory.mktemp("rollouts")), []
    random = np.random.default_rng(0)
    for number, steps in enumerate((14, 9)):
        simulator = Simulator(1, samples=2 + number)
        simulator.reset(0, 70 + number)
        frames, rewards, seen = [simulator.frames[0].copy()], [], [simulator.state(0)]
        actions = (random.random((steps, 3)) * (1, 0.8, 0)).astype(np.float32)
        for action in actions:
            rewards.append(simulator.step(action[None])[0][0])
            frames.append(simulator.frames[0].copy())
            seen.append(simulator.state(0))
        rollout = Rollout(np.array(frames), actions, np.array(rewards, np.float32), False, 70 + number)
        store.write(number, rollout)
        states.append((rollout, seen, masks(simulator, 0)))
    return store, states


def test_driving_again_gives_the_states_of_the_recording(recorded):
    store, states = recorded
    recordings = [Recording(number, file, samples) for number, (file, samples) in enumerate(zip(store.files(), (2, 3)))]
    driven = drive_again(recordings, keep=100, masked=True)
    for each, (rollout, seen, last) in zip(driven, states):
        assert each.labels.shape == (len(rollout) + 1, len(LABELS))
        assert each.labels[:, 5] == pytest.approx([np.hypot(*s["linear_velocity"]) for s in seen])
        assert each.labels[:, 6] == pytest.approx([s["angular_velocity"] for s in seen])
        assert list(each.labels[:, 7]) == [s["wheels_on_grass"].all() for s in seen]
        assert abs(each.labels[0, 0]) < 1e-3 and abs(each.labels[0, 1]) < 0.05, "a car starts on the line"
        assert (each.frames == rollout.frames).all() and each.track_seed == rollout.track_seed
        assert (each.car[-1] == last[0]).all() and (each.edge[-1] == last[1]).all()


def test_a_few_frames_are_those_of_their_steps(recorded):
    store, states = recorded
    (each,) = drive_again([Recording(1, store.path(1), 3)], keep=3, first=4)
    assert (each.frames == states[1][0].frames[each.kept]).all() and each.recording.number == 1
    assert len(each.kept) == 3 and each.kept[0] >= 4 and each.car is None


@pytest.mark.parametrize("what", ["reward", "frame"])
def test_another_simulators_episode_is_refused(recorded, tmp_path, what):
    rollout = RolloutStore.read(recorded[0].path(0))
    (rollout.rewards if what == "reward" else rollout.frames)[3] += 1
    RolloutStore(tmp_path).write(0, rollout)
    with pytest.raises(UserError, match=f"000000.npz: .* gives another {what} at step 3"):
        drive_again([Recording(0, tmp_path / "000000.npz", 2)], keep=100)
