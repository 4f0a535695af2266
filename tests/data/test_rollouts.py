"""The rollout store: round trip, damage, constant memory."""

import time

import numpy as np
import pytest

from wmlib.data.rollouts import Rollout, RolloutStore, split
from wmlib.errors import UserError
from wmlib.runs import read_arrays, write_arrays


def rollout(steps=5, seed=0):
    random = np.random.default_rng(seed)
    frames = random.integers(0, 256, (steps + 1, 64, 64, 3), dtype=np.uint8)
    actions = random.random((steps, 3), dtype=np.float32)
    return Rollout(frames, actions, np.ones(steps, np.float32), True, seed)


def test_round_trip(tmp_path):
    store = RolloutStore(tmp_path)
    written = rollout()
    store.write(3, written)
    assert 3 in store and 4 not in store
    read = store.read(store.files()[0])
    for name in ("frames", "actions", "rewards"):
        assert np.array_equal(getattr(read, name), getattr(written, name))
    assert (read.terminated, read.track_seed) == (True, 0)
    assert store.length(store.path(3)) == len(read) == 5


def test_the_same_arrays_give_the_same_bytes(tmp_path, monkeypatch):
    write_arrays(tmp_path / "today.npz", vars(rollout()))
    tomorrow = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    write_arrays(tmp_path / "tomorrow.npz", vars(rollout()))
    assert (tmp_path / "today.npz").read_bytes() == (tmp_path / "tomorrow.npz").read_bytes()


def test_empty_store_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match="wmlib collect"):
        RolloutStore(tmp_path).files()


def test_truncated_file_is_named(tmp_path):
    store = RolloutStore(tmp_path)
    store.write(0, rollout())
    path = store.path(0)
    path.write_bytes(path.read_bytes()[:-200])
    for access in (store.read, store.length):
        with pytest.raises(UserError, match="000000.npz: truncated"):
            access(path)


def test_foreign_files_are_named(tmp_path):
    np.savez(tmp_path / "000000.npz", pictures=np.zeros(3))
    with pytest.raises(UserError, match="has no array"):
        RolloutStore.read(tmp_path / "000000.npz")
    write_arrays(tmp_path / "000001.npz", vars(rollout()) | {"actions": np.zeros((4, 3), np.float32)})
    with pytest.raises(UserError, match="are not a rollout's"):
        RolloutStore.read(tmp_path / "000001.npz")


def test_pickles_are_never_loaded(tmp_path):
    np.savez(tmp_path / "evil.npz", frames=np.array([{}], dtype=object))
    with pytest.raises(UserError):
        read_arrays(tmp_path / "evil.npz", ("frames",))


def test_split_is_disjoint_and_complete(tmp_path):
    files = [tmp_path / f"{i}.npz" for i in range(100)]
    training, held_out = split(files, 0.05)
    assert sorted([*training, *held_out]) == sorted(files)
    assert len(held_out) == 5
