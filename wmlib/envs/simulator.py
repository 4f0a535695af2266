"""Many cars in lockstep in one process: the environment behind every rollout."""

from __future__ import annotations

import numpy as np

from wmlib.envs.carracing import FastCarRacing


class Simulator:
    """``lanes`` independent CarRacing episodes that are stepped together.

    ``frames`` (lanes, 64, 64, 3) uint8 holds every lane's current picture and is updated in place. Rewards, tracks
    and terminations are exactly Gymnasium's.
    """

    def __init__(self, lanes: int, samples: int = 2, max_steps: int = 1000):
        self.lanes, self.samples, self.max_steps = lanes, samples, max_steps
        self.frames = np.zeros((lanes, 64, 64, 3), np.uint8)
        self.tiles_visited = np.zeros(lanes, np.int64)
        self.tiles_total = np.zeros(lanes, np.int64)
        self.lap_finished = np.zeros(lanes, bool)
        self.steps = np.zeros(lanes, np.int64)
        self._envs = [FastCarRacing(samples=samples) for _ in range(lanes)]
        for env, frame in zip(self._envs, self.frames):
            env.frame = frame

    def reset(self, lane: int, seed: int) -> None:
        """Start an episode on the track of ``env.reset(seed=seed)``; ``frames[lane]`` becomes its first observation."""
        env = self._envs[lane]
        env.reset(seed=int(seed))
        self.steps[lane] = 0
        self.tiles_visited[lane] = env.tile_visited_count
        self.tiles_total[lane] = len(env.track)
        self.lap_finished[lane] = False

    def step(self, actions: np.ndarray, active: np.ndarray | None = None):
        """Advance every active lane by one frame with ``actions`` (lanes, 3): steer, gas, brake.

        Returns rewards float64, terminated bool and truncated bool, each (lanes,); zero and False for lanes that are
        not active. A lane whose episode has ended must be reset before it is stepped again.
        """
        rewards = np.zeros(self.lanes)
        terminated = np.zeros(self.lanes, bool)
        truncated = np.zeros(self.lanes, bool)
        actions = np.asarray(actions)
        for lane in range(self.lanes) if active is None else np.flatnonzero(active):
            env = self._envs[lane]
            _, rewards[lane], terminated[lane], _, info = env.step(actions[lane])
            self.steps[lane] += 1
            truncated[lane] = self.steps[lane] >= self.max_steps
            self.tiles_visited[lane] = env.tile_visited_count
            self.lap_finished[lane] = info.get("lap_finished", False)
        return rewards, terminated, truncated

    def state(self, lane: int) -> dict:
        """What the pictures leave out, in metres, radians and seconds: hull, wheels and the track (N, 4)."""
        env = self._envs[lane]
        hull, wheels = env.car.hull, env.car.wheels
        return {
            "position": np.array(hull.position),
            "angle": hull.angle,
            "linear_velocity": np.array(hull.linearVelocity),
            "angular_velocity": hull.angularVelocity,
            "wheel_omegas": np.array([wheel.omega for wheel in wheels]),
            "joint_angle": wheels[0].joint.angle,
            "wheels_on_grass": np.array([not wheel.tiles for wheel in wheels]),
            "track": np.array(env.track),
        }
