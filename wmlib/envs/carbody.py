"""Lays the car over a frame: hull, wheels and the wheels' white stripes.

The car is small, so it is drawn the way Gymnasium draws it: polygons with whole-pixel corners on a patch of the
1000 x 800 drawing around the car, which the lens's weights then bring to the picture's size.
"""

from __future__ import annotations

import math

import numpy as np

from wmlib.envs.compiled import compiled
from wmlib.envs.lens import ONE

PATCH_LEFT, PATCH_TOP, PATCH_WIDTH, PATCH_HEIGHT = 420, 500, 160, 200  # patch of the drawing that holds the car
BLACK, STRIPE, HULL = 1, 2, 3  # inks
ONE_SHIFT = 2 * int(math.log2(ONE))
INKS = np.array([[0, 0, 0], [0, 0, 0], [75, 75, 75], [202, 0, 0]], np.int64)  # smoothscale takes 2 levels off
WHEEL_HALF_WIDTH, WHEEL_RADIUS = 14 * 0.02, 27 * 0.02  # m


@compiled
def fill_polygon(patch, box, corners, count, ink):
    """Fill a convex polygon, ``corners`` (n, 2) in pixels of the patch; widen ``box`` (left, top, right, bottom)."""
    top, bottom = corners[0, 1], corners[0, 1]
    for i in range(1, count):
        top, bottom = min(top, corners[i, 1]), max(bottom, corners[i, 1])
    for y in range(max(top, 0), min(bottom, PATCH_HEIGHT - 1) + 1):
        left, right = PATCH_WIDTH, -1
        for i in range(count):
            j = i + 1 if i + 1 < count else 0
            x1, y1, x2, y2 = corners[i, 0], corners[i, 1], corners[j, 0], corners[j, 1]
            if y1 > y2:
                x1, y1, x2, y2 = x2, y2, x1, y1
            if y1 <= y <= y2:
                if y1 == y2:
                    left, right = min(left, x1, x2), max(right, x1, x2)
                else:
                    cut = (y - y1) * (x2 - x1) / (y2 - y1) + x1
                    left, right = min(left, int(math.floor(cut))), max(right, int(math.ceil(cut)))
        left, right = max(left, 0), min(right, PATCH_WIDTH - 1)
        if left <= right:
            patch[y, left : right + 1] = ink
            box[0], box[2] = min(box[0], left), max(box[2], right)
            box[1], box[3] = min(box[1], y), max(box[3], y)


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
    for wheel in range(4):
        body = transforms[wheel]
        for i in range(4):
            px = WHEEL_HALF_WIDTH if i == 1 or i == 2 else -WHEEL_HALF_WIDTH
            place(corners, i, body, px, WHEEL_RADIUS if i < 2 else -WHEEL_RADIUS, x, y, cosine, sine, zoom)
        fill_polygon(patch, box, corners, 4, BLACK)
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
        fill_polygon(patch, box, corners, 4, STRIPE)
    for part in range(len(hull_counts)):
        for i in range(hull_counts[part]):
            px, py = hull_polygons[part, i, 0], hull_polygons[part, i, 1]
            place(corners, i, transforms[4], px, py, x, y, cosine, sine, zoom)
        fill_polygon(patch, box, corners, hull_counts[part], HULL)


@compiled
def overlay(frame, patch, box, columns, column_spans, rows, row_spans):
    """Blend the inked ``box`` of ``patch`` into ``frame`` with the lens's weights, and leave the patch empty."""
    left, top, right, bottom = box[0] + PATCH_LEFT, box[1] + PATCH_TOP, box[2] + PATCH_LEFT, box[3] + PATCH_TOP
    first, last = 0, frame.shape[1]
    while column_spans[first, 1] <= left:
        first += 1
    while column_spans[last - 1, 0] > right:
        last -= 1
    # Share of each ink in every picture column, per row of the patch.
    shares = np.zeros((bottom - top + 1, last - first, 3), np.int64)
    for y in range(bottom - top + 1):
        for j in range(first, last):
            start, stop = max(left, column_spans[j, 0]), min(right + 1, column_spans[j, 1])
            weights, inks = columns[j, start:stop], patch[box[1] + y, start - PATCH_LEFT : stop - PATCH_LEFT]
            black = stripe = hull = 0
            for k in range(len(weights)):
                black += weights[k] * (inks[k] == BLACK)
                stripe += weights[k] * (inks[k] == STRIPE)
                hull += weights[k] * (inks[k] == HULL)
            shares[y, j - first, 0], shares[y, j - first, 1], shares[y, j - first, 2] = black, stripe, hull
        patch[box[1] + y, box[0] : box[2] + 1] = 0
    for i in range(frame.shape[0]):
        if row_spans[i, 1] <= top or row_spans[i, 0] > bottom:
            continue
        for j in range(first, last):
            black = stripe = hull = 0
            for sy in range(max(top, row_spans[i, 0]), min(bottom + 1, row_spans[i, 1])):
                black += shares[sy - top, j - first, 0] * rows[i, sy]
                stripe += shares[sy - top, j - first, 1] * rows[i, sy]
                hull += shares[sy - top, j - first, 2] * rows[i, sy]
            bare = ONE * ONE - black - stripe - hull
            for channel in range(3):
                value = bare * frame[i, j, channel] + stripe * INKS[STRIPE, channel] + hull * INKS[HULL, channel]
                frame[i, j, channel] = (value + ONE * ONE // 2) >> ONE_SHIFT
