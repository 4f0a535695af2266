"""A driver who sees the simulator's state instead of its picture: aims at the road ahead and brakes for bends."""

from __future__ import annotations

import numpy as np


def follow(state: dict, fastest: float = 90.0) -> np.ndarray:
    """Action (3,) that follows the road from :meth:`wmlib.simulator.simulator.Simulator.state`; ``fastest`` in m/s.

    Steers towards a point a few tiles ahead, the farther the faster; chooses its speed by the bend beyond.
    """
    track, position = state["track"], state["position"]
    speed = float(np.hypot(*state["linear_velocity"]))
    nearest = int(np.argmin(np.hypot(track[:, 2] - position[0], track[:, 3] - position[1])))
    count = len(track)
    goal = track[(nearest + 2 + int(speed / 14)) % count, 2:]
    heading = np.arctan2(goal[1] - position[1], goal[0] - position[0]) - np.pi / 2
    error = (heading - state["angle"] + np.pi) % (2 * np.pi) - np.pi
    ahead = track[(nearest + 1 + np.arange(int(4 + speed / 5))) % count, 1]
    bend = np.abs((ahead - track[nearest, 1] + np.pi) % (2 * np.pi) - np.pi).max()
    wanted = fastest / (1.0 + 1.2 * bend + 2.0 * abs(error))
    return np.array([np.clip(-1.6 * error, -1, 1), 0.8 * (speed < wanted), 0.4 * (speed > wanted + 10)])
