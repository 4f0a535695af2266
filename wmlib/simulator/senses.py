"""What a driver feels who knows the simulator's state instead of its picture: the road ahead, seen from the car.

Only a teacher has these senses (:mod:`wmlib.rollout.teacher`). The agent never does.
"""

from __future__ import annotations

import numpy as np

from wmlib.compiled import compiled
from wmlib.simulator.cars import ANGLE, HULL, PX, PY, SPIN, VX, VY

AHEAD = (0, 1, 2, 3, 4, 6, 8, 10)  # tiles of 3.5 m from the nearest one on
AROUND = (-4, 10)  # tiles to look at around the last place: another piece of road may be nearer across the grass
STRETCHES = (0, 3, 6, 9)  # tiles between which the road's bend is taken
BENDS = len(AHEAD) + 4  # where the three bends' sizes stand; the bends themselves follow
SENSES = BENDS + 6 + 1

# How far each sense may be off for a picture's driver, one standard deviation of white noise: places of the road 2 m,
# speed 6 m/s, side slip 1 m/s, spin 0.2 rad/s, front wheels 0.07 rad, bends 0.1 rad; the last is the constant 1
BLUR = np.array([0.2] * len(AHEAD) + [0.2, 0.1, 0.2, 0.2] + [0.1] * 6 + [0.0])


@compiled
def direction(cars, lane, tile):
    """Angle of the centre line from one tile to the next."""
    count = cars.tiles[lane, 0]
    here, there = tile % count, (tile + 1) % count
    x, y = cars.centre[lane, 0], cars.centre[lane, 1]
    return np.arctan2(y[there] - y[here], x[there] - x[here])


@compiled
def sense(cars, lanes, places, felt):
    """Fill the rows of ``felt`` (lanes, SENSES) of these lanes (n,), and follow the car's ``places`` (lanes,) in tiles.

    Places of the road ahead, metres to the right / 10; speed (m/s - 60) / 30; side slip, m/s / 10; spin, rad/s; angle
    of the front wheels, rad * 3; sizes of three bends ahead, rad; the same with their sign; 1.
    """
    for lane in lanes:
        hull, row = cars.body[lane, HULL], felt[lane]
        cosine, sine = np.cos(hull[ANGLE]), np.sin(hull[ANGLE])
        count = cars.tiles[lane, 0]
        nearest, least = places[lane], np.inf
        for away in range(AROUND[0], AROUND[1]):
            tile = (places[lane] + away) % count
            apart = (cars.centre[lane, 0, tile] - hull[PX]) ** 2 + (cars.centre[lane, 1, tile] - hull[PY]) ** 2
            if apart < least:
                nearest, least = tile, apart
        for place in range(len(AHEAD)):
            tile = (nearest + AHEAD[place]) % count
            x, y = cars.centre[lane, 0, tile] - hull[PX], cars.centre[lane, 1, tile] - hull[PY]
            row[place] = (x * cosine + y * sine) / 10.0
        places[lane] = nearest
        first = len(AHEAD)
        row[first] = (hull[VY] * cosine - hull[VX] * sine - 60.0) / 30.0
        row[first + 1] = (hull[VX] * cosine + hull[VY] * sine) / 10.0
        row[first + 2] = hull[SPIN]
        row[first + 3] = (cars.body[lane, 0, ANGLE] - hull[ANGLE]) * 3.0
        for stretch in range(3):
            bend = direction(cars, lane, nearest + STRETCHES[stretch + 1]) - direction(
                cars, lane, nearest + STRETCHES[stretch]
            )
            bend -= 2 * np.pi * np.round(bend / (2 * np.pi))
            row[BENDS + stretch], row[BENDS + 3 + stretch] = abs(bend), bend
        row[SENSES - 1] = 1.0
