"""CarRacing-v3 with Gymnasium's own physics and a picture that is sampled instead of drawn."""

from __future__ import annotations

import math

import numpy as np
from gymnasium import spaces
from gymnasium.envs.box2d.car_racing import CarRacing
from gymnasium.utils import EzPickle

from wmlib.envs import picture
from wmlib.envs.indicators import Digits, draw_bar
from wmlib.envs.lens import CROP, HEIGHT, OBSERVATION
from wmlib.envs.playfield import GRASS, MAX_TILES, MEADOW, RED, TILE, WHITE
from wmlib.errors import UserError

OBSERVATIONS = ("64x64", "96x96")


class FastCarRacing(CarRacing):
    """Gymnasium's CarRacing, of which only the observation is drawn differently.

    ``observation="64x64"`` is what V sees: Gymnasium's picture without the status bar, area-averaged to 64 x 64;
    ``"96x96"`` is Gymnasium's observation with its status bar. ``samples`` x ``samples`` points are taken per pixel
    in which colours meet. Rewards, terminations, tracks and bodies are computed by Gymnasium's and Box2D's own code.
    """

    def __init__(
        self,
        render_mode: str | None = None,
        verbose: bool = False,
        lap_complete_percent: float = 0.95,
        domain_randomize: bool = False,
        continuous: bool = True,
        observation: str = "64x64",
        samples: int = 2,
    ):
        if observation not in OBSERVATIONS:
            raise UserError(f"observation={observation!r}: choose one of {', '.join(OBSERVATIONS)}")
        if samples < 1:
            raise UserError(f"samples={samples!r}: must be at least 1")
        super().__init__(render_mode, verbose, lap_complete_percent, domain_randomize, continuous)
        EzPickle.__init__(
            self, render_mode, verbose, lap_complete_percent, domain_randomize, continuous, observation, samples
        )
        self.samples = samples
        self.size = int(observation[:2])
        self.observation_space = spaces.Box(0, 255, (self.size, self.size, 3), np.uint8)
        self.pictures = picture.allocate(1)
        self.frame = np.zeros((self.size, self.size, 3), np.uint8)
        self._rows = CROP if self.size == OBSERVATION else self.size
        self._optics = picture.optics(self.size)
        self._digits = Digits()
        self._transforms = np.zeros((5, 4))
        self._phases = np.zeros(4)

    def _create_track(self) -> bool:
        if not super()._create_track():
            return False
        # One array holds every tile's colour, so that a frame can see all changes at once.
        self._colours = np.array([tile.color for tile in self.road], float)
        names, tile = [], -1
        for i, (polygon, colour) in enumerate(self.road_poly):
            if isinstance(colour, tuple):  # a kerb
                names.append(WHITE if colour[1] else RED)
                continue
            tile += 1
            names.append(TILE + tile)
            self.road[tile].color = self._colours[tile]
            self.road_poly[i] = (polygon, self._colours[tile])
        quads = np.array([polygon for polygon, _ in self.road_poly])
        if len(self.road) > MAX_TILES or not picture.lay(self.pictures, 0, quads, np.array(names)):
            raise RuntimeError("the track is too long for the picture's buffers")
        ground = np.array([self.bg_color, self.grass_color])
        self.pictures.palette[0, [MEADOW, GRASS]] = picture.packed(ground)
        return True

    def _render(self, mode: str):
        if mode != "state_pixels":
            return super()._render(mode)
        for body, transform in zip(self.car.drawlist, self._transforms):
            angle = body.angle
            transform[:2] = body.position
            transform[2] = math.cos(angle)
            transform[3] = math.sin(angle)
        for i, wheel in enumerate(self.car.wheels):
            self._phases[i] = wheel.phase
        self.pictures.palette[0, TILE : TILE + len(self._colours)] = picture.packed(self._colours)
        picture.draw_frame(
            self.frame[: self._rows], HEIGHT, self.pictures, 0, self._transforms, self.car.hull.angle, self._phases,
            self.t, self.samples, self._optics,
        )  # fmt: skip
        if self.size == OBSERVATION:
            hull, wheels = self.car.hull, self.car.wheels
            speed = math.hypot(*hull.linearVelocity)
            omegas = [wheel.omega for wheel in wheels]
            gauges = np.array([speed, *omegas, wheels[0].joint.angle, hull.angularVelocity])
            draw_bar(self.frame, gauges, self._digits(self.reward))
        return self.frame.copy()
