"""Stage dream at smoke scale on the real environment: records, resumption, the choice of a round."""

import csv
import shutil

import numpy as np
import pytest

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.runs import read_json
from wmlib.stages.chain import Chain, run_all, run_stage
from wmlib.stages.dream import COLUMNS, choose, with_habits

SMOKE = Config.preset("smoke").override(["rollout.executor=serial"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    run_all(SMOKE, folder, last="memory")
    run_stage(Chain(SMOKE, folder), "dream")
    return folder


def test_every_round_has_its_record(finished):
    stage = Chain(SMOKE, finished).dream
    with (stage / "rounds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS and [row["round"] for row in rows] == ["0", "1"]
    steps = [int(row["env_steps"]) for row in rows]
    driven = [len(np.load(file)["actions"]) for file in sorted((stage / "episodes").glob("*.npz"))]
    random = read_json(Chain(SMOKE, finished).collect / "DONE")["env_steps"]
    assert steps == [random + sum(driven[:3]), random + sum(driven)]
    summary = stage.summary()
    assert summary["env_steps"] == steps[-1]
    with np.load(stage / "controller.npz") as kept, np.load(stage / f"rounds/{summary['chosen_round']:03d}.npz") as one:
        np.testing.assert_array_equal(kept["parameters"], one["parameters"])
        assert kept["parameters"].shape == (867,) and np.isfinite(kept["parameters"]).all()


def test_an_interrupted_run_ends_as_one_that_was_not(finished, tmp_path, monkeypatch):
    folder = tmp_path / "again"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("dream-*"))
    from wmlib.stages import dream

    def interrupted(*arguments, **options):
        if interrupted.calls == 2:  # in the second round, after M and C have changed
            raise KeyboardInterrupt
        interrupted.calls += 1
        return whole(*arguments, **options)

    whole, interrupted.calls = dream.drive, 0
    monkeypatch.setattr(dream, "drive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_stage(Chain(SMOKE, folder), "dream")
    monkeypatch.undo()
    assert not Chain(SMOKE, folder).dream.done
    run_stage(Chain(SMOKE, folder), "dream")
    for name in ("rounds/001.npz", "rounds/001-memory.npz", "controller.npz", "episodes/000005.npz"):
        with np.load(folder / "dream-vae" / name) as there, np.load(finished / "dream-vae" / name) as here:
            for array in here.files:
                np.testing.assert_array_equal(there[array], here[array], err_msg=f"{name}: {array}")


@pytest.mark.parametrize("setting", ["task=takecover", "controller.inputs=z", "controller.hidden_units=3"])
def test_what_the_stage_is_not_made_for_is_refused_and_writes_nothing(setting, tmp_path):
    with pytest.raises(UserError, match="stage dream: learns a linear C of z and h for CarRacing"):
        run_stage(Chain(SMOKE.override([setting]), tmp_path / "run"), "dream")
    assert not (tmp_path / "run").exists()


def test_a_round_is_chosen_by_its_neighbours_too():
    assert choose([0, 900, 0, 500, 530, 510, 400]) == 4
    assert choose([3.0]) == 0


def test_habits_differ_between_drivers_and_change_nothing_but_biases():
    c = np.arange(9.0)[None]
    drivers = with_habits(c, 4, 0.7, np.random.default_rng(0))
    np.testing.assert_array_equal(drivers[:, :6], np.repeat(c, 4, axis=0)[:, :6])
    assert len(np.unique(drivers[:, 7])) == 4
    assert np.abs(drivers[:, 6:] - c[:, 6:]).max() < 4
    np.testing.assert_array_equal(with_habits(c, 2, 0.0, np.random.default_rng(0)), np.repeat(c, 2, axis=0))


@pytest.mark.parametrize("setting", ["tau=0", "horizon=0", "gamma=1", "own_data=1.5", "rounds=0", "sigma=-1"])
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(UserError, match=f"dream.{setting.split('=')[0]}"):
        SMOKE.override([f"dream.{setting}"])
