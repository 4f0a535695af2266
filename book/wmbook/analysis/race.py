"""``wmbook race``: two drivers on one track, side by side, with speed, gas and brake of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wmbook.analysis.films import CRF, EVERY
from wmlib.rollout.lanes import Job, drive
from wmlib.rollout.worker import Worker
from wmlib.stages.agents import Agent, shipped_agent
from wmlib.watch.film import CAPTION, GAP, SIZE, compose
from wmlib.watch.video import FRAMES_PER_SECOND, check_film, video

SHOWN = (50, 750)  # frames: from when the camera has come down; 14 s
POSTER = 240  # frame of the poster
BARS = 36  # pixels under the views: gas above, brake below
GREY, BLACK, WHITE = 150, 20, 255


class Moment(NamedTuple):
    """What a driver saw and did at one frame."""

    frame: np.ndarray  # (64, 64, 3)
    speed: float  # m/s
    gas: float
    brake: float


class Notes:
    """A recorder (see :func:`wmlib.rollout.lanes.drive`) of every moment of one lane."""

    def __init__(self, simulator):
        self.simulator, self.moments = simulator, []

    def begin(self, lane: int, job, frame: np.ndarray) -> None:
        """Nothing has happened yet."""

    def step(self, lane: int, action: np.ndarray, reward: float, frame: np.ndarray) -> None:
        """One step has been made."""
        speed = float(np.hypot(*self.simulator.state(lane)["linear_velocity"]))
        self.moments.append(Moment(frame.copy(), speed, float(action[1]), float(action[2])))

    def end(self, lane: int, terminated: bool) -> None:
        """Nothing is left to do."""


def driven(agent: Agent, track_seed: int) -> tuple[list[Moment], float]:
    """A drive of one track, and its return."""
    worker, jobs = Worker(agent.worker_spec(1)), iter([Job(0, 0, track_seed)])
    notes = Notes(worker.simulator)
    drivers = worker.simulator, worker.driver, lambda: next(jobs, None), agent.parameters[None]
    (episode,) = drive(*drivers, recorder=notes)
    return notes.moments, episode.total


def picture(moments: list[Moment]) -> np.ndarray:
    """Both views with their speeds above and a bar for each pedal below."""
    import cv2

    views = compose([moment.frame for moment in moments], tuple(f"{moment.speed:.0f} m/s" for moment in moments))
    bars = np.full((BARS, views.shape[1], 3), WHITE, np.uint8)
    for index, moment in enumerate(moments):
        left = index * (SIZE + GAP)
        for row, (name, value, shade) in enumerate((("gas", moment.gas, GREY), ("brake", moment.brake, BLACK))):
            top, start = 3 + row * BARS // 2, left + 46
            bars[top : top + 12, start : start + round(value * (SIZE - 50))] = shade
            cv2.putText(bars, name, (left + 2, top + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (BLACK,) * 3, 1, cv2.LINE_AA)
    return np.concatenate([views, bars])


def race(arguments) -> None:
    """Drive, film, and say what each returned."""
    import cv2

    check_film(arguments.out, "--out")
    agents = [shipped_agent(arm).playing("carracing", "ARM") for arm in arguments.arms]
    drives = [driven(agent, arguments.track) for agent in agents]
    first, last = SHOWN
    with video(arguments.out, FRAMES_PER_SECOND / EVERY, CRF) as write:
        for step in range(first, min(last, *(len(moments) for moments, _ in drives)), EVERY):
            view = picture([moments[step] for moments, _ in drives])
            write(view)
            if step == POSTER:
                cv2.imwrite(str(arguments.out.with_suffix(".png")), view[..., ::-1])
    for agent, (moments, total) in zip(agents, drives, strict=True):
        print(f"{agent.arm}: {total:.0f} in {len(moments)} frames on track {arguments.track}")
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB, {CAPTION + SIZE + BARS} pixels high")
