"""Lockstep driving: refilling, patience, order and executors, on a simulator simple enough to know the answers."""

import numpy as np
import pytest

from wmlib.envs.carracing import RandomDriver
from wmlib.rollout.drivers import ActionNoise, WorldModelDriver
from wmlib.rollout.lanes import Job, drive


class CountingSimulator:
    """Pays the track seed's last digit per step, ends after that many steps, and reaches a tile every third step."""

    def __init__(self, lanes):
        self.frames = np.zeros((lanes, 64, 64, 3), np.uint8)
        self.tiles_visited = np.zeros(lanes, int)
        self.lap_finished = np.zeros(lanes, bool)
        self.seed, self.time = np.zeros(lanes, int), np.zeros(lanes, int)
        self.calls = 0

    def reset(self, lane, seed):
        self.seed[lane], self.time[lane], self.tiles_visited[lane] = seed, 0, 0
        self.frames[lane] = seed % 256

    def step(self, actions, active):
        self.calls += 1
        self.time[active] += 1
        self.tiles_visited[active] = np.minimum(self.time[active] // 3, 5)
        ended = active & (self.time >= self.seed % 100)
        return (self.seed % 10).astype(float), ended, np.zeros(len(active), bool)


def run(lanes, seeds, **options):
    jobs = iter([Job(i, 0, seed) for i, seed in enumerate(seeds)])
    simulator = CountingSimulator(lanes)
    episodes = list(drive(simulator, RandomDriver(lanes), lambda: next(jobs, None), **options))
    return sorted(episodes, key=lambda e: e.index), simulator


def test_returns_do_not_depend_on_lanes_or_order():
    seeds = [7, 13, 42, 25, 99, 61, 38]
    reference, _ = run(1, seeds)
    assert [e.total for e in reference] == [(s % 10) * (s % 100) for s in seeds]
    assert [e.steps for e in reference] == [s % 100 for s in seeds]
    for lanes in (2, 3, 16):
        assert run(lanes, seeds)[0] == reference


def test_finished_lanes_are_refilled():
    seeds = [50, 10, 10, 10, 10, 10]
    _, simulator = run(2, seeds)
    assert simulator.calls == 50, "five short episodes fit beside the long one"


def test_time_limit():
    episodes, _ = run(2, [99], max_steps=20)
    assert episodes[0].steps == 20 and not episodes[0].stopped


def test_patience_completes_the_return_with_what_standing_still_costs():
    """Tiles stop after 15 steps; with patience 10 the lane stops at step 25 and still owes 0.1 for each of the rest."""
    episodes, _ = run(1, [90], patience=10, max_steps=1000)
    assert episodes[0].stopped and episodes[0].steps == 25
    assert episodes[0].total == pytest.approx(0 - 0.1 * (1000 - 25))
    unstopped, _ = run(1, [90], patience=0)
    assert unstopped[0].steps == 90 and not unstopped[0].stopped


def test_random_driver_repeats_and_persists():
    frames, active = np.zeros((2, 64, 64, 3), np.uint8), np.array([True, True])

    def actions(lanes_seed):
        driver = RandomDriver(2)
        for lane, seed in enumerate(lanes_seed):
            driver.begin(lane, Job(0, 0, seed))
        return np.stack([driver.act(frames, active).copy() for _ in range(200)], 1)

    first, second = actions((3, 4)), actions((4, 3))
    assert np.array_equal(first[0], second[1]) and np.array_equal(first[1], second[0])
    assert np.all(first >= (-1, 0, 0)) and np.all(first <= 1)
    steer = first[0, :, 0]
    assert np.corrcoef(steer[:-1], steer[1:])[0, 1] > 0.7, "steering persists from frame to frame"


def world_model_driver(lanes, noise=None):
    def encode(frames):
        return frames[:, 0, 0, :1].astype(np.float32).repeat(32, 1) / 255

    def remember(z, a, h, c):
        return h + a[:, :1], c + 1

    def act(parameters, z, h, c):
        return (parameters[:, :3] + z[:, :3]).astype(np.float32)

    return WorldModelDriver(lanes, encode, remember, act, 4, noise)


def test_each_lane_has_its_own_candidate_and_memory():
    driver = world_model_driver(3)
    population = np.array([[0.1, 0.0, 0.0], [0.2, 0.0, 0.0]])
    for lane, candidate in enumerate((0, 1, 1)):
        driver.begin(lane, Job(lane, candidate, 0), population[candidate])
    frames = np.zeros((3, 64, 64, 3), np.uint8)
    driver.act(frames, np.array([True, True, False]))
    actions = driver.act(frames, np.array([True, True, False]))
    assert np.allclose(actions[:2, 0], (0.1, 0.2)) and np.allclose(driver.h[:, 0], (0.2, 0.4, 0.0))
    driver.begin(0, Job(3, 1, 0), population[1])
    assert driver.h[0, 0] == 0 and driver.h[1, 0] > 0


def test_memory_sees_the_noisy_action():
    driver = world_model_driver(1, ActionNoise(1, scale=0.5))
    driver.begin(0, Job(0, 0, 8), np.zeros(3))
    taken = [float(driver.act(np.zeros((1, 64, 64, 3), np.uint8), np.ones(1, bool))[0, 0]) for _ in range(5)]
    assert np.std(taken) > 0 and driver.h[0, 0] == pytest.approx(sum(taken), abs=1e-5)
