"""Which tiles the car touches: Box2D's polygon distance (Gilbert-Johnson-Keerthi) for sensor contacts.

Box2D decides touching at the start of a step, on the positions the previous step left, and two polygons touch when
their distance is below the sum of their skins. Its broad phase only saves work (a fat box always contains the box it
stands for). Here distances to the tile's sides do that work: a wheel whose centre is well inside touches, a body whose
circle is outside does not, and only what lies near a side is computed exactly. That algorithm and the order of its
operations follow Box2D 2.3's b2Distance.cpp by Erin Catto (zlib licence); this is an altered version in another
language, not the original.
"""

from __future__ import annotations

import math

import numpy as np

from wmlib.compiled import compiled
from wmlib.simulator.cars import COS, HULL, POLYGON_COUNTS, POLYGONS, PX, PY, SIN

SKIN = np.float32(0.01) + np.float32(0.01)  # m, the two polygons' radii
EPSILON = np.float32(1.1920929e-07)
TOUCHING = np.float32(10.0) * EPSILON
ONE = np.float32(1)
REACH = np.float32(13.0)  # m; a tile's corner is at most 8 m from its centre, a car's at most 3.5 m from its own
WELL_INSIDE = np.float32(-0.05)  # m
WHEEL_CIRCLE, HULL_CIRCLE = np.float32(0.7), np.float32(3.0)  # m, radii around the origins of wheels and hull, and more


@compiled
def convex_hull(points, hull):
    """Order four points (4, 2) float32 as b2PolygonShape::Set does; returns how many are corners of the hull."""
    start = 0
    for i in range(1, 4):
        if points[i, 0] > points[start, 0] or (points[i, 0] == points[start, 0] and points[i, 1] < points[start, 1]):
            start = i
    count, here = 0, start
    while True:
        hull[count] = points[here]
        end = 0
        for j in range(1, 4):
            if end == here:
                end = j
                continue
            rx, ry = points[end, 0] - points[here, 0], points[end, 1] - points[here, 1]
            vx, vy = points[j, 0] - points[here, 0], points[j, 1] - points[here, 1]
            cross = rx * vy - ry * vx
            if cross < 0 or (cross == 0 and vx * vx + vy * vy > rx * rx + ry * ry):
                end = j
        count += 1
        here = end
        if end == start or count == 4:
            return count


@compiled
def support(polygon, count, dx, dy):
    """Index of the first corner that lies farthest along (dx, dy)."""
    best, farthest = 0, polygon[0, 0] * dx + polygon[0, 1] * dy
    for i in range(1, count):
        value = polygon[i, 0] * dx + polygon[i, 1] * dy
        if value > farthest:
            best, farthest = i, value
    return best


