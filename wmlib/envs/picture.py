"""One car's picture: its playfield, palette and patch, and the compiled call that draws a frame of them."""

from __future__ import annotations

import numpy as np
from gymnasium.envs.box2d import car_dynamics
from numba import njit

from wmlib.envs import lens
from wmlib.envs.camera import CHANNEL, sample_field, zoom_at
from wmlib.envs.carbody import PATCH_HEIGHT, PATCH_WIDTH, ink_car, overlay
from wmlib.envs.playfield import GRASS, GRID, MAX_BLOCKS, MAX_TILES, MEADOW, RED, TEXELS, TILE, WHITE, paint

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


@njit(cache=True, nogil=True, error_model="numpy")
def draw_frame(
    frame, height, block_of, blocks, palette, transforms, angle, phases, time, samples,
    hull_polygons, hull_counts, patch, columns, column_spans, rows, row_spans,
):  # fmt: skip
    """Draw what the car's camera sees ``time`` seconds into the episode into ``frame`` (rows, size, 3) uint8."""
    zoom = zoom_at(time)
    sample_field(frame, height, block_of, blocks, palette, transforms[4, 0], transforms[4, 1], angle, zoom, samples)
    box = np.array([PATCH_WIDTH, PATCH_HEIGHT, -1, -1])
    ink_car(patch, box, hull_polygons, hull_counts, transforms, phases, angle, zoom)
    overlay(frame, patch, box, columns, column_spans, rows, row_spans)


class Picture:
    """Playfield and palette of one car. Memory grows with the road only: untouched blocks are never paged in."""

    def __init__(self):
        self.block_of = np.zeros((GRID, GRID), np.uint16)
        self.blocks = np.empty((MAX_BLOCKS, TEXELS * TEXELS), np.uint16)
        self.palette = np.zeros(TILE + MAX_TILES, np.int64)
        self.patch = np.zeros((PATCH_HEIGHT, PATCH_WIDTH), np.uint8)
        self.tiles = 0

    def lay(self, quads: np.ndarray, names: np.ndarray, meadow, grass) -> None:
        """Paint a track: ``quads`` (n, 4, 2) m in drawing order, their palette entries, the two ground colours."""
        self.tiles = int(names.max()) - TILE + 1
        if self.tiles > MAX_TILES or paint(self.block_of, self.blocks, quads, names) >= MAX_BLOCKS:
            raise RuntimeError("track too long for the picture's buffers")
        self.palette[[MEADOW, GRASS, WHITE, RED]] = packed(np.array([meadow, grass, (255, 255, 255), (255, 0, 0)]))

    def shade(self, colours: np.ndarray) -> None:
        """Set the tiles' colours (tiles, 3)."""
        self.palette[TILE : TILE + len(colours)] = packed(colours)

    def draw(self, frame, height, transforms, angle, phases, time, samples, tables) -> None:
        """Draw into ``frame``; ``tables`` come from :func:`optics`."""
        draw_frame(
            frame, height, self.block_of.ravel(), self.blocks.ravel(), self.palette, transforms, angle, phases, time,
            samples, HULL_POLYGONS, HULL_COUNTS, self.patch, *tables,
        )  # fmt: skip
