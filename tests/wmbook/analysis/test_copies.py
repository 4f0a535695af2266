"""Who can copy a teacher: a gas that follows the size of what z tells needs squares, hidden units or the oracle."""

import numpy as np
import pytest

from wmbook.analysis.copies import KINDS, PEDALS, Lesson, copies, copy, explained
from wmlib.config import TeachingConfig
from wmlib.rollout.teacher import beginner
from wmlib.runs import write_arrays
from wmlib.stages.agents import Agent, shipped_agent


def lesson(seed: int) -> Lesson:
    """Steering follows a turn, which is one of the inputs; the gas follows its size, the brake what M predicts."""
    random = np.random.default_rng(seed)
    inputs, predicted = random.normal(size=(300, 6)), random.normal(size=(300, 4))
    turn = inputs[:, 0]
    wanted = np.column_stack([turn, 1 - 2 * np.abs(turn), predicted[:, 0]])
    arrays = inputs, np.abs(inputs[:, :3]), predicted, wanted
    return Lesson(*(array.astype(np.float32) for array in arrays))


@pytest.fixture(scope="module")
def found() -> dict:
    lessons = [lesson(seed) for seed in range(8)]
    taught = TeachingConfig(passes=12, batch_size=64, rate=2e-2, last_rate=1e-3)
    told = {kind: copy(lessons, *how, taught) for kind, how in KINDS.items()}
    return {kind: {"parameters": count, **explained(lessons, acted)} for kind, (acted, count) in told.items()}


def test_a_linear_copy_steers_and_cannot_ask_for_a_size(found):
    linear = found["z and h"]
    assert linear["steering"]["r2"] > 0.98 and linear["gas"]["r2"] < 0.2 and linear["parameters"] == 7 * 3


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.endswith(("bend", "squares", "40 hidden units"))])
def test_whoever_knows_the_size_gives_the_right_gas(found, kind):
    assert found[kind]["gas"]["r2"] > 0.75 and found[kind]["brake"]["r2"] < 0.2


def test_what_m_predicts_is_an_input_of_its_own(found):
    assert found["z, h and what M predicts"]["brake"]["r2"] > 0.9


def test_lessons_come_from_a_drive(tmp_path, monkeypatch):
    kind = "z, h and the size of the bend"
    monkeypatch.setattr("wmbook.analysis.copies.KINDS", {kind: KINDS[kind]})
    agent = shipped_agent("vae-zh")
    write_arrays(tmp_path / "teacher.npz", {"weights": beginner()})
    files = {**agent.files, "teacher": tmp_path / "teacher.npz"}
    agent = Agent(agent.arm, agent.train_seed, agent.config, files, agent.stages, agent.source)
    told = copies(agent, list(range(1_000_095_000, 1_000_095_004)))
    assert told["tracks"] == 4 and told["held_out"] == 1 and list(told["kinds"]) == [kind]
    copied = told["kinds"][kind]
    assert copied["parameters"] == 867 + 9 and set(PEDALS) < set(copied)
    assert copied["steering"]["r2"] > 0.2
