"""Many cars in lockstep in one process: the environment behind every rollout."""

from __future__ import annotations

import numpy as np

from wmlib.envs import cars as fields
from wmlib.envs.cars import HULL, OMEGA, PAID, PHASE, REWARD, TIME
from wmlib.envs.compiled import compiled
from wmlib.envs.contacts import collide
from wmlib.envs.driving import STEP, control, drive
from wmlib.envs.physics import TABLE, WIDTH, load, store, sweep
from wmlib.envs.picture import allocate, draw_frame, lay, optics, packed
from wmlib.envs.playfield import FIELD, TILE
from wmlib.envs.track import WALK, build, generate
from wmlib.errors import UserError

HEIGHT = 800 * 84 / 96  # pixels of gymnasium's drawing above the status bar
LAP = 0.95  # gymnasium's lap_complete_percent
SHADES = packed(np.array([[102.0 + 0.01 * k * 255] * 3 for k in range(3)]))  # tiles alternate; touched ones have the first


@compiled
def advance(cars, lanes, lap_complete_percent):
    """One physics step of every lane in ``lanes`` (n,), ``WIDTH`` of them at a time."""
    work = np.zeros(TABLE, np.float32)
    for start in range(0, len(lanes), WIDTH):
        limited = 0
        stop = min(start + WIDTH, len(lanes))
        for i in range(start, stop):
            lane = lanes[i]
            drive(cars, lane)
            new = collide(cars, lane, lap_complete_percent)
            for _ in range(new):
                cars.episode[lane, REWARD] += 1000.0 / cars.tiles[lane, 0]
            limited |= load(work, i - start, cars.body[lane], cars.joint[lane])
        sweep(work, limited)
        for i in range(start, stop):
            store(work, i - start, cars.body[lanes[i]], cars.joint[lanes[i]])
            cars.episode[lanes[i], TIME] += STEP


@compiled
def settle_accounts(cars, lane):
    """Reward and termination of a step that has just been made, in gymnasium's order. Returns (reward, end, lap)."""
    episode, hull = cars.episode[lane], cars.body[lane, HULL]
    episode[REWARD] -= 0.1
    reward = episode[REWARD] - episode[PAID]
    episode[PAID] = episode[REWARD]
    ended = lap = cars.tiles[lane, 1] == cars.tiles[lane, 0] or cars.tiles[lane, 2] == 1
    if abs(np.float64(hull[fields.PX])) > FIELD or abs(np.float64(hull[fields.PY])) > FIELD:
        ended, lap, reward = True, False, -100.0
    return reward, ended, lap


@compiled
def draw(cars, pictures, lane, frame, samples, tables):
    """Draw one lane's frame; touched tiles have lost their own shade."""
    palette, total = pictures.palette[lane], cars.tiles[lane, 0]
    for tile in range(total):
        palette[TILE + tile] = SHADES[0 if cars.touched[lane, tile] else tile % 3]
    transforms = np.empty((5, 4))
    for i in range(5):
        body = cars.body[lane, i]
        transforms[i, 0], transforms[i, 1] = body[fields.PX], body[fields.PY]
        transforms[i, 2], transforms[i, 3] = body[fields.COS], body[fields.SIN]
    angle = np.float64(cars.body[lane, HULL, fields.ANGLE])
    time = cars.episode[lane, TIME]
    draw_frame(frame, HEIGHT, pictures, lane, transforms, angle, cars.wheel[lane, :, PHASE], time, samples, tables)


@compiled
def step_lanes(cars, pictures, lanes, actions, frames, samples, tables, rewards, ended, lap_finished):
    """Act, move, pay and draw for every lane in ``lanes`` (n,)."""
    for lane in lanes:
        control(cars, lane, actions[lane, 0], actions[lane, 1], actions[lane, 2])
    advance(cars, lanes, LAP)
    for lane in lanes:
        rewards[lane], ended[lane], lap_finished[lane] = settle_accounts(cars, lane)
        draw(cars, pictures, lane, frames[lane], samples, tables)


@compiled
def start_lane(cars, pictures, lane, track, quads, names, frame, samples, tables):
    """Lay a track, park the car on it, and make the step without action that gymnasium's reset ends with."""
    count = build(cars, lane, track, quads, names)
    fits = lay(pictures, lane, quads[:count], names[:count])
    advance(cars, np.full(1, lane), LAP)
    draw(cars, pictures, lane, frame, samples, tables)
    return fits


class Simulator:
    """``lanes`` independent CarRacing episodes that are stepped together.

    ``frames`` (lanes, 64, 64, 3) uint8 holds every lane's current picture and is updated in place; ``tiles_visited``,
    ``tiles_total`` (lanes,) int and ``lap_finished`` (lanes,) bool follow it. Tracks, rewards, terminations and bodies
    are bit for bit those of Gymnasium's CarRacing-v3; ``samples`` x ``samples`` points are drawn per pixel.
    """

    def __init__(self, lanes: int, samples: int = 2, max_steps: int = 1000):
        if lanes < 1 or samples < 1 or max_steps < 1:
            raise UserError(f"lanes={lanes}, samples={samples}, max_steps={max_steps}: all must be at least 1")
        self.lanes, self.samples, self.max_steps = lanes, samples, max_steps
        self.frames = np.zeros((lanes, 64, 64, 3), np.uint8)
        self.lap_finished = np.zeros(lanes, bool)
        self.steps = np.zeros(lanes, np.int64)
        self._cars = fields.allocate(lanes)
        self._pictures = allocate(lanes)
        self._tables = optics(64)
        self._tracks = [np.zeros((0, 4))] * lanes
        self._all = np.arange(lanes)
        self._quads, self._names = np.empty((2 * WALK, 4, 2)), np.empty(2 * WALK, np.int64)

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
        track = generate(int(seed))
        fits = start_lane(
            self._cars, self._pictures, lane, track, self._quads, self._names, self.frames[lane], self.samples,
            self._tables,
        )  # fmt: skip
        if not fits:
            raise RuntimeError(f"the road of seed {seed} does not fit into the picture's blocks")
        self._tracks[lane] = track
        self.steps[lane] = 0
        self.lap_finished[lane] = False

    def step(self, actions: np.ndarray, active: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Advance every active lane by one frame with ``actions`` (lanes, 3): steer, gas, brake.

        Returns rewards float64, terminated bool and truncated bool, each (lanes,); zero and False for lanes that are
        not active, which stay as they are. A lane whose episode has ended must be reset before it is stepped again.
        """
        rewards, ended = np.zeros(self.lanes), np.zeros(self.lanes, bool)
        lanes = self._all if active is None else np.flatnonzero(active)
        step_lanes(
            self._cars, self._pictures, lanes, np.asarray(actions, np.float64), self.frames, self.samples,
            self._tables, rewards, ended, self.lap_finished,
        )  # fmt: skip
        self.steps[lanes] += 1
        truncated = np.zeros(self.lanes, bool)
        truncated[lanes] = self.steps[lanes] >= self.max_steps
        return rewards, ended, truncated

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
