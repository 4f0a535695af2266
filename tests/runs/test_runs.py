"""Run folders: atomic files, the stage contract, refusals."""

import pytest

from wmlib.errors import UserError
from wmlib.runs import Stage, Stopwatch, atomic_path, read_json, write_json


def test_atomic_path_leaves_nothing_after_a_failure(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_unwritable_place_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="cannot write") as error,
        atomic_path(tmp_path / "file" / "x.json") as temporary,
    ):
        temporary.write_text("x")
    assert str(tmp_path / "file" / "x.json") in str(error.value)


def test_damaged_json_names_the_file(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(UserError, match="x.json: damaged"):
        read_json(tmp_path / "x.json")
    with pytest.raises(UserError, match="not found"):
        read_json(tmp_path / "y.json")


def test_stage_life(tmp_path):
    first = Stage(tmp_path / "first", {"n": 1})
    second = Stage(tmp_path / "second", {"n": 1}, [first])
    with pytest.raises(UserError, match="has not finished"):
        second.open()
    assert first.open() and first.open(), "not done: there is work, again and again"
    first.finish(1.5, score=3)
    assert not first.open() and first.summary()["score"] == 3
    assert second.open()
    second.finish(0.1)
    assert not Stage(tmp_path / "second", {"n": 1}, [first]).open()


def test_another_configuration_is_refused_and_force_redoes(tmp_path):
    Stage(tmp_path / "s", {"memory": {"updates": 5}}).open()
    other = Stage(tmp_path / "s", {"memory": {"updates": 6}})
    (tmp_path / "s" / "payload").write_text("x")
    with pytest.raises(UserError, match="memory.updates: 5 there, 6 now"):
        other.open()
    assert (tmp_path / "s" / "payload").exists(), "a refusal loses nothing"
    assert other.open(force=True) and not (tmp_path / "s" / "payload").exists()


def test_identity_follows_inputs(tmp_path):
    def pair(value):
        return Stage(tmp_path / "b", {}, [Stage(tmp_path / "a", {"value": value})]).identity

    assert pair(1) == pair(1) != pair(2)


def test_stopwatch_adds_up(tmp_path):
    stage = Stage(tmp_path / "s", {})
    write_json(stage / "elapsed.json", {"seconds": 100.0})
    watch = Stopwatch(stage)
    watch.save()
    assert Stopwatch(stage).before >= 100.0