@compiled
def overlap(tile, tile_count, polygon, count, px, py, s, c):
    """Whether a tile and a body's polygon, at origin (px, py) with axes (s, c), touch (b2TestOverlap)."""
    zero = np.float32(0)
    # The simplex: point k is wB - wA for corners ia[k] of the tile and ib[k] of the polygon.
    floats, indices = np.empty((7, 3), np.float32), np.empty((4, 3), np.int64)
    ax, ay, bx, by, wx, wy, weight = floats[0], floats[1], floats[2], floats[3], floats[4], floats[5], floats[6]
    ia, ib, old_a, old_b = indices[0], indices[1], indices[2], indices[3]
    ia[0], ib[0] = 0, 0
    ax[0], ay[0] = tile[0, 0], tile[0, 1]
    bx[0] = (c * polygon[0, 0] - s * polygon[0, 1]) + px
    by[0] = (s * polygon[0, 0] + c * polygon[0, 1]) + py
    wx[0], wy[0] = bx[0] - ax[0], by[0] - ay[0]
    weight[0] = ONE
    n = 1
    for _ in range(20):
        old = n
        for i in range(n):
            old_a[i], old_b[i] = ia[i], ib[i]
        if n == 2:
            n = _reduce_segment(ax, ay, bx, by, wx, wy, weight, ia, ib)
        elif n == 3:
            n = _reduce_triangle(ax, ay, bx, by, wx, wy, weight, ia, ib)
        if n == 3:  # the origin lies inside the triangle
            break
        if n == 1:
            dx, dy = -wx[0], -wy[0]
        else:
            ex, ey = wx[1] - wx[0], wy[1] - wy[0]
            if ex * -wy[0] - ey * -wx[0] > zero:
                dx, dy = -ey, ex
            else:
                dx, dy = ey, -ex
        if dx * dx + dy * dy < EPSILON * EPSILON:
            break
        a = support(tile, tile_count, -dx, -dy)
        b = support(polygon, count, c * dx + s * dy, -s * dx + c * dy)
        ia[n], ib[n] = a, b
        ax[n], ay[n] = tile[a, 0], tile[a, 1]
        bx[n] = (c * polygon[b, 0] - s * polygon[b, 1]) + px
        by[n] = (s * polygon[b, 0] + c * polygon[b, 1]) + py
        wx[n], wy[n] = bx[n] - ax[n], by[n] - ay[n]
        known = False
        for i in range(old):
            known |= a == old_a[i] and b == old_b[i]
        if known:
            break
        n += 1
    if n == 3:
        return True
    if n == 1:
        ux, uy = ax[0] - bx[0], ay[0] - by[0]
    else:
        ux = (weight[0] * ax[0] + weight[1] * ax[1]) - (weight[0] * bx[0] + weight[1] * bx[1])
        uy = (weight[0] * ay[0] + weight[1] * ay[1]) - (weight[0] * by[0] + weight[1] * by[1])
    distance = np.float32(math.sqrt(ux * ux + uy * uy))
    if distance > SKIN and distance > EPSILON:
        return distance - SKIN < TOUCHING
    return True


@compiled
def _copy(ax, ay, bx, by, wx, wy, weight, ia, ib, source, target):
    ax[target], ay[target], bx[target], by[target] = ax[source], ay[source], bx[source], by[source]
    wx[target], wy[target], weight[target] = wx[source], wy[source], weight[source]
    ia[target], ib[target] = ia[source], ib[source]


@compiled
def _reduce_segment(ax, ay, bx, by, wx, wy, weight, ia, ib):
    """Keep of a segment what is nearest to the origin (b2Simplex::Solve2)."""
    zero = np.float32(0)
    ex, ey = wx[1] - wx[0], wy[1] - wy[0]
    d2 = -(wx[0] * ex + wy[0] * ey)
    if d2 <= zero:
        weight[0] = ONE
        return 1
    d1 = wx[1] * ex + wy[1] * ey
    if d1 <= zero:
        weight[1] = ONE
        _copy(ax, ay, bx, by, wx, wy, weight, ia, ib, 1, 0)
        return 1
    inverse = ONE / (d1 + d2)
    weight[0], weight[1] = d1 * inverse, d2 * inverse
    return 2


@compiled
def _reduce_triangle(ax, ay, bx, by, wx, wy, weight, ia, ib):
    """Keep of a triangle the corner, edge or whole that is nearest to the origin (b2Simplex::Solve3)."""
    zero = np.float32(0)
    x1, y1, x2, y2, x3, y3 = wx[0], wy[0], wx[1], wy[1], wx[2], wy[2]
    e12x, e12y, e13x, e13y, e23x, e23y = x2 - x1, y2 - y1, x3 - x1, y3 - y1, x3 - x2, y3 - y2
    d12_1, d12_2 = x2 * e12x + y2 * e12y, -(x1 * e12x + y1 * e12y)
    d13_1, d13_2 = x3 * e13x + y3 * e13y, -(x1 * e13x + y1 * e13y)
    d23_1, d23_2 = x3 * e23x + y3 * e23y, -(x2 * e23x + y2 * e23y)
    area = e12x * e13y - e12y * e13x
    d123_1 = area * (x2 * y3 - y2 * x3)
    d123_2 = area * (x3 * y1 - y3 * x1)
    d123_3 = area * (x1 * y2 - y1 * x2)
    if d12_2 <= zero and d13_2 <= zero:
        weight[0] = ONE
        return 1
    if d12_1 > zero and d12_2 > zero and d123_3 <= zero:
        inverse = ONE / (d12_1 + d12_2)
        weight[0], weight[1] = d12_1 * inverse, d12_2 * inverse
        return 2
    if d13_1 > zero and d13_2 > zero and d123_2 <= zero:
        inverse = ONE / (d13_1 + d13_2)
        weight[0], weight[2] = d13_1 * inverse, d13_2 * inverse
        _copy(ax, ay, bx, by, wx, wy, weight, ia, ib, 2, 1)
        return 2
    if d12_1 <= zero and d23_2 <= zero:
        weight[1] = ONE
        _copy(ax, ay, bx, by, wx, wy, weight, ia, ib, 1, 0)
        return 1
    if d13_1 <= zero and d23_1 <= zero:
        weight[2] = ONE
        _copy(ax, ay, bx, by, wx, wy, weight, ia, ib, 2, 0)
        return 1
    if d23_1 > zero and d23_2 > zero and d123_1 <= zero:
        inverse = ONE / (d23_1 + d23_2)
        weight[1], weight[2] = d23_1 * inverse, d23_2 * inverse
        _copy(ax, ay, bx, by, wx, wy, weight, ia, ib, 2, 0)
        return 2
    return 3


