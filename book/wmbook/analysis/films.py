"""Films of single drives for the book: what is there, what V keeps, what M dreams, with a poster beside each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.rollout.lanes import Job, drive
from wmlib.rollout.worker import Worker
from wmlib.watch.film import SideBySide
from wmlib.watch.video import FRAMES_PER_SECOND, video

EVERY = 2  # frames of the drive per frame of film: 25 a second are smooth enough, and half the bytes
CRF = 29
POSTER = 150  # frame of the poster: 3 s, the camera has come down


def film(agent, track_seed: int, path: Path) -> float:
    """Film a shipped agent on one track into ``path`` (.mp4), with a ``.png`` poster; returns the return it drove."""
    import cv2

    worker = Worker(agent.worker_spec(1))
    population = agent.parameters[None]
    with video(path, FRAMES_PER_SECOND / EVERY, CRF) as write:
        camera = Camera(SideBySide(agent), write, path.with_suffix(".png"), cv2.imwrite)
        jobs = iter([Job(0, 0, track_seed)])
        (episode,) = drive(worker.simulator, worker.driver, lambda: next(jobs, None), population, recorder=camera)
    return episode.total


class Camera:
    """Passes every second step to the film; has the interface of a recorder."""

    def __init__(self, views, write, poster: Path, save):
        self.views, self.write, self.poster, self.save = views, write, poster, save
        self.steps = 0

    def begin(self, lane: int, job, frame: np.ndarray) -> None:
        """Keep what is seen before the first action."""
        self.seen = frame.copy()

    def step(self, lane: int, action: np.ndarray, reward: float, frame: np.ndarray) -> None:
        """The action was chosen on the frame before."""
        picture = self.views(self.seen, action)
        if self.steps % EVERY == 0:
            self.write(picture)
        if self.steps == POSTER:
            self.save(str(self.poster), picture[..., ::-1])  # OpenCV writes blue first
        self.seen = frame.copy()
        self.steps += 1

    def end(self, lane: int, terminated: bool) -> None:
        """Nothing is left to do."""
