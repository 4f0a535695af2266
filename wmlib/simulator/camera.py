"""Draws a frame by asking, for every point of the picture, which point of the field it shows.

Gymnasium fills some 500 polygons of a 1000 x 800 surface and shrinks it; here the surface never exists. The camera
turns with the car and stands so that the car is at (500, 600) of the drawing. A drawing pixel (sx, sy) therefore shows
the field at ``car + R(angle) (sx - 500, 600 - sy) / zoom``: along a row of the picture the point moves by a constant
step, which is followed in fixed point.

A pixel whose four corners have one colour is taken to have that colour: roads, kerbs and grass squares are larger than
a pixel. The others, about one in six, are sampled at k x k points. Far out, in the first half second, a pixel is larger
than a road is wide, and every pixel is sampled.
"""

from __future__ import annotations

import numpy as np

from wmlib.compiled import compiled
from wmlib.simulator.playfield import BLOCKS, FIELD, GRID, GRID_SHIFT, PER_METRE, SHIFT, TEXELS

FRACTION = 16  # bits after the binary point of a texel coordinate
ONE = float(1 << FRACTION)
CHANNEL = 21  # bits per channel of a packed colour: sums of 8,000 colours fit
MASK = (1 << CHANNEL) - 1
NEAR = 8.0  # drawing pixels per metre from which corners speak for their pixel
SIDE = BLOCKS * TEXELS  # texels along one side of the field


@compiled
def zoom_at(time):
    """Pixels of the drawing per metre, ``time`` seconds into the episode: the first second zooms in (gymnasium)."""
    return 0.1 * 6.0 * max(1.0 - time, 0.0) + 2.7 * 6.0 * min(time, 1.0)


@compiled
def look_up(block_of, blocks, palette, u, v):
    """Packed colour at fixed-point texel coordinates (u, v); indices wrap; blocks beyond the field are black."""
    a, b = u >> FRACTION, v >> FRACTION
    cell = (((b >> SHIFT) & (GRID - 1)) << GRID_SHIFT) | ((a >> SHIFT) & (GRID - 1))
    texel = ((b & (TEXELS - 1)) << SHIFT) | (a & (TEXELS - 1))
    return palette[blocks[(np.int64(block_of[cell]) << (2 * SHIFT)) | texel]]


@compiled
def sample_pixel(block_of, blocks, palette, u, v, du, dv, eu, ev, samples):
    """Sum of samples x samples colours from (u, v); (du, dv) is a step to the right, (eu, ev) one down."""
    total = np.int64(0)
    for _ in range(samples):
        a, b = u, v
        for _ in range(samples):
            if 0 <= a >> FRACTION < SIDE and 0 <= b >> FRACTION < SIDE:
                total += look_up(block_of, blocks, palette, a, b)
            a += du
            b += dv
        u += eu
        v += ev
    return total


@compiled
def sample_field(frame, height, block_of, blocks, palette, x, y, angle, zoom, samples):
    """Fill ``frame`` (rows, columns, 3) uint8 with the field seen from (x, y) m at ``zoom`` drawing pixels per metre.

    ``height`` is how many pixels of the drawing the rows cover: 700 without the status bar, 800 with it. ``block_of``
    and ``blocks`` are the playfield, flattened; ``palette`` holds packed colours.
    """
    rows, columns = frame.shape[0], frame.shape[1]
    cosine, sine = np.cos(angle), np.sin(angle)
    across = 1000.0 / columns / zoom * PER_METRE * ONE  # fixed-point texels per pixel
    down = height / rows / zoom * PER_METRE * ONE
    du, dv = int(cosine * across), int(sine * across)
    eu, ev = sine * down, -cosine * down
    u0 = (x + FIELD) * PER_METRE * ONE - columns * 0.5 * cosine * across - sine * 600.0 / zoom * PER_METRE * ONE
    v0 = (y + FIELD) * PER_METRE * ONE - columns * 0.5 * sine * across + cosine * 600.0 / zoom * PER_METRE * ONE
    # The samples of a pixel stand on a grid that is turned so that no two share a row or a column: an edge along the
    # picture's axes, as roads often are, then meets samples * samples levels instead of ``samples``.
    count = samples * samples
    su, sv = int(du / samples + eu / count), int(dv / samples + ev / count)  # from one sample to the next
    tu, tv = int(eu / samples - du / count), int(ev / samples - dv / count)  # from one row of samples to the next
    first_u = int((du + eu - (samples - 1) * (su + tu)) / 2)
    first_v = int((dv + ev - (samples - 1) * (sv + tv)) / 2)
    reciprocal = ((1 << 20) + count - 1) // count

    corners = np.empty(columns + 1, np.int64)
    for row in range(rows + 1):
        u, v = int(u0 + row * eu), int(v0 + row * ev)
        if row == 0 or zoom < NEAR:
            for column in range(columns + 1):
                corners[column] = look_up(block_of, blocks, palette, u + column * du, v + column * dv)
            if row == 0:
                continue
        up_u, up_v = int(u0 + (row - 1) * eu) + first_u, int(v0 + (row - 1) * ev) + first_v
        line = frame[row - 1]
        above_left = corners[0]
        below_left = look_up(block_of, blocks, palette, u, v)
        corners[0] = below_left
        for column in range(columns):
            u += du
            v += dv
            above, below = corners[column + 1], look_up(block_of, blocks, palette, u, v)
            corners[column + 1] = below
            total = below
            if (below != above) | (below != below_left) | (below != above_left) | (zoom < NEAR):
                total = sample_pixel(
                    block_of, blocks, palette, up_u + column * du, up_v + column * dv, su, sv, tu, tv, samples
                )
                red, green, blue = total & MASK, (total >> CHANNEL) & MASK, total >> (2 * CHANNEL)
                line[column, 0] = (red * reciprocal + (1 << 19)) >> 20
                line[column, 1] = (green * reciprocal + (1 << 19)) >> 20
                line[column, 2] = (blue * reciprocal + (1 << 19)) >> 20
            else:
                line[column, 0] = total & MASK
                line[column, 1] = (total >> CHANNEL) & MASK
                line[column, 2] = total >> (2 * CHANNEL)
            above_left, below_left = above, below
