"""The short form of ``make chaos``: one stage, killed at its renames and at a moment, ends where it would have."""

import time

import pytest
from chaos import Disturbed, different, results

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
