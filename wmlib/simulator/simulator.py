"""Many cars in lockstep in one process: the environment behind every rollout."""

from __future__ import annotations

import numpy as np
from gymnasium.utils.seeding import np_random

from wmlib.compiled import compiled
from wmlib.errors import UserError
from wmlib.simulator import STEP_COST
from wmlib.simulator import cars as fields
from wmlib.simulator.cars import HULL, OMEGA, PAID, PHASE, REWARD, TIME
from wmlib.simulator.contacts import collide
from wmlib.simulator.lens import CROP, HEIGHT, OBSERVATION
from wmlib.simulator.physics import TABLE, WIDTH, load, store, sweep
from wmlib.simulator.picture import allocate, draw_frame, lay, optics, packed
from wmlib.simulator.playfield import FIELD, GRASS, MEADOW, TILE
from wmlib.simulator.senses import sense
from wmlib.simulator.track import WALK, build, generate
from wmlib.simulator.wheels import STEP, control, roll

NO_EPISODE = np.int64(-1)  # steps of a lane that was never reset
LAP = 0.95  # gymnasium's lap_complete_percent
ROAD, PLAIN, PATCH = (102, 102, 102), (102, 204, 102), (102, 230, 102)  # gymnasium's default colours


@compiled
def settle_accounts(cars, lane):
    """Reward and termination of a step that has just been made, in gymnasium's order. Returns (reward, end, lap)."""
    episode, hull = cars.episode[lane], cars.body[lane, HULL]
    episode[REWARD] -= STEP_COST
    reward = episode[REWARD] - episode[PAID]
    episode[PAID] = episode[REWARD]
    ended = lap = cars.tiles[lane, 1] == cars.tiles[lane, 0] or cars.tiles[lane, 2] == 1
    diverged = False
    for body in range(cars.body.shape[1]):
        for value in cars.body[lane, body]:
            diverged |= value - value != 0  # not finite: a failed episode, whatever it touched
    if abs(np.float64(hull[fields.PX])) > FIELD or abs(np.float64(hull[fields.PY])) > FIELD or diverged:
        ended, lap, reward = True, False, -100.0
    return reward, ended, lap


@compiled
def advance(cars, lanes, actions, acting, lap, rewards, ended, lap_finished):
    """Act, move and pay for every lane in ``lanes`` (n,), ``WIDTH`` of them at a time.

    ``acting`` is False for the step without action that gymnasium's reset ends with; ``lap`` is the share of the tiles
    that makes a lap.
    """
    work = np.zeros(TABLE, np.float32)
    for start in range(0, len(lanes), WIDTH):
        limited = 0
        group = lanes[start : start + WIDTH]
        for slot in range(len(group)):
            lane = group[slot]
            if acting:
                control(cars, lane, actions[lane, 0], actions[lane, 1], actions[lane, 2])
            roll(cars, lane)
            for _ in range(collide(cars, lane, lap)):
                cars.episode[lane, REWARD] += 1000.0 / cars.tiles[lane, 0]
            limited |= load(work, slot, cars.body[lane], cars.joint[lane])
        sweep(work, limited)
        for slot in range(len(group)):
            lane = group[slot]
            store(work, slot, cars.body[lane], cars.joint[lane])
            cars.episode[lane, TIME] += STEP
            if acting:
                rewards[lane], ended[lane], lap_finished[lane] = settle_accounts(cars, lane)


@compiled
def view(cars, lane, transforms):
    """Fill ``transforms`` (5, 4) with the bodies' x, y, cosine and sine; returns the camera's angle and the time."""
    for i in range(5):
        body = cars.body[lane, i]
        transforms[i, 0], transforms[i, 1] = body[fields.PX], body[fields.PY]
        transforms[i, 2], transforms[i, 3] = body[fields.COS], body[fields.SIN]
    return np.float64(cars.body[lane, HULL, fields.ANGLE]), cars.episode[lane, TIME]


