"""The cars' pictures: playfields and palettes of all lanes, and the compiled call that draws a frame of one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from gymnasium.envs.box2d import car_dynamics

from wmlib.compiled import compiled
from wmlib.simulator import lens
from wmlib.simulator.camera import CHANNEL, sample_field, zoom_at
from wmlib.simulator.carbody import PATCH_HEIGHT, PATCH_WIDTH, ink_car, overlay
from wmlib.simulator.playfield import GRASS, GRID, MAX_BLOCKS, MAX_TILES, MEADOW, RED, TEXELS, TILE, WHITE, paint

DARKENING = 2  # levels that pygame.transform.smoothscale takes off every flat colour

_HULL = [car_dynamics.HULL_POLY1, car_dynamics.HULL_POLY2, car_dynamics.HULL_POLY3, car_dynamics.HULL_POLY4]
HULL_COUNTS = np.array([len(polygon) for polygon in _HULL])
HULL_POLYGONS = np.zeros((4, 8, 2))
for _part, _polygon in enumerate(_HULL):
    HULL_POLYGONS[_part, : len(_polygon)] = np.array(_polygon) * car_dynamics.SIZE


def optics(size: int) -> tuple[np.ndarray, ...]:
    """Weight tables of a ``size`` x ``size`` picture, as ``draw_frame`` takes them."""
    columns, rows = lens.pixel_weights(size)
    return columns, lens.spans(columns), rows, lens.spans(rows)


def packed(colours: np.ndarray) -> np.ndarray:
    """Colours (n, 3) as Gymnasium draws and shrinks them, packed for the camera: (n,) int64."""
    seen = np.maximum(colours.astype(np.int64) - DARKENING, 0)
    return seen[:, 0] | (seen[:, 1] << CHANNEL) | (seen[:, 2] << (2 * CHANNEL))


class Pictures(NamedTuple):
    """Playfield and palette of every lane; memory of blocks that no road enters is never paged in."""

    block_of: np.ndarray  # (lanes, GRID * GRID) uint16
    blocks: np.ndarray  # (lanes, MAX_BLOCKS * TEXELS * TEXELS) uint16
    palette: np.ndarray  # (lanes, TILE + MAX_TILES) int64, packed colours
    patch: np.ndarray  # (PATCH_HEIGHT, PATCH_WIDTH) uint8, empty between frames


def allocate(lanes: int) -> Pictures:
    """Pictures of ``lanes`` cars with Gymnasium's default colours."""
    pictures = Pictures(
        block_of=np.zeros((lanes, GRID * GRID), np.uint16),
        blocks=np.empty((lanes, MAX_BLOCKS * TEXELS * TEXELS), np.uint16),
        palette=np.zeros((lanes, TILE + MAX_TILES), np.int64),
        patch=np.zeros((PATCH_HEIGHT, PATCH_WIDTH), np.uint8),
    )
    pictures.palette[:, [MEADOW, GRASS, WHITE, RED]] = packed(
        np.array([(102, 204, 102), (102, 230, 102), (255, 255, 255), (255, 0, 0)])
    )
    return pictures


@compiled
def lay(pictures, lane, quads, names):
    """Paint a lane's playfield: ``quads`` (n, 4, 2) m in drawing order and their palette entries ``names`` (n,)."""
    block_of = pictures.block_of[lane].reshape(GRID, GRID)
    blocks = pictures.blocks[lane].reshape(MAX_BLOCKS, TEXELS * TEXELS)
    return paint(block_of, blocks, quads, names) < MAX_BLOCKS


@compiled
def draw_frame(frame, height, pictures, lane, transforms, angle, phases, time, samples, tables):
    """Draw what a lane's camera sees ``time`` seconds into the episode into ``frame`` (rows, size, 3) uint8.

    ``height`` is how many pixels of Gymnasium's drawing the rows cover; ``transforms`` (5, 4) are the four wheels' and
    the hull's x, y, cosine and sine; ``phases`` (4,) are the wheels' rotation; ``tables`` come from :func:`optics`.
    """
    zoom = zoom_at(time)
    block_of, blocks, palette = pictures.block_of[lane], pictures.blocks[lane], pictures.palette[lane]
    sample_field(frame, height, block_of, blocks, palette, transforms[4, 0], transforms[4, 1], angle, zoom, samples)
    box = np.array([PATCH_WIDTH, PATCH_HEIGHT, -1, -1])
    ink_car(pictures.patch, box, HULL_POLYGONS, HULL_COUNTS, transforms, phases, angle, zoom)
    columns, column_spans, rows, row_spans = tables
    overlay(frame, pictures.patch, box, columns, column_spans, rows, row_spans)
