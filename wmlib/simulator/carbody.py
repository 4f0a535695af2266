"""Lays the car over a frame: hull, wheels and the wheels' white stripes.

The car is small, so it is drawn the way Gymnasium draws it: polygons with whole-pixel corners on a patch of the
1000 x 800 drawing around the car, which the lens's weights then bring to the picture's size.
"""

from __future__ import annotations

import math

import numpy as np

from wmlib.compiled import compiled
from wmlib.simulator.lens import ONE

PATCH_LEFT, PATCH_TOP, PATCH_WIDTH, PATCH_HEIGHT = 420, 500, 160, 200  # patch of the drawing that holds the car
BLACK, STRIPE, HULL = 1, 2, 3  # inks
ONE_SHIFT = 2 * int(math.log2(ONE))
INKS = np.array([[0, 0, 0], [0, 0, 0], [75, 75, 75], [202, 0, 0]], np.int64)  # smoothscale takes 2 levels off
WHEEL_HALF_WIDTH, WHEEL_RADIUS = 14 * 0.02, 27 * 0.02  # m


@compiled
def fill_polygon(patch, box, corners, count, ink, left, right):
    """Fill a convex polygon, ``corners`` (n, 2) in pixels of the patch; widen ``box`` (left, top, right, bottom).

    ``left`` and ``right`` (PATCH_HEIGHT,) are scratch for the ends of every line.
    """
    top, bottom = PATCH_HEIGHT, -1
    for i in range(count):
        top, bottom = min(top, corners[i, 1]), max(bottom, corners[i, 1])
        box[0], box[2] = min(box[0], corners[i, 0]), max(box[2], corners[i, 0])
    if top < 0 or bottom >= PATCH_HEIGHT or box[0] < 0 or box[2] >= PATCH_WIDTH:
        box[0], box[2] = max(box[0], 0), min(box[2], PATCH_WIDTH - 1)
        return  # a wheel far from its car: only when somebody moves bodies by hand
    box[1], box[3] = min(box[1], top), max(box[3], bottom)
    for y in range(top, bottom + 1):
        left[y], right[y] = PATCH_WIDTH, -1
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        a, b = (i, j) if corners[i, 1] <= corners[j, 1] else (j, i)
        y1, y2 = corners[a, 1], corners[b, 1]
        slope = (corners[b, 0] - corners[a, 0]) / max(y2 - y1, 1)
        for y in range(y1, y2 + 1):
            cut = corners[a, 0] + slope * (y - y1)
            left[y] = min(left[y], int(cut))
            right[y] = max(right[y], int(cut + 0.999999))
        left[y2], right[y2] = min(left[y2], corners[b, 0]), max(right[y2], corners[b, 0])
    for y in range(top, bottom + 1):
        line = patch[y]
        for x in range(left[y], right[y] + 1):
            line[x] = ink


@compiled
def place(corners, i, transform, px, py, x, y, cosine, sine, zoom):
    """Corner i: body point (px, py) through the body's transform (x, y, cos, sin) and the camera, cut to pixels."""
    wx = transform[2] * px - transform[3] * py + transform[0] - x
    wy = transform[3] * px + transform[2] * py + transform[1] - y
    sx = int((cosine * wx + sine * wy) * zoom + 500.0)
    sy = int((cosine * wy - sine * wx) * zoom + 200.0)
    corners[i, 0] = sx - PATCH_LEFT
    corners[i, 1] = 799 - sy - PATCH_TOP


@compiled
def ink_car(patch, box, hull_polygons, hull_counts, transforms, phases, angle, zoom):
    """Draw the car on the empty ``patch``; ``transforms`` (5, 4) are the four wheels' and the hull's x, y, cos, sin."""
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = transforms[4, 0], transforms[4, 1]
    corners = np.empty((8, 2), np.int64)
    left, right = np.empty(PATCH_HEIGHT, np.int64), np.empty(PATCH_HEIGHT, np.int64)
    for wheel in range(4):
        body = transforms[wheel]
        for i in range(4):
            px = WHEEL_HALF_WIDTH if i == 1 or i == 2 else -WHEEL_HALF_WIDTH
            place(corners, i, body, px, WHEEL_RADIUS if i < 2 else -WHEEL_RADIUS, x, y, cosine, sine, zoom)
        fill_polygon(patch, box, corners, np.int64(4), np.int64(BLACK), left, right)
        phase = phases[wheel]
        s1, s2, c1, c2 = math.sin(phase), math.sin(phase + 1.2), math.cos(phase), math.cos(phase + 1.2)
        if s1 > 0 and s2 > 0:  # the stripe is under the wheel
            continue
        if s1 > 0:
            c1 = np.sign(c1)
        if s2 > 0:
            c2 = np.sign(c2)
        for i in range(4):
            px = WHEEL_HALF_WIDTH if i == 1 or i == 2 else -WHEEL_HALF_WIDTH
            place(corners, i, body, px, WHEEL_RADIUS * (c1 if i < 2 else c2), x, y, cosine, sine, zoom)
        fill_polygon(patch, box, corners, np.int64(4), np.int64(STRIPE), left, right)
    for part in range(len(hull_counts)):
        for i in range(hull_counts[part]):
            px, py = hull_polygons[part, i, 0], hull_polygons[part, i, 1]
            place(corners, i, transforms[4], px, py, x, y, cosine, sine, zoom)
        fill_polygon(patch, box, corners, hull_counts[part], np.int64(HULL), left, right)


@compiled
def overlay(frame, patch, box, columns, column_spans, rows, row_spans):
    """Blend the inked ``box`` of ``patch`` into ``frame`` with the lens's weights, and leave the patch empty.

    For each row of the frame, the patch's rows are first added up with their weights, whole lines at a time; the sums
    are then added up across.
    """
    top, bottom, left, right = box[1] + PATCH_TOP, box[3] + PATCH_TOP, box[0] + PATCH_LEFT, box[2] + PATCH_LEFT
    width = box[2] - box[0] + 1
    sums = np.empty((4, width), np.int32)
    shares = np.empty(4, np.int64)
    for i in range(frame.shape[0]):
        if row_spans[i, 1] <= top or row_spans[i, 0] > bottom:
            continue
        sums[:] = 0
        for sy in range(max(top, row_spans[i, 0]), min(bottom + 1, row_spans[i, 1])):
            inks, weight = patch[sy - PATCH_TOP, box[0] : box[2] + 1], rows[i, sy]
            for ink in range(1, 4):
                line = sums[ink]
                for x in range(width):
                    line[x] += weight if inks[x] == ink else 0
        for j in range(frame.shape[1]):
            if column_spans[j, 1] <= left or column_spans[j, 0] > right:
                continue
            start, stop = max(left, column_spans[j, 0]), min(right + 1, column_spans[j, 1])
            weights = columns[j, start:stop]
            bare = ONE * ONE
            for ink in range(1, 4):
                line, total = sums[ink, start - left : stop - left], 0
                for x in range(len(weights)):
                    total += line[x] * weights[x]
                shares[ink] = total
                bare -= total
            for channel in range(3):
                value = bare * frame[i, j, channel] + shares[STRIPE] * INKS[STRIPE, channel]
                value += shares[HULL] * INKS[HULL, channel]
                frame[i, j, channel] = (value + ONE * ONE // 2) >> ONE_SHIFT
    patch[box[1] : box[3] + 1, box[0] : box[2] + 1] = 0
