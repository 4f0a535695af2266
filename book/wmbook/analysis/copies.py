"""Who can do as the teacher does? Several kinds of C learn the same lessons, and tell what the teacher does elsewhere.

The driver drives the tracks with noise, the teacher beside it says what it would do, and each kind of C learns from
some tracks by least squares, as in the stage that taught the driver. On the others it is asked how well it does as the
teacher does. Nothing is driven by these copies: it is the question before the drive, and it costs a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from wmbook.analysis.readout import NEAR, score
from wmlib.config import ControllerConfig, TeachingConfig
from wmlib.models.controller import squash
from wmlib.models.inference import MemoryStep
from wmlib.models.mixture import mixture, mixture_mean
from wmlib.models.weights import load_weights
from wmlib.rollout.lanes import Job, drive
from wmlib.rollout.lessons import Pupil
from wmlib.rollout.teacher import Teacher
from wmlib.rollout.worker import Worker
from wmlib.simulator.senses import BENDS
from wmlib.stages.agents import Agent

HELD_OUT = 4  # every fourth track is for the test
STEPS = 8  # how far M predicts, under the last action
TAUGHT = TeachingConfig(passes=60)
PEDALS = ("steering", "gas", "brake")
KINDS = {  # kind of C: the parts of a lesson it sees, and its hidden units
    "z and h": (("inputs",), 0),
    "z, h and the size of the bend": (("inputs", "bend"), 0),
    "z, h and what M predicts": (("inputs", "predicted"), 0),
    "z, h and their squares": (("inputs", "squares"), 0),
    "z and h, 10 hidden units": (("inputs",), 10),
    "z and h, 40 hidden units": (("inputs",), 40),
}


@dataclass
class Lesson:
    """What was said on one track, while the car was near the road.

    Attributes:
        inputs: (T, 288), what C saw.
        bend: (T, 3), sizes of three bends ahead in rad, from the simulator: an oracle.
        predicted: (T, 32), the z that M expects.
        wanted: (T, 3), the teacher's pre-activations.
    """

    inputs: np.ndarray
    bend: np.ndarray
    predicted: np.ndarray
    wanted: np.ndarray


class Telling(Teacher):
    """A teacher who also tells what it senses: ``felt`` (n, SENSES) of the lanes it was last asked about."""

    def senses(self, simulator, lanes: np.ndarray) -> np.ndarray:
        """As the teacher's own, kept."""
        self.felt = super().senses(simulator, lanes)
        return self.felt


class Notes:
    """Writes lessons down for a :class:`wmlib.rollout.lessons.Pupil`, one lane for each track."""

    def __init__(self, lanes: int, driver, teacher: Telling, memory: dict[str, np.ndarray]):
        self.driver, self.teacher, self.memory, self.remember = driver, teacher, memory, MemoryStep(memory)
        self.steps, self.rows = np.zeros(lanes, int), [[] for _ in range(lanes)]

    def note(self, lanes: np.ndarray, inputs: np.ndarray, wanted: np.ndarray) -> None:
        """What these lanes (n,) see, (n, inputs), and what the teacher wants there, (n, 3)."""
        predicted, felt = self._predicted(lanes, inputs), self.teacher.felt
        bends, near = felt[:, BENDS : BENDS + 3], np.abs(felt[:, 0]) * 10 < NEAR
        for row, lane in enumerate(lanes):
            if self.steps[lane] % TAUGHT.every == 0 and near[row]:
                self.rows[lane].append((inputs[row], bends[row], predicted[row], wanted[row]))
            self.steps[lane] += 1

    def _predicted(self, lanes: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The mean of M's mixture for z some steps from now, if the last action is kept and every z is expected."""
        latent = self.driver.z.shape[1]
        z, h = inputs[:, :latent], inputs[:, latent:]
        c, actions = self.driver.c[lanes], self.driver.actions[lanes]
        for _ in range(STEPS):
            h, c = self.remember(z, actions, h, c)
            z = mixture_mean(*mixture(self.memory, h, latent)[:2])
        return z.astype(np.float32)

    def lessons(self) -> list[Lesson]:
        """One for each track."""
        return [Lesson(*(np.array(column, np.float32) for column in zip(*rows, strict=True))) for rows in self.rows]


def listen(agent: Agent, seeds: list[int]) -> list[Lesson]:
    """Let a taught agent drive tracks with noise, its teacher beside it; a lesson from each."""
    teacher = Telling(agent.teacher)
    worker = Worker(replace(agent.worker_spec(len(seeds)), noise=TAUGHT.noise))
    notes = Notes(len(seeds), worker.driver, teacher, load_weights(agent.path("memory")))
    pupil = Pupil(worker.driver, teacher, worker.simulator, notes)
    jobs = iter([Job(index, 0, seed) for index, seed in enumerate(seeds)])
    list(drive(worker.simulator, pupil, lambda: next(jobs, None), agent.parameters[None], TAUGHT.patience))
    return notes.lessons()


def copy(
    lessons: list[Lesson], parts: tuple[str, ...], hidden_units: int, taught: TeachingConfig = TAUGHT
) -> tuple[list[np.ndarray], int]:
    """What one kind of C does on each held-out track, pre-activations (T, 3), and its number of parameters."""
    from wmlib.models.imitation import build_student, learn

    known = [lesson for index, lesson in enumerate(lessons) if index % HELD_OUT]
    seen = [np.concatenate([lesson.inputs for lesson in known])]
    centre, spread = seen[0].mean(0), seen[0].std(0) + 1e-2

    def view(lesson: Lesson) -> np.ndarray:
        squares = np.square((lesson.inputs - centre) / spread)
        return np.concatenate([squares if part == "squares" else getattr(lesson, part) for part in parts], axis=1)

    x, wanted = np.concatenate([view(lesson) for lesson in known]), np.concatenate([each.wanted for each in known])
    student = build_student(ControllerConfig(hidden_units=hidden_units), x.mean(0), x.std(0) + 1e-2)
    learn(student, x, wanted, taught.passes, taught.batch_size, (taught.rate, taught.last_rate), seed=0)
    return [student.predict_on_batch(view(lesson)) for lesson in lessons[::HELD_OUT]], student.count_params()


def explained(lessons: list[Lesson], acted: list[np.ndarray]) -> dict:
    """R² of each of the teacher's actions as a copy takes them on the held-out tracks, see :func:`score`."""
    told = [(squash(each.wanted), squash(did)) for each, did in zip(lessons[::HELD_OUT], acted, strict=True)]
    return {
        pedal: score([wanted[:, k] for wanted, _ in told], [did[:, k] for _, did in told])
        for k, pedal in enumerate(PEDALS)
    }


def copies(agent: Agent, seeds: list[int]) -> dict:
    """Kind of C to its number of parameters and how well it does as the teacher does."""
    lessons, found = listen(agent, seeds), {}
    for kind, (parts, hidden_units) in KINDS.items():
        acted, parameters = copy(lessons, parts, hidden_units)
        found[kind] = {"parameters": parameters, **explained(lessons, acted)}
    return {"tracks": len(lessons), "held_out": len(lessons[::HELD_OUT]), "kinds": found}
