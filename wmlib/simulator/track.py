"""Tracks: gymnasium's generator in compiled form, fed by the same random stream, so a seed gives the same track.

Twelve checkpoints are drawn around the origin; a pen walks from one to the next with a bounded turning rate until it
has gone round five times; the second-last lap that closes on itself becomes the track. A walk that closes badly is
thrown away and the next one drawn.
"""

from __future__ import annotations

import math

import numpy as np
from gymnasium.envs.box2d.car_racing import (
    BORDER,
    BORDER_MIN_COUNT,
    SCALE,
    TRACK_DETAIL_STEP,
    TRACK_RAD,
    TRACK_TURN_RATE,
    TRACK_WIDTH,
)  # fmt: skip

from wmlib.compiled import compiled
from wmlib.simulator.cars import park
from wmlib.simulator.contacts import convex_hull, find_edges
from wmlib.simulator.playfield import MAX_TILES, RED, TILE, WHITE
from wmlib.simulator.wheels import sign

CHECKPOINTS = 12
WALK = 2500  # steps of the pen at most
_LOW = np.tile([0.0, TRACK_RAD / 3], CHECKPOINTS)
_HIGH = np.tile([2 * math.pi * 1 / CHECKPOINTS, TRACK_RAD], CHECKPOINTS)
START_ANGLE = 2 * math.pi * (-0.5) / CHECKPOINTS


@compiled
def walk(noise, track):
    """Walk along the checkpoints that ``noise`` (24,) gives: angle noise and radius of each, alternating.

    Writes rows (alpha, beta, x, y) of the closed lap to ``track`` (WALK, 4) and returns their number; 0 if the lap
    does not close.
    """
    checkpoints = np.empty((CHECKPOINTS, 3))
    for c in range(CHECKPOINTS):
        alpha = 2 * math.pi * c / CHECKPOINTS + noise[2 * c]
        radius = noise[2 * c + 1]
        if c == 0:
            alpha, radius = 0.0, 1.5 * TRACK_RAD
        if c == CHECKPOINTS - 1:
            alpha, radius = 2 * math.pi * c / CHECKPOINTS, 1.5 * TRACK_RAD
        checkpoints[c] = alpha, radius * math.cos(alpha), radius * math.sin(alpha)

    path = np.empty((WALK, 4))
    x, y, beta = 1.5 * TRACK_RAD, 0.0, 0.0
    aim = laps = length = 0
    other_side = False
    while True:
        alpha = math.atan2(y, x)
        if other_side and alpha > 0:
            laps += 1
            other_side = False
        if alpha < 0:
            other_side = True
            alpha += 2 * math.pi
        while True:  # the next checkpoint ahead
            found = False
            while True:
                if alpha <= checkpoints[aim % CHECKPOINTS, 0]:
                    found = True
                    break
                aim += 1
                if aim % CHECKPOINTS == 0:
                    break
            if found:
                break
            alpha -= 2 * math.pi
        right_x, right_y = math.cos(beta), math.sin(beta)
        ahead_x, ahead_y = -right_y, right_x
        offset = right_x * (checkpoints[aim % CHECKPOINTS, 1] - x) + right_y * (checkpoints[aim % CHECKPOINTS, 2] - y)
        while beta - alpha > 1.5 * math.pi:
            beta -= 2 * math.pi
        while beta - alpha < -1.5 * math.pi:
            beta += 2 * math.pi
        before = beta
        offset *= SCALE
        if offset > 0.3:
            beta -= min(TRACK_TURN_RATE, abs(0.001 * offset))
        if offset < -0.3:
            beta += min(TRACK_TURN_RATE, abs(0.001 * offset))
        x += ahead_x * TRACK_DETAIL_STEP
        y += ahead_y * TRACK_DETAIL_STEP
        path[length] = alpha, before * 0.5 + beta * 0.5, x, y
        length += 1
        if laps > 4 or length == WALK:
            break

    first = last = -1
    i = length
    while True:
        i -= 1
        if i == 0:
            return 0
        if path[i, 0] > START_ANGLE and path[i - 1, 0] <= START_ANGLE:
            if last == -1:
                last = i
            else:
                first = i
                break
    count = last - 1 - first
    track[:count] = path[first : last - 1]
    gap_x = math.cos(track[0, 1]) * (track[0, 2] - track[count - 1, 2])
    gap_y = math.sin(track[0, 1]) * (track[0, 3] - track[count - 1, 3])
    return 0 if math.sqrt(gap_x * gap_x + gap_y * gap_y) > TRACK_DETAIL_STEP else count


