"""The sampled picture against Gymnasium's drawing."""

import math

import numpy as np
import pytest
from follower import follow
from gymnasium.envs.box2d.car_racing import CarRacing

from wmlib.envs.carracing import preprocess
from wmlib.simulator.cars import ANGLE, COS, PHASE, PX, PY, SIN, TIME
from wmlib.simulator.environment import FastCarRacing
from wmlib.simulator.simulator import Simulator


def difference(a, b):
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


def as_seen(observation, reference):
    """Gymnasium's observation in the size ours has."""
    return preprocess(reference) if observation == "64x64" else reference


@pytest.fixture(scope="module")
def theirs():
    env = CarRacing()
    yield env
    env.close()


@pytest.mark.parametrize(
    "observation, samples, mean, worst, zooming", [("64x64", 2, 0.5, 1.0, 1.5), ("96x96", 3, 0.7, 1.2, 1.8)]
)
def test_a_drive_looks_like_gymnasiums(theirs, observation, samples, mean, worst, zooming):
    ours = FastCarRacing(observation=observation, samples=samples)
    differences, early = [], []
    for seed in (3, 11):
        frame, reference = ours.reset(seed=seed)[0], theirs.reset(seed=seed)[0]
        for _ in range(160):
            (early if theirs.t < 1.0 else differences).append(difference(frame, as_seen(observation, reference)))
            action = follow(ours.state(), 60)
            frame, reference = ours.step(action)[0], theirs.step(action)[0]
    assert np.mean(differences) < mean and max(differences) < worst
    assert max(early) < zooming


def pose(simulator, bodies, phases, time):
    """Put the simulator's car where Gymnasium's bodies are."""
    for ours, theirs in zip(simulator._cars.body[0], bodies):
        ours[[PX, PY]], ours[ANGLE] = theirs.position, theirs.angle
        ours[[SIN, COS]] = math.sin(theirs.angle), math.cos(theirs.angle)
    simulator._cars.wheel[0, :, PHASE], simulator._cars.episode[0, TIME] = phases, time
    simulator.draw()


@pytest.mark.parametrize("observation", ["64x64", "96x96"])
def test_random_poses_look_like_gymnasiums(theirs, observation):
    ours = FastCarRacing(observation=observation)
    ours.reset(seed=21), theirs.reset(seed=21)
    generator = np.random.default_rng(1)
    wheels, hull = theirs.car.wheels, theirs.car.hull
    for _ in range(25):
        theirs.t = generator.uniform(0.5, 3)
        if generator.random() < 0.7:  # over the road
            node = theirs.track[generator.integers(len(theirs.track))]
            x, y = node[2] + generator.normal(0, 6), node[3] + generator.normal(0, 6)
        else:  # anywhere, the edge of the field included
            x, y = generator.uniform(-330, 330, 2)
        angle = generator.uniform(-7, 7)
        cosine, sine = math.cos(angle), math.sin(angle)
        hull.position, hull.angle = (x, y), angle
        for wheel, (px, py) in zip(wheels, [(-1.1, 1.6), (1.1, 1.6), (-1.1, -1.64), (1.1, -1.64)]):
            wheel.position = x + cosine * px - sine * py, y + sine * px + cosine * py
            wheel.angle = angle + generator.uniform(-0.4, 0.4) * (py > 0)
            wheel.phase = generator.uniform(0, 7)
        pose(ours.simulator, [*wheels, hull], [wheel.phase for wheel in wheels], theirs.t)
        reference = as_seen(observation, theirs._render("state_pixels"))
        rows = min(84, len(reference))  # the bar is tested below
        assert difference(ours.simulator.frames[0, :rows], reference[:rows]) < (1.0 if theirs.t >= 1 else 1.5)


def test_the_status_bar_reads_the_same(theirs):
    ours = FastCarRacing(observation="96x96")
    frame, reference = ours.reset(seed=5)[0], theirs.reset(seed=5)[0]
    for step in range(40):
        assert difference(frame[84:], reference[84:]) < 0.6
        assert step < 5 or (frame[84:].max(2) > 60).sum() > 40
        action = np.array([0.5 * math.sin(step / 5), 0.6, 0.2 * (step % 7 == 0)])
        frame, reference = ours.step(action)[0], theirs.step(action)[0]


def test_touched_tiles_lose_their_shade():
    simulator = Simulator(1, samples=1)
    simulator.reset(0, 3)
    palette = simulator._pictures.palette[0, 5:]
    touched = simulator._cars.touched[0] > 0
    count = simulator.tiles_total[0]
    assert touched[:count].sum() >= 2
    assert (palette[:count][touched[:count]] == palette[0]).all()
    assert len(set(palette[10:count])) == 3
