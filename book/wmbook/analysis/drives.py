"""Drives in our simulator with everything noted that a question about the driver may need.

Our simulator's bodies are bit for bit Gymnasium's, so speed, turning rate and place on the road are the car's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from wmlib.rollout.lanes import Episode, Job, drive
from wmlib.rollout.lessons import Pupil
from wmlib.rollout.teacher import Teacher
from wmlib.rollout.worker import Worker, WorkerSpec

LANES = 32
WINDOW = 30  # nodes of the track looked at around the last place: neighbouring bends of the road are further away
STATE = ("speed", "yaw_rate", "steering_angle", "lateral_offset")  # m/s, rad/s, rad, m to the right of the middle


@dataclass(frozen=True)
class Drive:
    """One episode. Row ``t`` of every array is what was true when action ``t`` was chosen.

    Attributes:
        z: (T, 32); h: (T, hidden), M's state before z was fed; actions: (T, 3).
        states: (T, 4), see ``STATE``.
        place: (T,) int, tiles driven along the road since the start, forwards minus backwards.
        track: (N, 4), see :func:`wmlib.simulator.track.generate`; visited: (N,) bool.
    """

    episode: Episode
    z: np.ndarray
    h: np.ndarray
    actions: np.ndarray
    states: np.ndarray
    place: np.ndarray
    track: np.ndarray
    visited: np.ndarray


class Probe:
    """Looks over the driver's shoulder; has the interface of :class:`wmlib.rollout.recorder.Recorder`."""

    def __init__(self, simulator, driver):
        self.simulator, self.driver = simulator, driver
        self.rows: list[list[tuple]] = [[] for _ in simulator.frames]
        self.ahead: list[tuple] = [()] * len(simulator.frames)  # h and car state for the next row
        self.finished: dict[int, tuple] = {}  # track seed -> what a Drive needs besides its episode

    def begin(self, lane: int, job, frame: np.ndarray) -> None:
        """An episode starts with an empty memory at the start of the track."""
        self.rows[lane] = []
        self.job = {**getattr(self, "job", {}), lane: job}
        self.ahead[lane] = (np.zeros_like(self.driver.h[lane]), *self._car(lane, 0))

    def step(self, lane: int, action: np.ndarray, reward: float, frame: np.ndarray) -> None:
        """Note the row whose action was just taken; look where the car is now."""
        h, state, place = self.ahead[lane]
        self.rows[lane].append((self.driver.z[lane].copy(), h, action.copy(), state, place))
        self.ahead[lane] = (self.driver.h[lane].copy(), *self._car(lane, place))

    def end(self, lane: int, terminated: bool) -> None:
        """Keep the episode and which tiles its wheels have touched."""
        columns = [np.array(column) for column in zip(*self.rows[lane], strict=True)]
        track = self.simulator.state(lane)["track"]
        touched = self.simulator._cars.touched[lane, : len(track)]  # 2: by a wheel, which is what pays
        self.finished[self.job[lane].track_seed] = (*columns, track.copy(), touched == 2)

    def _car(self, lane: int, place: int) -> tuple[tuple, int]:
        """State of the car, and its place in tiles from the start, followed from its last ``place``."""
        state = self.simulator.state(lane)
        track = state["track"]
        near = np.arange(place - WINDOW, place + WINDOW + 1)
        nodes = track[near % len(track)]
        away = state["position"] - nodes[:, 2:]
        best = int(np.argmin(np.square(away).sum(1)))
        beta = nodes[best, 1]
        offset = away[best] @ (np.cos(beta), np.sin(beta))  # to the right of the middle of the road
        speed = float(np.hypot(*state["linear_velocity"]))
        return (speed, state["angular_velocity"], state["joint_angle"], float(offset)), int(near[best])


def drive_tracks(
    spec: WorkerSpec,
    parameters: np.ndarray,
    seeds: list[int],
    see: Callable[[np.ndarray], np.ndarray] | None = None,
    teacher: Teacher | None = None,
) -> list[Drive]:
    """Drive one controller to the end of every track, in the order of ``seeds``.

    Args:
        see: changes h (lanes, hidden) on its way to C, and only there: M goes on as before.
        teacher: drives in C's place; V and M look on.
    """
    worker = Worker(replace(spec, lanes=min(LANES, len(seeds))))
    simulator, driver = worker.simulator, worker.driver
    if teacher is not None:
        parameters = np.zeros_like(parameters)
        driver = Pupil(driver, teacher, simulator)
    if see is not None:
        act = worker.driver.controller
        worker.driver.controller = lambda weights, z, h, c: act(weights, z, see(h), c)
    probe = Probe(simulator, worker.driver)
    jobs = iter([Job(index, 0, seed) for index, seed in enumerate(seeds)])
    rides = drive(simulator, driver, lambda: next(jobs, None), parameters[None], recorder=probe)
    episodes = {ride.track_seed: ride for ride in rides}
    return [Drive(episodes[seed], *probe.finished[seed]) for seed in seeds]
