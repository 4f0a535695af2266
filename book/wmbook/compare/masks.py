"""Where in a frame the car and the edges of the road are: for errors that are measured only where it matters."""

from __future__ import annotations

import cv2
import numpy as np

from wmlib.simulator.cars import PHASE
from wmlib.simulator.lens import HEIGHT
from wmlib.simulator.picture import draw_frame
from wmlib.simulator.playfield import RED, TILE
from wmlib.simulator.simulator import Simulator, view

_FULL = 255 * (1 + (1 << 21) + (1 << 42))  # white, packed


def masks(simulator: Simulator, lane: int) -> tuple[np.ndarray, np.ndarray]:
    """Boolean masks (64, 64) of a lane's present frame: pixels that show the car, pixels at the edge of the road.

    Edge pixels are those that see both road and ground, and their direct neighbours. The frame itself is not changed.
    """
    palette = simulator._pictures.palette[lane]
    kept = palette.copy()
    try:
        palette[:] = _FULL
        car = _drawn(simulator, lane)[:, :, 1] < 250
        palette[: RED + 1] = 0
        palette[TILE:] = _FULL
        palette[RED - 1 : RED + 1] = _FULL  # kerbs belong to the road
        road = _drawn(simulator, lane)[:, :, 1]
    finally:
        palette[:] = kept
    kernel = np.ones((3, 3), np.uint8)
    contrast = cv2.dilate(road, kernel).astype(int) - cv2.erode(road, kernel)
    near_car = cv2.dilate(car.astype(np.uint8), kernel) > 0
    return car, (contrast > 25) & ~near_car


def _drawn(simulator: Simulator, lane: int) -> np.ndarray:
    """The lane's frame with the palette as it is now."""
    frame = np.zeros((64, 64, 3), np.uint8)
    transforms = np.empty((5, 4))
    angle, time = view(simulator._cars, lane, transforms)
    phases = simulator._cars.wheel[lane, :, PHASE]
    draw_frame(
        frame, HEIGHT, simulator._pictures, lane, transforms, angle, phases, time, simulator.samples, simulator._tables
    )
    return frame
