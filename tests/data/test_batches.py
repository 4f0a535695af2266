"""Batches are functions of (seed, update): resumption sees what an uninterrupted run sees."""

import itertools
import tracemalloc

import numpy as np
import pytest

from wmlib.data.batches import FrameBatches, SequenceBatches, prefetch, shared_out
from wmlib.data.rollouts import Rollout, RolloutStore
from wmlib.runs import write_arrays


@pytest.fixture
def files(tmp_path):
    store = RolloutStore(tmp_path)
    for index in range(6):
        frames = np.full((11, 64, 64, 3), 0, np.uint8)
        frames[:, 0, 0, 0] = np.arange(11) + 20 * index  # every frame can be told apart
        store.write(index, Rollout(frames, np.zeros((10, 3), np.float32), np.zeros(10, np.float32), False, index))
    return store.files()


def names(batches):
    return [tuple(batch[:, 0, 0, 0]) for batch in batches]


def test_resumed_stream_equals_the_uninterrupted_one(files):
    batches = FrameBatches(files, 8, seed=1, chunk=30)
    whole = names(itertools.islice(batches.start(0), 20))
    for update in (1, 5, 13):
        assert names(itertools.islice(batches.start(update), 20 - update)) == whole[update:]


def test_a_pass_shows_frames_once_and_passes_differ(files):
    batches = FrameBatches(files, 11, seed=1, chunk=33)
    seen = names(itertools.islice(batches.start(0), 12))
    first, second = (list(itertools.chain(*part)) for part in (seen[:6], seen[6:]))
    assert len(set(first)) == 66 and sorted(first) == sorted(second) and first != second


@pytest.mark.parametrize("whole_ends", [False, True])
def test_an_episodes_end_is_seen_as_often_as_it_happens_and_anywhere(tmp_path, whole_ends):
    """Otherwise, of 91 places for a window of 10 in 100 steps, one shows the last step: death is ten times too rare."""
    done = np.zeros(100, np.float32)
    done[-1] = 1
    for index in range(3):
        mu = (300 * index + np.arange(101, dtype=np.float16))[:, None].repeat(32, 1)
        arrays = {"actions": np.ones((100, 1), np.float32), "rewards": np.ones(100, np.float32), "done": done}
        write_arrays(tmp_path / f"{index}.npz", {"mu": mu, "log_variance": mu, **arrays})
    batch = SequenceBatches(sorted(tmp_path.glob("*.npz")), 3000, 10, seed=0, whole_ends=whole_ends).at(0)
    with_end = batch["done"].any(1)
    assert with_end.mean() == pytest.approx(10 / 101 if whole_ends else 1 / 91, rel=0.3)
    place = batch["done"][with_end].argmax(1)
    assert set(place) == (set(range(10)) if whole_ends else {9})
    steps = np.diff(batch["mu"][:, :, 0])  # a frame is followed by the next one, or an episode's last by a first
    assert set(np.unique(steps)) == ({1.0, 200.0} if whole_ends else {1.0})
    joints = steps == 200
    assert not batch["action"][joints].any() and not batch["reward"][joints].any() and not batch["done"][joints].any()
    assert np.all(batch["action"][~joints] == 1)


def test_streaming_memory_does_not_grow_with_the_store(tmp_path):
    """A tenth of the paper's store behaves like a hundredth: what is held at once is two chunks."""
    store = RolloutStore(tmp_path)
    frames = np.zeros((101, 64, 64, 3), np.uint8)

    def peak(episodes):
        for index in range(episodes):
            if index not in store:
                store.write(index, Rollout(frames, np.zeros((100, 3), np.float32), np.zeros(100, np.float32), False, 0))
        batches = FrameBatches(store.files(), 100, seed=0, chunk=400)
        tracemalloc.start()
        stream = batches.start(0)
        for _ in itertools.islice(stream, episodes):
            pass
        stream.close()  # its thread ends: tracemalloc must not stop while another one allocates (CPython gh-128679)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(60) < 1.3 * peak(12)


def test_sequences(tmp_path):
    for index, steps in enumerate((20, 4)):
        mu = np.arange(steps + 1, dtype=np.float16)[:, None].repeat(32, 1)
        arrays = {"mu": mu, "log_variance": mu, "actions": np.ones((steps, 3), np.float32),
                  "rewards": np.arange(steps, dtype=np.float32), "done": np.zeros(steps, np.float32)}  # fmt: skip
        write_arrays(tmp_path / f"{index}.npz", arrays)
    batches = SequenceBatches(sorted(tmp_path.glob("*.npz")), batch_size=3, length=6, seed=0)
    batch = batches.at(5)
    assert batch["mu"].shape == (3, 7, 32) and batch["action"].shape == (3, 6, 3)
    assert np.array_equal(batch["mu"][:, :-1, 0], batch["reward"]), "z and reward of a step stay together"
    assert np.array_equal(batches.at(5)["mu"], batch["mu"]) and not np.array_equal(batches.at(6)["mu"], batch["mu"])