@compiled
def draw(cars, pictures, shades, lanes, frames, samples, tables):
    """Draw the frame of every lane in ``lanes`` (n,).

    Tiles alternate between the lane's three ``shades`` (lanes, 3), packed; touched ones have the first.
    """
    transforms = np.empty((5, 4))
    rows = CROP if frames.shape[1] == OBSERVATION else frames.shape[1]
    for lane in lanes:
        palette = pictures.palette[lane]
        for tile in range(cars.tiles[lane, 0]):
            palette[TILE + tile] = shades[lane, 0 if cars.touched[lane, tile] else tile % 3]
        angle, time = view(cars, lane, transforms)
        phases = cars.wheel[lane, :, PHASE]
        draw_frame(frames[lane][:rows], HEIGHT, pictures, lane, transforms, angle, phases, time, samples, tables)


class Simulator:
    """``lanes`` independent CarRacing episodes that are stepped together.

    ``frames`` (lanes, size, size, 3) uint8 holds every lane's current picture and is updated in place;
    ``tiles_visited``, ``tiles_total`` (lanes,) int and ``lap_finished`` (lanes,) bool follow it. Tracks, rewards,
    terminations and bodies are bit for bit those of Gymnasium's CarRacing-v3; ``samples`` x ``samples`` points are
    drawn per pixel in which colours meet.

    Args:
        lanes: number of cars.
        samples: points per pixel edge.
        max_steps: frames per episode.
        size: 64, what V sees; or 96, Gymnasium's observation above the status bar, whose rows stay as they are.
        lap: share of the tiles that makes a lap.
        pictures: False draws nothing, for drivers who do not look.
    """

    def __init__(
        self,
        lanes: int,
        samples: int = 2,
        max_steps: int = 1000,
        size: int = 64,
        lap: float = LAP,
        pictures: bool = True,
    ):
        if lanes < 1 or samples < 1 or max_steps < 1:
            raise UserError(f"lanes={lanes}, samples={samples}, max_steps={max_steps}: all must be at least 1")
        self.lanes, self.samples, self.max_steps, self.lap = lanes, samples, max_steps, float(lap)
        self.pictures = pictures
        self.frames = np.zeros((lanes, size, size, 3), np.uint8)
        self.lap_finished = np.zeros(lanes, bool)
        self.steps = np.full(lanes, NO_EPISODE)
        self._cars = fields.allocate(lanes)
        self._pictures = allocate(lanes if pictures else 1)
        self._tables = optics(size)
        self._shades = np.zeros((lanes, 3), np.int64)
        self._tracks = [np.zeros((0, 4))] * lanes
        self._all = np.arange(lanes)
        self._places = np.zeros(lanes, np.int64)
        self._quads, self._names = np.empty((2 * WALK, 4, 2)), np.empty(2 * WALK, np.int64)
        for lane in range(lanes if pictures else 0):
            self.colour(lane, ROAD, PLAIN, PATCH)

    @property
    def tiles_total(self) -> np.ndarray:
        """Tiles of each lane's track: (lanes,) int64."""
        return self._cars.tiles[:, 0]

    @property
    def tiles_visited(self) -> np.ndarray:
        """Tiles each lane's wheels have touched: (lanes,) int64."""
        return self._cars.tiles[:, 1]

    def reset(self, lane: int, seed: int) -> None:
        """Start an episode on the track of ``env.reset(seed=seed)``; ``frames[lane]`` becomes its first observation."""
        self.start(lane, generate(np_random(int(seed))[0]))

    def colour(self, lane: int, road, plain, patch) -> None:
        """Give a lane other colours, each (3,), from its next frame on: road, field and the field's squares."""
        self._shades[lane] = packed(np.array([np.asarray(road) + 0.01 * k * 255 for k in range(3)]))
        self._pictures.palette[lane, [MEADOW, GRASS]] = packed(np.array([plain, patch]))

    def start(self, lane: int, track: np.ndarray) -> None:
        """Start an episode on a track (N, 4) of :func:`wmlib.simulator.track.generate`."""
        count = build(self._cars, lane, track, self._quads, self._names)
        if self.pictures and not lay(self._pictures, lane, self._quads[:count], self._names[:count]):
            raise RuntimeError("the road does not fit into the picture's blocks")
        self._step(self._all[lane : lane + 1], np.zeros((0, 3)), False, np.zeros(0), np.zeros(0, bool))
        self._tracks[lane] = track
        self._places[lane] = 0
        self.steps[lane] = 0
        self.lap_finished[lane] = False

    def step(self, actions: np.ndarray, active: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Advance every active lane by one frame with ``actions`` (lanes, 3): steer, gas, brake.

        Returns rewards float64, terminated bool and truncated bool, each (lanes,); zero and False for lanes that are
        not active, which stay as they are. A lane whose episode has ended must be reset before it is stepped again.

        Raises:
            UserError: an action is misshapen or not finite, or a lane was never reset.
        """
        rewards, ended = np.zeros(self.lanes), np.zeros(self.lanes, bool)
        lanes = self._all if active is None else np.flatnonzero(active)
        actions = np.ascontiguousarray(actions, np.float64)
        if actions.shape != (self.lanes, 3):
            raise UserError(f"actions have shape {actions.shape}, not ({self.lanes}, 3)")
        if not np.isfinite(actions[lanes]).all():
            lane = int(lanes[np.argmin(np.isfinite(actions[lanes]).all(1))])
            raise UserError(f"lane {lane}: action {actions[lane].tolist()} is not finite")
        if (self.steps[lanes] < 0).any():
            raise UserError(f"lane {int(lanes[np.argmin(self.steps[lanes])])}: reset it before its first step")
        self._step(lanes, actions, True, rewards, ended)
        self.steps[lanes] += 1
        truncated = np.zeros(self.lanes, bool)
        truncated[lanes] = self.steps[lanes] >= self.max_steps
        return rewards, ended, truncated

    def _step(self, lanes, actions, acting, rewards, ended) -> None:
        advance(self._cars, lanes, actions, acting, self.lap, rewards, ended, self.lap_finished)
        if self.pictures:
            self.draw(lanes)

    def draw(self, lanes: np.ndarray | None = None) -> None:
        """Draw the frames of some ``lanes`` (n,), or of all, as the cars stand; a step has done it already."""
        everyone = self._all if lanes is None else lanes
        draw(self._cars, self._pictures, self._shades, everyone, self.frames, self.samples, self._tables)

    def sense(self, felt: np.ndarray, lanes: np.ndarray | None = None) -> None:
        """Fill ``felt`` (lanes, SENSES) for some ``lanes`` (n,), or for all: see :mod:`wmlib.simulator.senses`.

        The car's place on the road is followed from call to call, so it is called at every step or not at all.
        """
        sense(self._cars, self._all if lanes is None else lanes, self._places, felt)

    def total(self, lane: int) -> float:
        """Reward of a lane's episode so far, without the -100 of leaving the field."""
        return float(self._cars.episode[lane, REWARD])

    def state(self, lane: int) -> dict:
        """What the pictures leave out, in metres, radians and seconds: hull, wheels and the track (N, 4)."""
        hull, wheels = self._cars.body[lane, HULL].astype(float), self._cars.wheel[lane]
        return {
            "position": hull[[fields.PX, fields.PY]],
            "angle": hull[fields.ANGLE],
            "linear_velocity": hull[[fields.VX, fields.VY]],
            "angular_velocity": hull[fields.SPIN],
            "wheel_omegas": wheels[:, OMEGA].copy(),
            "joint_angle": float(self._cars.body[lane, 0, fields.ANGLE] - self._cars.body[lane, HULL, fields.ANGLE]),
            "wheels_on_grass": ~self._cars.on_road[lane],
            "track": self._tracks[lane],
        }
