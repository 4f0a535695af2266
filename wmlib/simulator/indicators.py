"""The status bar of the 96 x 96 observation: speed, four wheels, steering, yaw rate and the reward in digits.

Gauges are upright rectangles of the 1000 x 800 drawing, so their share of every pixel is a product of two overlaps.
The digits are drawn by pygame's own font, once per number.
"""

from __future__ import annotations

import numpy as np

from wmlib.compiled import compiled
from wmlib.simulator.lens import CROP, OBSERVATION, SCREEN_HEIGHT, SCREEN_WIDTH, area_weights

UNIT_X, UNIT_Y = SCREEN_WIDTH / 40.0, SCREEN_HEIGHT / 40.0  # gymnasium's grid for gauges
DIGIT_COLUMNS = 12  # pixels of the observation left of the first gauge
THRESHOLD = 1e-4  # gymnasium draws no gauge below this
SPEED, OMEGAS, STEERING, YAW = 0, 1, 5, 6  # order of the gauges' values

_ROWS = area_weights(SCREEN_HEIGHT, OBSERVATION)[CROP:]
_COLUMNS = area_weights(SCREEN_WIDTH, OBSERVATION)[:DIGIT_COLUMNS]


@compiled
def rectangle(frame, xa, ya, xb, yb, colour):
    """Blend the rectangle between (xa, ya) and (xb, yb), drawing pixels cut to integers, both ends included."""
    x0, x1 = max(int(min(xa, xb)), 0), min(int(max(xa, xb)) + 1, SCREEN_WIDTH)
    y0, y1 = max(int(min(ya, yb)), 0), min(int(max(ya, yb)) + 1, SCREEN_HEIGHT)
    wide, high = SCREEN_WIDTH / OBSERVATION, SCREEN_HEIGHT / OBSERVATION
    for i in range(int(y0 / high), min(int(y1 / high) + 1, OBSERVATION)):
        share_y = (min(y1, (i + 1) * high) - max(y0, i * high)) / high
        for j in range(int(x0 / wide), min(int(x1 / wide) + 1, OBSERVATION)):
            share = max(share_y, 0.0) * max((min(x1, (j + 1) * wide) - max(x0, j * wide)) / wide, 0.0)
            for channel in range(3):
                value = frame[i, j, channel]
                frame[i, j, channel] = int(value + share * (colour[channel] - value) + 0.5)


@compiled
def draw_bar(frame, values, digits):
    """Draw the bar into rows 84.. of ``frame`` (96, 96, 3): ``values`` (7,) and ``digits`` (12, 12) grey levels."""
    frame[CROP:] = 0
    white, blue, violet, green, red = (253, 253, 253), (0, 0, 253), (49, 0, 253), (0, 253, 0), (253, 0, 0)
    bottom = SCREEN_HEIGHT - UNIT_Y
    if abs(values[SPEED]) > THRESHOLD:
        rectangle(frame, 5 * UNIT_X, bottom - UNIT_Y * 0.02 * values[SPEED], 6 * UNIT_X, bottom, white)
    for wheel in range(4):
        omega, left = values[OMEGAS + wheel], (7 + wheel) * UNIT_X
        if abs(omega) > THRESHOLD:
            top = bottom - UNIT_Y * 0.01 * omega
            rectangle(frame, left, top, left + UNIT_X, bottom, blue if wheel < 2 else violet)
    upper, lower = SCREEN_HEIGHT - 4 * UNIT_Y, SCREEN_HEIGHT - 2 * UNIT_Y
    if abs(values[STEERING]) > THRESHOLD:
        rectangle(frame, 20 * UNIT_X, upper, (20 - 10.0 * values[STEERING]) * UNIT_X, lower, green)
    if abs(values[YAW]) > THRESHOLD:
        rectangle(frame, 30 * UNIT_X, upper, (30 - 0.8 * values[YAW]) * UNIT_X, lower, red)
    for i in range(digits.shape[0]):
        for j in range(digits.shape[1]):
            frame[CROP + i, j] = digits[i, j]


class Digits:
    """Grey levels (12, 12) of the reward as it appears at the left of the bar; every number is rendered once."""

    def __init__(self):
        self._cache: dict[str, np.ndarray] = {}
        self._font = None

    def __call__(self, reward: float) -> np.ndarray:
        text = f"{reward:04.0f}"
        if text not in self._cache:
            self._cache[text] = self._render(text)
        return self._cache[text]

    def _render(self, text: str) -> np.ndarray:
        import pygame

        if self._font is None:
            pygame.font.init()
            self._font = pygame.font.Font(pygame.font.get_default_font(), 42)
        surface = self._font.render(text, True, (255, 255, 255), (0, 0, 0))
        place = surface.get_rect()
        place.center = (60, SCREEN_HEIGHT - SCREEN_HEIGHT * 2.5 / 40.0)
        left = max(place.left, 0)
        grey = pygame.surfarray.array3d(surface)[left - place.left :, :, 0].T.astype(float)
        rows = _ROWS[:, place.top : place.bottom]
        columns = _COLUMNS[:, left : place.right]
        return np.clip(rows @ grey @ columns.T - 1.0, 0, 253).astype(np.uint8)