@compiled
def find_edges(corners, count, edges):
    """Outward unit normals and offsets (4, 3) of a tile's sides; a triangle's last side is written twice."""
    for i in range(4):
        a = min(i, count - 1)
        b = (a + 1) % count
        dx, dy = corners[b, 0] - corners[a, 0], corners[b, 1] - corners[a, 1]
        length = np.float32(math.sqrt(dx * dx + dy * dy))
        edges[i, 0], edges[i, 1] = dy / length, -dx / length
        edges[i, 2] = edges[i, 0] * corners[a, 0] + edges[i, 1] * corners[a, 1]


@compiled
def outside(edges, x, y):
    """How far (x, y) lies outside a tile, by the side it is farthest beyond; negative inside. Metres."""
    farthest = edges[0, 0] * x + edges[0, 1] * y - edges[0, 2]
    for i in range(1, 4):
        farthest = max(farthest, edges[i, 0] * x + edges[i, 1] * y - edges[i, 2])
    return farthest


@compiled
def collide(cars, lane, lap_complete_percent):
    """Find the tiles under wheels and hull, and mark those visited for the first time. Returns how many those are.

    A tile keeps its shade until wheel or hull touches it; the hull's touch counts for nothing else.
    """
    tiles, touched, on_road = cars.tiles[lane], cars.touched[lane], cars.on_road[lane]
    centre_x, centre_y = cars.centre[lane, 0], cars.centre[lane, 1]
    hull = cars.body[lane, HULL]
    x, y = hull[PX], hull[PY]
    on_road[:] = False
    new = 0
    for tile in range(tiles[0]):
        if abs(centre_x[tile] - x) > REACH or abs(centre_y[tile] - y) > REACH:
            continue
        edges = cars.edges[lane, tile]
        if outside(edges, x, y) > HULL_CIRCLE:  # which holds the wheels as well
            continue
        corners, count = cars.corners[lane, tile], cars.corner_count[lane, tile]
        for i in range(4):
            if touched[tile] == 2 and on_road[i]:
                continue
            wheel = cars.body[lane, i]
            distance = outside(edges, wheel[PX], wheel[PY])
            if distance > WHEEL_CIRCLE:
                continue
            if distance < WELL_INSIDE or overlap(
                corners, count, POLYGONS[4], POLYGON_COUNTS[4], wheel[PX], wheel[PY], wheel[SIN], wheel[COS]
            ):
                on_road[i] = True
                if touched[tile] != 2:
                    touched[tile] = 2
                    new += 1
                    tiles[1] += 1
                    if tile == 0 and tiles[1] / tiles[0] > lap_complete_percent:
                        tiles[2] = 1
        part = 0
        while touched[tile] == 0 and part < 4:
            if overlap(corners, count, POLYGONS[part], POLYGON_COUNTS[part], x, y, hull[SIN], hull[COS]):
                touched[tile] = 1
            part += 1
    return new