@compiled
def borders(track, border):
    """Mark in ``border`` (N,) the tiles of hard turns, which get a kerb."""
    count = len(track)
    for i in range(count):
        good, side = True, 0.0
        for k in range(BORDER_MIN_COUNT):
            bend = track[i - k, 1] - track[i - k - 1, 1]
            good &= abs(bend) > TRACK_TURN_RATE * 0.2
            side += sign(bend)
        border[i] = good and abs(side) == BORDER_MIN_COUNT
    for i in range(count):
        for k in range(BORDER_MIN_COUNT):
            border[i - k] |= border[i]


@compiled
def _across(quad, first, node, inner, outer):
    """Corners ``first`` and ``first + 1`` of a quad: node's points ``inner`` and ``outer`` metres to its right."""
    x, y, cosine, sine = node[2], node[3], math.cos(node[1]), math.sin(node[1])
    quad[first, 0], quad[first, 1] = x + inner * cosine, y + inner * sine
    quad[first + 1, 0], quad[first + 1, 1] = x + outer * cosine, y + outer * sine


@compiled
def build(cars, lane, track, quads, names):
    """Lay the road of ``track`` (N, 4): fills the lane's tiles and the polygons to draw; parks the car on it.

    ``quads`` (2 N, 4, 2) m float64 and ``names`` (2 N,) palette entries receive the polygons in gymnasium's drawing
    order. Returns their number.
    """
    count = len(track)
    border = np.zeros(count, np.bool_)
    borders(track, border)
    corner = np.empty((4, 2), np.float32)
    n = 0
    for i in range(count):
        quad = quads[n]
        _across(quad, 0, track[i], -TRACK_WIDTH, TRACK_WIDTH)
        _across(quad, 2, track[i - 1], TRACK_WIDTH, -TRACK_WIDTH)
        names[n] = TILE + i
        n += 1
        for k in range(4):
            corner[k, 0], corner[k, 1] = np.float32(quad[k, 0]), np.float32(quad[k, 1])
        corners = convex_hull(corner, cars.corners[lane, i])
        cars.corner_count[lane, i] = corners
        find_edges(cars.corners[lane, i], corners, cars.edges[lane, i])
        cars.centre[lane, 0, i] = np.float32((quad[0, 0] + quad[1, 0] + quad[2, 0] + quad[3, 0]) / 4)
        cars.centre[lane, 1, i] = np.float32((quad[0, 1] + quad[1, 1] + quad[2, 1] + quad[3, 1]) / 4)
        cars.touched[lane, i] = 0
        if border[i]:
            side = sign(track[i - 1, 1] - track[i, 1])
            _across(quads[n], 0, track[i], side * TRACK_WIDTH, side * (TRACK_WIDTH + BORDER))
            _across(quads[n], 2, track[i - 1], side * (TRACK_WIDTH + BORDER), side * TRACK_WIDTH)
            names[n] = WHITE if i % 2 == 0 else RED
            n += 1
    cars.tiles[lane] = 0
    cars.tiles[lane, 0] = count
    cars.episode[lane] = 0
    park(cars, lane, track[0, 1], track[0, 2], track[0, 3])
    return n


def generate(generator: np.random.Generator) -> np.ndarray:
    """The track (N, 4) that Gymnasium's reset draws from ``generator``: rows of alpha, beta (rad), x and y (m)."""
    track = np.empty((WALK, 4))
    while True:
        count = walk(generator.uniform(_LOW, _HIGH), track)
        if 0 < count <= MAX_TILES:
            return track[:count].copy()
        if count:
            raise RuntimeError(f"a track has {count} tiles; MAX_TILES is {MAX_TILES}")
