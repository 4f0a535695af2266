"""The short form of ``make chaos``: stages, killed at their renames and at a moment, end where they would have."""

import itertools
import os
import time

import pytest
from chaos import Disturbed, different, results

from wmlib.config.presets import PRESETS
from wmlib.stages.adopt import adopt
from wmlib.stages.agents import shipped_agent
from wmlib.stages.chain import Chain, run_stage

COLLECT = ("collect", "--scale", "smoke", "--set", "rollout.executor=serial")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    run = Disturbed(tmp_path_factory.mktemp("chaos") / "run", COLLECT)
    assert run.ended(run.start())
    return results(run.folder)


def test_killed_at_renames_it_ends_in_the_same_place(expected, tmp_path):
    run = Disturbed(tmp_path / "run", COLLECT)
    for number, when in ((1, "before"), (1, "after"), (3, "before"), (2, "after")):
        assert not run.ended(run.start(number, when))
    assert run.ended(run.start())
    assert run.kills == 4 and not run.faults
    assert different(expected, results(run.folder)) == []


def test_killed_with_workers_it_leaves_no_orphans(tmp_path):
    run = Disturbed(tmp_path / "run", (*COLLECT[:-1], "rollout.workers=2", "--set", "collect.episodes=60"))
    process = run.start()
    while not (workers := run.workers(process.pid)):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    assert not run.ended(process) and not run.faults and len(workers) >= 1


def test_the_comparison_sees_what_differs(expected, tmp_path):
    assert different(expected, {**expected, "config.json": "other", "more": 1}) == ["config.json", "more"]


class Cut(BaseException):
    """The end of a process at a rename."""


def cut(number: int, when: str):
    """``os.replace`` that ends the process, as it were, before or after its ``number``-th rename."""
    real, count = os.replace, itertools.count(1)

    def replace(source, target):
        here = next(count) == number
        if here and when == "before":
            raise Cut
        real(source, target)
        if here:
            raise Cut

    return replace


@pytest.mark.slow
def test_imitation_cut_at_its_renames_ends_in_the_same_place(tmp_path, monkeypatch):
    agent = shipped_agent("vae-zh")
    settings = [text for text in PRESETS["smoke"] if text.startswith(("teaching.", "controller.", "rollout."))]
    config = agent.config.override(
        [*settings, "controller.search=imitation", "controller.validate_every=2", "rollout.executor=serial"]
    )
    stages = [Chain(config, tmp_path / name) for name in ("in peace", "cut")]
    for chain in stages:
        adopt(agent, chain.folder)
    run_stage(stages[0], "controller")
    for number, when in ((3, "before"), (8, "after"), (6, "before")):
        with monkeypatch.context() as patch, pytest.raises(Cut):
            patch.setattr(os, "replace", cut(number, when))
            run_stage(stages[1], "controller")
    run_stage(stages[1], "controller")
    assert different(*(results(chain.controller.path) for chain in stages)) == []
