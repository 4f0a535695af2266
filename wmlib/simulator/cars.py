"""The state of all cars as plain arrays, and the constants of a car as Box2D itself computes them."""

from __future__ import annotations

import math
from typing import NamedTuple

import Box2D
import numpy as np
from gymnasium.envs.box2d import car_dynamics

from wmlib.compiled import compiled
from wmlib.simulator.playfield import MAX_TILES

HULL = 4  # index of the hull among the five bodies; 0..3 are the wheels
CX, CY, ANGLE, VX, VY, SPIN, PX, PY, SIN, COS, FX, FY, REST = range(13)  # fields of a body, float32
PUSH_X, PUSH_Y, TWIST, MOTOR, SPEED, LIMIT = range(6)  # fields of a joint, float32; LIMIT is -1, 0 or 1
GAS, BRAKE, STEER, OMEGA, PHASE = range(5)  # fields of a wheel, float64
REWARD, PAID, TIME = range(3)  # fields of an episode, float64


class Cars(NamedTuple):
    """Every car's state; the first axis of each array is the lane.

    A body has its centre of mass (CX, CY), ANGLE, velocities, its origin (PX, PY) and the sine and cosine of its
    angle, the force on it and how long it has been at REST. A joint keeps the impulses that warm-start the next step.
    """

    body: np.ndarray  # (lanes, 5, 13) float32
    joint: np.ndarray  # (lanes, 4, 6) float32
    wheel: np.ndarray  # (lanes, 4, 5) float64
    on_road: np.ndarray  # (lanes, 4) bool: the wheel touched a tile at the start of the last step
    episode: np.ndarray  # (lanes, 3) float64
    tiles: np.ndarray  # (lanes, 4) int64: total, visited, whether the lap is closed, whether any colour changed
    corners: np.ndarray  # (lanes, tiles, 4, 2) float32: the tiles' polygons
    corner_count: np.ndarray  # (lanes, tiles) uint8
    edges: np.ndarray  # (lanes, tiles, 4, 3) float32: outward normal and offset of each side
    centre: np.ndarray  # (lanes, 2, tiles) float32: x and y of a point inside the tile
    touched: np.ndarray  # (lanes, tiles) uint8: 0 new, 1 touched by the hull only, 2 visited by a wheel


def allocate(lanes: int) -> Cars:
    """Zeroed state for ``lanes`` cars."""
    return Cars(
        body=np.zeros((lanes, 5, 13), np.float32),
        joint=np.zeros((lanes, 4, 6), np.float32),
        wheel=np.zeros((lanes, 4, 5)),
        on_road=np.zeros((lanes, 4), bool),
        episode=np.zeros((lanes, 3)),
        tiles=np.zeros((lanes, 4), np.int64),
        corners=np.zeros((lanes, MAX_TILES, 4, 2), np.float32),
        corner_count=np.zeros((lanes, MAX_TILES), np.uint8),
        edges=np.zeros((lanes, MAX_TILES, 4, 3), np.float32),
        centre=np.zeros((lanes, 2, MAX_TILES), np.float32),
        touched=np.zeros((lanes, MAX_TILES), np.uint8),
    )


def _measure():
    """Masses, centres and polygons of a real Box2D car: read off once instead of recomputed."""
    car = car_dynamics.Car(Box2D.b2World((0, 0)), 0.0, 0.0, 0.0)
    inverse_mass, inverse_inertia = [], []
    for body in (car.wheels[0], car.hull):
        body.linearVelocity, body.angularVelocity = (0, 0), 0
        body.ApplyLinearImpulse((1, 0), body.worldCenter, True)
        inverse_mass.append(np.float32(body.linearVelocity[0]))
        body.angularVelocity = 0
        body.ApplyAngularImpulse(1.0, True)
        inverse_inertia.append(np.float32(body.angularVelocity))
    fixtures = [fixture.shape.vertices for fixture in car.hull.fixtures]
    polygons = np.zeros((5, 8, 2), np.float32)  # 0..3 the hull's parts, 4 the wheel
    counts = np.zeros(5, np.int64)
    for part, vertices in enumerate([*fixtures, car.wheels[0].fixtures[0].shape.vertices]):
        polygons[part, : len(vertices)] = vertices
        counts[part] = len(vertices)
    centre = np.array(car.hull.localCenter, np.float32)
    assert tuple(car.wheels[0].localCenter) == (0, 0), "the solver leaves out the wheels' arms, which are zero"
    return inverse_mass, inverse_inertia, polygons, counts, centre


(WHEEL_INVERSE_MASS, HULL_INVERSE_MASS), (WHEEL_INVERSE_INERTIA, HULL_INVERSE_INERTIA), POLYGONS, POLYGON_COUNTS, _c = (
    _measure()
)
HULL_CENTRE_X, HULL_CENTRE_Y = np.float32(_c[0]), np.float32(_c[1])
WHEEL_PLACES = np.array(car_dynamics.WHEELPOS) * car_dynamics.SIZE  # (4, 2) m, float64
ANCHORS = WHEEL_PLACES.astype(np.float32)


@compiled
def sine(angle):
    """sinf of the C library, as Box2D calls it."""
    return np.float32(math.sin(np.float32(angle)))


@compiled
def cosine(angle):
    """cosf of the C library, as Box2D calls it."""
    return np.float32(math.cos(np.float32(angle)))


@compiled
def settle(body, centre_x, centre_y):
    """Derive a body's origin and axes from its centre of mass and angle (b2Body::SynchronizeTransform)."""
    s, c = sine(body[ANGLE]), cosine(body[ANGLE])
    body[SIN], body[COS] = s, c
    body[PX] = body[CX] - (c * centre_x - s * centre_y)
    body[PY] = body[CY] - (s * centre_x + c * centre_y)


@compiled
def park(cars, lane, angle, x, y):
    """Put a new car at rest at (x, y). Wheels start at unrotated places; the joints pull them in (gymnasium)."""
    cars.body[lane] = 0
    cars.joint[lane] = 0
    cars.wheel[lane] = 0
    cars.on_road[lane] = False
    for i in range(5):
        body = cars.body[lane, i]
        body[ANGLE] = np.float32(angle)
        body[SIN], body[COS] = sine(body[ANGLE]), cosine(body[ANGLE])
        if i == HULL:
            body[PX], body[PY] = np.float32(x), np.float32(y)
            body[CX] = (body[COS] * HULL_CENTRE_X - body[SIN] * HULL_CENTRE_Y) + body[PX]
            body[CY] = (body[SIN] * HULL_CENTRE_X + body[COS] * HULL_CENTRE_Y) + body[PY]
        else:
            body[PX], body[PY] = np.float32(x + WHEEL_PLACES[i, 0]), np.float32(y + WHEEL_PLACES[i, 1])
            body[CX], body[CY] = body[PX], body[PY]
