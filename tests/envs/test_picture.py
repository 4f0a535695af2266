"""The sampled picture against Gymnasium's drawing."""

import math

import numpy as np
import pytest
from gymnasium.envs.box2d.car_racing import CarRacing

from wmlib.envs.carracing import FastCarRacing
from wmlib.envs.driver import follow
from wmlib.envs.preprocess import preprocess
from wmlib.envs.simulator import Simulator


def difference(a, b):
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


def drawn(env):
    """Gymnasium's own observation of ``env``'s present state."""
    return CarRacing._render(env, "state_pixels")


@pytest.mark.parametrize(
    "observation, samples, mean, worst, zooming", [("64x64", 2, 0.5, 1.0, 1.5), ("96x96", 3, 0.7, 1.2, 1.8)]
)
def test_a_drive_looks_like_gymnasiums(observation, samples, mean, worst, zooming):
    env = FastCarRacing(observation=observation, samples=samples)
    simulator = Simulator(1, samples)
    differences, early = [], []
    for seed in (3, 11):
        frame, _ = env.reset(seed=seed)
        simulator.reset(0, seed)
        for step in range(160):
            if step % 4 == 0:
                reference = drawn(env)
                value = difference(frame, preprocess(reference) if observation == "64x64" else reference)
                (early if env.t < 1.0 else differences).append(value)
            assert observation == "96x96" or np.array_equal(frame, simulator.frames[0])
            action = follow(simulator.state(0), 60)
            frame, _, _, _, _ = env.step(action)
            simulator.step(action[None])
    assert np.mean(differences) < mean and max(differences) < worst
    assert max(early) < zooming


@pytest.mark.parametrize("observation", ["64x64", "96x96"])
def test_random_poses_look_like_gymnasiums(observation):
    env = FastCarRacing(observation=observation)
    env.reset(seed=21)
    generator = np.random.default_rng(1)
    for _ in range(25):
        env.t = generator.uniform(0.5, 3)
        if generator.random() < 0.7:  # over the road
            node = env.track[generator.integers(len(env.track))]
            x, y = node[2] + generator.normal(0, 6), node[3] + generator.normal(0, 6)
        else:  # anywhere, the edge of the field included
            x, y = generator.uniform(-330, 330, 2)
        angle = generator.uniform(-7, 7)
        cosine, sine = math.cos(angle), math.sin(angle)
        env.car.hull.position, env.car.hull.angle = (x, y), angle
        for wheel, (px, py) in zip(env.car.wheels, [(-1.1, 1.6), (1.1, 1.6), (-1.1, -1.64), (1.1, -1.64)]):
            wheel.position = x + cosine * px - sine * py, y + sine * px + cosine * py
            wheel.angle = angle + generator.uniform(-0.4, 0.4) * (py > 0)
            wheel.phase = generator.uniform(0, 7)
        reference = drawn(env)
        value = difference(env._render("state_pixels"), preprocess(reference) if observation == "64x64" else reference)
        assert value < (1.0 if env.t >= 1 else 1.5)


def test_the_status_bar_reads_the_same():
    env = FastCarRacing(observation="96x96")
    env.reset(seed=5)
    for step in range(40):
        env.step(np.array([0.5 * math.sin(step / 5), 0.6, 0.2 * (step % 7 == 0)]))
        if step % 8 == 7:  # Gymnasium draws before it takes the frame's 0.1: draw again to compare one reward
            ours, reference = env._render("state_pixels"), drawn(env)
            assert difference(ours[84:], reference[84:]) < 0.6
            assert (ours[84:].max(2) > 60).sum() > 40


def test_touched_tiles_lose_their_shade():
    simulator = Simulator(1, samples=1)
    simulator.reset(0, 3)
    palette = simulator._pictures.palette[0, 5:]
    touched = simulator._cars.touched[0] > 0
    count = simulator.tiles_total[0]
    assert touched[:count].sum() >= 2
    assert (palette[:count][touched[:count]] == palette[0]).all()
    assert len(set(palette[10:count])) == 3
