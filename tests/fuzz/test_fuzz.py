"""The short form of ``make fuzz``: a few cases of each kind of file, against commands that answer at once."""

import numpy as np
import pytest
from damage import FOLDER, LOOP, damages
from folders import place
from fuzz import Fuzz, figures, inventory
from readers import Readers

from wmlib.runs import write_arrays, write_csv, write_json, write_text

QUICK = ("done", "encode", "evaluate")


def test_no_reader_takes_a_damaged_file_for_a_whole_one(tmp_path):
    counts, faults = Readers(tmp_path).run(each=8)
    assert not faults, faults
    assert len(counts) > 15 and all(found["refused"] >= 3 for found in counts.values())


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory):
    return Fuzz(tmp_path_factory.mktemp("fuzz"), QUICK, seed=7)


@pytest.mark.slow
def test_damaged_files_are_refused_by_name_or_harmless(fuzz):
    record = fuzz.run(fuzz.cases(each=1))
    assert record["cases"] > 20 and not fuzz.reports, fuzz.reports
    assert record["outcomes"]["refused"] > record["cases"] / 2


@pytest.mark.parametrize("name", ["a.npz", "a.csv", "a.json", "a.jsonl"])
def test_every_damage_changes_the_file(tmp_path, name):
    path = tmp_path / name
    if name == "a.npz":
        write_arrays(path, {"x": np.arange(6.0), "n": np.array(3)})
    elif name == "a.csv":
        write_csv(path, ("n", "arm"), [{"n": 1.5, "arm": "x"}, {"n": 2, "arm": "y"}])
    else:
        write_json(path, {"step": 1, "deep": {"name": "x"}})
    before, kinds = path.read_bytes(), list(damages(path, np.random.default_rng(0)))
    assert len({kind for kind, _ in kinds}) == len(kinds) > 20
    for kind, make in kinds:
        bad = make()
        assert bad in (FOLDER, LOOP) or bad != before, kind


def test_the_comparison_sees_what_changed(tmp_path):
    write_text(tmp_path / "DONE", '{"seconds": 1.5, "mean": 3}')
    before, said = inventory(tmp_path), figures(tmp_path / "DONE")
    place(tmp_path / "DONE", b'{"seconds": 2.5, "mean": 3}')
    assert inventory(tmp_path) != before and figures(tmp_path / "DONE") == said
    place(tmp_path / "DONE", b'{"seconds": 2.5, "mean": 4}')
    assert figures(tmp_path / "DONE") != said