@pytest.mark.parametrize("whole_ends", [False, True])
def test_a_share_of_the_sequences_is_own_however_few_steps_those_are(tmp_path, whole_ends):
    for index, steps in enumerate((500, 400, 30)):
        mu = np.zeros((steps + 1, 32), np.float16)
        arrays = {"mu": mu, "log_variance": mu, "actions": np.zeros((steps, 3), np.float32),
                  "rewards": np.full(steps, index, np.float32), "done": np.zeros(steps, np.float32)}  # fmt: skip
        write_arrays(tmp_path / f"{index}.npz", arrays)
    files = sorted(tmp_path.glob("*.npz"))
    batches = SequenceBatches(files, 400, 10, 0, whole_ends, own=files[2:], own_share=0.5)
    assert np.mean(batches.at(0)["reward"][:, 0] == 2) == pytest.approx(0.5, abs=0.08)
    few = SequenceBatches(files, 400, 10, 0, whole_ends).at(0)["reward"][:, 0]
    assert np.mean(few == 2) < 0.1
    many = SequenceBatches(files, 400, 10, 0, whole_ends, own=files[1:], own_share=0.1).at(0)["reward"][:, 0]
    assert np.mean(many > 0) == pytest.approx(430 / 930, abs=0.08)  # the share of the steps they are


def test_prefetch_hands_errors_over():
    def broken():
        yield 1
        raise OSError("disk")

    stream = prefetch(broken)
    assert next(stream) == 1
    with pytest.raises(OSError, match="disk"):
        next(stream)


def test_windows_show_beginnings_and_losses_as_often_as_told(tmp_path):
    for index in range(4):
        rewards = np.where(np.arange(300) < 100, 3.0, -0.1).astype(np.float32)  # the road is lost at frame 99
        mu = np.arange(301, dtype=np.float16)[:, None].repeat(32, 1)
        arrays = {
            "actions": np.full((300, 3), index, np.float32),
            "rewards": rewards,
            "done": np.zeros(300, np.float32),
        }
        write_arrays(tmp_path / f"{index}.npz", {"mu": mu, "log_variance": mu, **arrays})
    files = sorted(tmp_path.glob("*.npz"))
    shares = {"own": files[2:], "own_share": 0.5, "loss_share": 0.6, "beginnings": 0.25}
    batch = SequenceBatches(files, 2000, 40, 0, **shares).at(0)
    first, own = batch["mu"][:, 0, 0], batch["action"][:, 0, 0] >= 2
    assert (first == 0).mean() == pytest.approx(0.25, abs=0.04) and own.mean() == pytest.approx(0.5, abs=0.04)
    shows = (first <= 99) & (first + 40 > 99)
    assert shows[own & (first > 0)].mean() == pytest.approx(0.6 + 0.4 * 40 / 261, abs=0.06)
    assert shows[~own & (first > 0)].mean() == pytest.approx(40 / 261, abs=0.04)


@pytest.mark.parametrize(("count", "steps"), [(1, 0), (1, 3), (5, 0), (5, 2), (5, 9), (40, 12)])
def test_a_reward_is_shared_out_in_equal_parts_and_none_is_lost(count, steps):
    rewards, expected = np.random.default_rng(count).normal(size=count).astype(np.float32), np.zeros(count)
    for at, reward in enumerate(rewards):
        near = [other for other in range(count) if abs(other - at) <= steps]
        expected[near] += reward / len(near)
    assert np.allclose(shared_out(rewards, steps), expected, atol=1e-5)


def test_losses_are_found_where_rewards_are_shared_out(tmp_path):
    rewards = np.where(np.arange(300) < 100, 3.0, -0.1).astype(np.float32)
    mu, actions = np.zeros((301, 32), np.float16), np.zeros((300, 3), np.float32)
    arrays = {"mu": mu, "log_variance": mu, "actions": actions, "rewards": rewards, "done": 0 * rewards}
    write_arrays(tmp_path / "0.npz", arrays)
    files = [tmp_path / "0.npz"]
    settings = {"own": files, "own_share": 1.0, "lost_ends": True}
    plain, spread = (SequenceBatches(files, 2, 20, 0, reward_spread=steps, **settings) for steps in (0, 5))
    assert spread.losses == plain.losses == [(0, 99)]
    assert np.array_equal(spread.episodes[0]["done"], plain.episodes[0]["done"])
    assert np.flatnonzero(spread.episodes[0]["rewards"] > 0).max() == 104
