"""Draws a frame by asking, for every sample point of the picture, which point of the field it shows.

Gymnasium fills some 500 polygons of a 1000 x 800 surface and shrinks it; here the surface never exists. The camera
turns with the car and stands so that the car's centre is at (500, 600) of the drawing. A drawing pixel (sx, sy)
therefore shows the field at ``centre + R(angle) (sx - 500, 600 - sy) / zoom``: along a row of the picture, the point
moves by a constant step, which the inner loop follows in fixed point. Sums of colours are kept for red, green and blue
at once in one 64-bit integer.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from wmlib.envs.playfield import BLOCKS, FIELD, GRID, GRID_SHIFT, PER_METRE, SHIFT, TEXELS

FRACTION = 16  # bits after the binary point of a texel coordinate
CHANNEL = 21  # bits per colour channel of a packed sum

_compile = njit(cache=True, nogil=True, error_model="numpy")


@_compile
def zoom_at(time):
    """Pixels of the drawing per metre, ``time`` seconds into the episode: the first second zooms in (gymnasium)."""
    return 0.1 * 6.0 * max(1.0 - time, 0.0) + 2.7 * 6.0 * min(time, 1.0)


@_compile
def pack(red, green, blue):
    """One integer that holds three channels; packed values may be added up to 8,000 times."""
    return np.int64(red) | (np.int64(green) << CHANNEL) | (np.int64(blue) << (2 * CHANNEL))


@_compile
def sample_field(frame, height, block_of, blocks, palette, x, y, angle, zoom, samples):
    """Fill ``frame`` (rows, size, 3) uint8 with the field seen from (x, y) m, ``samples`` x ``samples`` points a pixel.

    ``height`` is how many pixels of the drawing the rows cover: 700 without the status bar, 800 with it. ``block_of``
    and ``blocks`` are the playfield, flattened; ``palette`` holds packed colours.
    """
    rows, columns = frame.shape[0], frame.shape[1]
    sums = np.zeros(columns, np.int64)
    one = float(1 << FRACTION)
    step = 1000.0 / (columns * samples) * PER_METRE / zoom
    cosine, sine = np.cos(angle), np.sin(angle)
    du, dv = int(round(cosine * step * one)), int(round(sine * step * one))
    safe = 16 * TEXELS  # texels around the field where indices still find black blocks
    last = columns * samples - 1
    count = samples * samples
    reciprocal = ((1 << 20) + count - 1) // count
    channel = (1 << CHANNEL) - 1
    for row in range(rows * samples):
        right = (0.5 * 1000.0 / (columns * samples) - 500.0) / zoom
        up = (600.0 - (row + 0.5) * height / (rows * samples)) / zoom
        u = int((x + cosine * right - sine * up + FIELD) * PER_METRE * one)
        v = int((y + sine * right + cosine * up + FIELD) * PER_METRE * one)
        u0, v0, u1, v1 = u >> FRACTION, v >> FRACTION, (u + last * du) >> FRACTION, (v + last * dv) >> FRACTION
        limit = BLOCKS * TEXELS + safe
        if min(u0, u1, v0, v1) > -safe and max(u0, u1, v0, v1) < limit:
            for column in range(columns):
                total = np.int64(0)
                for _ in range(samples):
                    a, b = u >> FRACTION, v >> FRACTION
                    cell = (((b >> SHIFT) & (GRID - 1)) << GRID_SHIFT) | ((a >> SHIFT) & (GRID - 1))
                    texel = ((b & (TEXELS - 1)) << SHIFT) | (a & (TEXELS - 1))
                    total += palette[blocks[(np.int64(block_of[cell]) << (2 * SHIFT)) | texel]]
                    u += du
                    v += dv
                sums[column] += total
        else:  # zoomed out over the edge of the field
            for column in range(columns):
                total = np.int64(0)
                for _ in range(samples):
                    a, b = u >> FRACTION, v >> FRACTION
                    if 0 <= a < BLOCKS * TEXELS and 0 <= b < BLOCKS * TEXELS:
                        cell = (((b >> SHIFT) & (GRID - 1)) << GRID_SHIFT) | ((a >> SHIFT) & (GRID - 1))
                        texel = ((b & (TEXELS - 1)) << SHIFT) | (a & (TEXELS - 1))
                        total += palette[blocks[(np.int64(block_of[cell]) << (2 * SHIFT)) | texel]]
                    u += du
                    v += dv
                sums[column] += total
        if (row + 1) % samples == 0:
            line = frame[row // samples]
            for column in range(columns):
                total = sums[column]
                sums[column] = 0
                line[column, 0] = ((total & channel) * reciprocal + (1 << 19)) >> 20
                line[column, 1] = (((total >> CHANNEL) & channel) * reciprocal + (1 << 19)) >> 20
                line[column, 2] = ((total >> (2 * CHANNEL)) * reciprocal + (1 << 19)) >> 20
