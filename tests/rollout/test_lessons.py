"""Lessons: what is written is what C saw and what the teacher wanted; the teacher never changes C's drive."""

from dataclasses import replace

import numpy as np
import pytest

from wmlib.models.controller import parameter_count
from wmlib.rollout.lanes import Job
from wmlib.rollout.teacher import beginner
from wmlib.rollout.worker import Worker
from wmlib.runs import read_arrays, write_arrays
from wmlib.stages.agents import shipped_agent

SEED, STEPS = 1_000_000_200, 120


@pytest.fixture(scope="module")
def agent():
    return shipped_agent("vae-zh")


def drive(agent, row, folder=None, every=1, lanes=2):
    """Two short episodes."""
    spec = agent.worker_spec(lanes)
    settings = {"max_steps": STEPS}
    if folder is not None:
        write_arrays(folder / "teacher.npz", {"weights": beginner()})
        settings |= {"teacher": folder / "teacher.npz", "record": folder / "lessons", "every": every}
    worker, jobs = Worker(replace(spec, **settings)), iter([Job(7, 0, SEED), Job(8, 0, SEED + 1)])
    return worker.run(lambda: next(jobs, None), row[None], 0)


def test_a_teacher_beside_c_changes_nothing(agent, tmp_path):
    alone, beside = drive(agent, agent.parameters), drive(agent, agent.parameters, tmp_path)
    assert [episode.total for episode in alone] == [episode.total for episode in beside]
    lesson = read_arrays(tmp_path / "lessons" / "000007.npz", ("inputs", "wanted"))
    assert lesson["inputs"].shape == (STEPS, 288) and lesson["wanted"].shape == (STEPS, 3)
    assert not lesson["inputs"][0, 32:].any() and lesson["inputs"][1, 32:].any(), "M's memory begins empty"


def test_the_teacher_drives_for_a_c_that_has_learnt_nothing(agent, tmp_path):
    nothing = np.zeros(parameter_count(agent.config.controller))
    taught, idle = drive(agent, nothing, tmp_path, every=4), drive(agent, nothing)
    assert taught[0].total > idle[0].total, "zeros alone roll straight on at half gas"
    lesson = read_arrays(tmp_path / "lessons" / "000008.npz", ("inputs", "wanted"))
    assert len(lesson["inputs"]) == -(-STEPS // 4)
