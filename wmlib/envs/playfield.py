"""The playfield as a picture made of blocks: what the camera samples instead of Gymnasium's 1000 x 800 drawing.

The field is a square of 80 x 80 blocks of 8.33 m, half a grass square, so that grass squares and the field's edge fall
on block edges. A block without road is one of three constant blocks; a block with road holds TEXELS x TEXELS palette
entries of its own. An entry is not a colour but a *name*: black, meadow, grass, white or red kerb, or tile i. So a tile
that is driven on changes its shade by one write to the palette, and the image of a track is made only once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FIELD = 2000 / 6.0  # m, half the side of the field (gymnasium's PLAYFIELD)
BLOCKS = 80  # blocks along one side of the field
GRID_SHIFT = 7
GRID = 1 << GRID_SHIFT  # rows and columns of ``block_of``: those beyond the field are black, and indices wrap
SHIFT = 6
TEXELS = 1 << SHIFT  # texels along one side of a block
PER_METRE = BLOCKS * TEXELS / (2 * FIELD)  # texels per metre

OUTSIDE, MEADOW, GRASS, WHITE, RED, TILE = 0, 1, 2, 3, 4, 5  # palette entries; tile i has entry TILE + i
MAX_TILES = 640  # no track of a million has more than about 400
MAX_BLOCKS = 1600  # blocks with road; memory that is never written costs nothing
SPREAD = 0.25  # texels; Gymnasium's polygons cover every pixel they touch, so they come out a little larger

_compile = njit(cache=True, nogil=True, error_model="numpy")


@_compile
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


@_compile
def fill_span(block_of, blocks, used, y, x0, x1, name):
    """Write ``name`` to texels x0..x1 of texel row y, giving a block its own texels when road first enters it."""
    by = y >> SHIFT
    row = (y & (TEXELS - 1)) << SHIFT
    for bx in range(x0 >> SHIFT, (x1 >> SHIFT) + 1):
        block = block_of[by, bx]
        if block < 3:
            if used == MAX_BLOCKS:
                return used
            blocks[used] = GRASS if block == 2 else MEADOW
            block_of[by, bx] = used
            block = used
            used += 1
        first = max(x0 - (bx << SHIFT), 0)
        last = min(x1 - (bx << SHIFT), TEXELS - 1)
        blocks[block, row + first : row + last + 1] = name
    return used


@_compile
def fill_quad(block_of, blocks, used, quad, name):
    """Fill one four-cornered polygon ``quad`` (4, 2), in metres; texel centres inside by the even-odd rule."""
    u = np.empty(4)
    v = np.empty(4)
    for i in range(4):
        u[i] = (quad[i, 0] + FIELD) * PER_METRE - 0.5
        v[i] = (quad[i, 1] + FIELD) * PER_METRE - 0.5
    low, high = v.min(), v.max()
    limit = BLOCKS * TEXELS - 1
    cut = np.empty(4)
    for y in range(max(int(np.ceil(low - SPREAD)), 0), min(int(np.floor(high + SPREAD)), limit) + 1):
        level = min(max(float(y), low), high)
        cuts = 0
        for i in range(4):
            j = (i + 1) & 3
            a, b = min(v[i], v[j]), max(v[i], v[j])
            if a <= level and (level < b or (level == b and level == high and a < b)):
                cut[cuts] = u[i] + (u[j] - u[i]) * (level - v[i]) / (v[j] - v[i])
                cuts += 1
        cut[:cuts].sort()
        for k in range(0, cuts - 1, 2):
            x0 = max(int(np.ceil(cut[k] - SPREAD)), 0)
            x1 = min(int(np.floor(cut[k + 1] + SPREAD)), limit)
            if x0 <= x1:
                used = fill_span(block_of, blocks, used, y, x0, x1, name)
    return used


@_compile
def paint(block_of, blocks, quads, names):
    """Paint a whole track: ``quads`` (n, 4, 2) in drawing order with their palette entries ``names`` (n,).

    Returns the number of blocks used; ``MAX_BLOCKS`` means that the track did not fit.
    """
    used = clear(block_of, blocks)
    for i in range(len(quads)):
        used = fill_quad(block_of, blocks, used, quads[i], names[i])
    return used
