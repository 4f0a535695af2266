"""The playfield as a picture made of blocks: what the camera samples instead of Gymnasium's 1000 x 800 drawing.

The field is a square of 80 x 80 blocks of 8.33 m, half a grass square, so that grass squares and the field's edge fall
on block edges. A block without road is one of three constant blocks; a block with road holds TEXELS x TEXELS palette
entries of its own. An entry is not a colour but a *name*: black, meadow, grass, white or red kerb, or tile i. So a tile
that is driven on changes its shade by one write to the palette, and the image of a track is made only once.
"""

from __future__ import annotations

import math

import numpy as np

from wmlib.compiled import compiled

FIELD = 2000 / 6.0  # m, half the side of the field (gymnasium's PLAYFIELD)
BLOCKS = 80  # blocks along one side of the field
GRID_SHIFT = 7
GRID = 1 << GRID_SHIFT  # rows and columns of ``block_of``: those beyond the field are black, and indices wrap
SHIFT = 5
TEXELS = 1 << SHIFT  # texels along one side of a block
PER_METRE = BLOCKS * TEXELS / (2 * FIELD)  # texels per metre

OUTSIDE, MEADOW, GRASS, WHITE, RED, TILE = 0, 1, 2, 3, 4, 5  # palette entries; tile i has entry TILE + i
MAX_TILES = 640  # no track of a million has more than about 400
MAX_BLOCKS = 1600  # blocks with road; memory that is never written costs nothing


@compiled
def clear(block_of, blocks):
    """Lay the bare field: ``block_of`` (GRID, GRID) names the constant blocks, 0 outside, 1 meadow and 2 grass."""
    block_of[:] = 0
    for y in range(BLOCKS):
        for x in range(BLOCKS):
            block_of[y, x] = 2 if (x // 2) % 2 == 0 and (y // 2) % 2 == 0 else 1
    blocks[0] = OUTSIDE
    blocks[1] = MEADOW
    blocks[2] = GRASS
    return 3


@compiled
def fill_span(block_of, blocks, used, y, x0, x1, name):
    """Write ``name`` to texels x0..x1 of texel row y, giving a block its own texels when road first enters it."""
    by = y >> SHIFT
    row = (y & (TEXELS - 1)) << SHIFT
    for bx in range(x0 >> SHIFT, (x1 >> SHIFT) + 1):
        block = np.int64(block_of[by, bx])
        if block < 3:
            if used == MAX_BLOCKS:
                return used
            blocks[used] = GRASS if block == 2 else MEADOW
            block_of[by, bx] = used
            block = used
            used += 1
        line = blocks[block, row : row + TEXELS]
        for x in range(max(x0 - (bx << SHIFT), 0), min(x1 - (bx << SHIFT), TEXELS - 1) + 1):
            line[x] = name
    return used


@compiled
def fill_quad(block_of, blocks, used, quad, name, left, right):
    """Fill a convex polygon ``quad`` (4, 2) m: texels whose centres lie inside. ``left`` and ``right`` are scratch."""
    u = np.empty(4)
    v = np.empty(4)
    for i in range(4):
        u[i] = (quad[i, 0] + FIELD) * PER_METRE - 0.5
        v[i] = (quad[i, 1] + FIELD) * PER_METRE - 0.5
    top, bottom = int(math.ceil(v.min())), int(math.floor(v.max()))
    side = BLOCKS * TEXELS
    if top < 0 or bottom >= side or bottom - top >= len(left) or u.min() < 0 or u.max() > side - 1:
        return used  # no track leaves the field
    left[: bottom - top + 1] = BLOCKS * TEXELS
    right[: bottom - top + 1] = -1.0
    for i in range(4):
        j = (i + 1) & 3
        a, b = (i, j) if v[i] < v[j] else (j, i)
        slope = (u[b] - u[a]) / max(v[b] - v[a], 1e-9)
        for y in range(int(math.ceil(v[a])), int(math.floor(v[b])) + 1):
            cut = u[a] + slope * (y - v[a])
            left[y - top] = min(left[y - top], cut)
            right[y - top] = max(right[y - top], cut)
    for y in range(top, bottom + 1):
        x0, x1 = int(math.ceil(left[y - top])), int(math.floor(right[y - top]))
        if x0 <= x1:
            used = fill_span(block_of, blocks, used, y, x0, x1, name)
    return used


@compiled
def paint(block_of, blocks, quads, names):
    """Paint a whole track: ``quads`` (n, 4, 2) in drawing order with their palette entries ``names`` (n,).

    Returns the number of blocks used; ``MAX_BLOCKS`` means that the track did not fit.
    """
    used = clear(block_of, blocks)
    left, right = np.empty(4 * TEXELS), np.empty(4 * TEXELS)
    for i in range(len(quads)):
        used = fill_quad(block_of, blocks, used, quads[i], names[i], left, right)
    return used
