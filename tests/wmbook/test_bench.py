"""The benchmark's arithmetic and order on made-up contenders; no speed is asserted."""

import argparse
import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

from wmbook.bench import assemble, bench, run
from wmbook.bench.groups import GROUPS, Group
from wmbook.bench.lockstep import PARTS
from wmbook.bench.measure import MISSING, Comparison, Contender, compare, interleave, spread, table, text
from wmbook.bench.projection import Parts, project
from wmlib.errors import UserError
from wmlib.runs import available_cores, write_json

HERE = Path(__file__)


@pytest.fixture
def importable(monkeypatch):
    """Lets the contenders' processes import this file."""
    monkeypatch.syspath_prepend(HERE.parent)


class Constant:
    """A contender that always measures the same and tells in which process it lives."""

    def __init__(self, rate: float, file: str = ""):
        self.rate, self.file = rate, file

    def measure(self) -> dict[str, float]:
        if self.file:
            with open(self.file, "a", encoding="utf-8") as file:
                file.write(f"{self.rate} ")
        return {"rate": self.rate, "process": float(os.getpid() % 1000)}


class Broken:
    def __init__(self):
        raise ValueError("cannot be built")


COMPARISON = Comparison("made_up", "Made up", "rate", "steps/s", "slow", ("slow", "fast", "absent"))
LABELS = {"slow": "slow one", "fast": "fast one", "absent": "not installed"}


def test_contenders_take_turns():
    order = []
    measures = {key: (lambda key=key: order.append(key) or {"rate": 1.0}) for key in "ABC"}
    rounds = interleave(measures, 2)
    assert "".join(order) == "ABCABC"
    assert [len(values) for values in rounds.values()] == [2, 2, 2]


def test_median_and_range():
    assert spread([3.0, 1.0, 200.0]) == {"median": 3.0, "low": 1.0, "high": 200.0}
    assert spread([1.0, 2.0])["median"] == 1.5


def test_ratios_are_of_the_same_round():
    rounds = {
        "slow": [{"rate": 1.0}, {"rate": 10.0}, {"rate": 100.0}],
        "fast": [{"rate": r} for r in (3.0, 20.0, 500.0)],
    }
    entries = compare(COMPARISON, LABELS, rounds)["contenders"]
    assert entries["fast"]["ratio"] == 3.0  # of 3, 2 and 5; the ratio of the medians would be 2
    assert (entries["fast"]["ratio_low"], entries["fast"]["ratio_high"]) == (2.0, 5.0)
    assert entries["slow"]["ratio"] == 1.0
    assert entries["absent"] == {"label": "not installed", "text": MISSING, "ratio_text": MISSING}


def test_less_is_better_for_times():
    comparison = Comparison("time", "Time", "ms", "ms", "slow", ("slow", "fast"), less_is_better=True)
    entries = compare(comparison, LABELS, {"slow": [{"ms": 30.0}], "fast": [{"ms": 3.0}]})["contenders"]
    assert entries["fast"]["ratio"] == 10.0


def test_numbers_as_the_book_prints_them():
    assert [text(v) for v in (12345.6, 188.4, 17.34, 4.567, 0.01234)] == ["12,300", "188", "17.3", "4.57", "0.0123"]


def test_table_names_every_contender():
    lines = table(compare(COMPARISON, LABELS, {"slow": [{"rate": 2.0}], "fast": [{"rate": 5.0}]})).splitlines()
    assert "fast one" in lines[2] and "2.5" in lines[2]
    assert "not measured" in lines[3]


def test_groups_are_consistent():
    keys = []
    for name, make in GROUPS.items():
        group = make()
        assert group.key == name
        known = {contender.key for contender in group.contenders}
        keys += known
        for comparison in group.comparisons:
            assert set(comparison.contenders) <= known
            assert comparison.baseline in known
    assert len(keys) == len(set(keys))


def test_run_measures_in_processes_and_gives_json(tmp_path, importable):
    factory, file = f"{HERE.stem}:Constant", str(tmp_path / "order")
    contenders = (
        Contender("slow", "slow one", factory, {"rate": 2.0, "file": file}),
        Contender("fast", "fast one", factory, {"rate": 4.0, "file": file}, host="both"),
        Contender("third", "third one", factory, {"rate": 6.0, "file": file}, host="both"),
        Contender("absent", "not installed", factory, {"rate": 1.0}, needs="no_such_module_at_all"),
    )
    comparison = Comparison("made_up", "Made up", "rate", "steps/s", "slow", tuple(c.key for c in contenders))
    processes = Comparison("process", "Process", "process", "", "slow", ("slow", "fast", "third"))
    record = run([Group("fake", contenders, (comparison, processes))], repetitions=2)
    assert (tmp_path / "order").read_text() == "2.0 4.0 6.0 2.0 4.0 6.0 "
    write_json(tmp_path / "bench.json", record)
    stored = json.loads((tmp_path / "bench.json").read_text())
    entries = stored["comparisons"]["made_up"]["contenders"]
    assert entries["fast"]["repetitions"] == [4.0, 4.0] and entries["fast"]["ratio_text"] == "2"
    assert entries["absent"]["text"] == MISSING
    assert {"processor", "cores", "repetitions", "versions", "seconds"} <= set(stored["about"])
    homes = [entry["median"] for entry in stored["comparisons"]["process"]["contenders"].values()]
    assert homes[1] == homes[2] != homes[0]


def test_a_contender_that_fails_names_itself(importable):
    contender = Contender("broken", "broken one", f"{HERE.stem}:Broken")
    with pytest.raises(RuntimeError, match="(?s)broken.*cannot be built"):
        run([Group("fake", (contender,), ())], repetitions=1)


@pytest.mark.parametrize(("only", "repetitions", "message"), [("simulators", 1, "--only"), (None, 0, "--repetitions")])
def test_bad_options_are_one_line(only, repetitions, message):
    with pytest.raises(UserError, match=message):
        bench(argparse.Namespace(only=only, repetitions=repetitions, out=None))


def test_projection_on_parts_worked_out_by_hand():
    parts = Parts(search=1.0, dispatch=0.001, rest=0.5, reset=0.01, step={1: 0.001, 64: 0.0001}, efficiency=0.5)
    # 1,024 episodes on 16 cores: 64 lanes each, 64 (0.01 + 1000 x 0.0001) = 7.04 s alone, twice that together
    assert parts.generation_seconds(16) == pytest.approx(1.0 + 0.016 + 0.5 + 14.08)
    assert parts.generation_seconds(1) == pytest.approx(1.0 + 0.001 + 0.5 + 1024 * 0.11)
    assert parts.step_seconds(8) == pytest.approx((0.001 * 0.0001) ** 0.5)  # halfway between 1 and 64
    record = project(parts)
    assert record["cores"]["1"]["efficiency"] == 1.0
    speeds = [row["steps_per_second"] for row in record["cores"].values()]
    assert speeds == sorted(speeds)
    assert "not a measurement" in record["note"]


@pytest.fixture
def made_up_record():
    """A record of every group as a machine without EnvPool gives it."""
    groups = [make() for make in GROUPS.values()]
    metrics = ("steps", "rate", "reset", "memory", "generation", "dispatch", "search", *PARTS, "whole")
    keys = [c.key for group in groups for c in group.contenders if c.key != "envpool"]
    rounds = {key: [dict.fromkeys(metrics, 1.0 + number + index) for index in range(2)]
              for number, key in enumerate(keys)}  # fmt: skip
    about = {
        "repetitions": 2,
        "cores": available_cores(),
        "seconds": 1.5,
        "amx": "without AMX",
        "processor": {"model": "made up"},
    }
    return assemble(groups, rounds, about)


def test_every_number_of_the_page_is_in_the_record(made_up_record, tmp_path):
    root = HERE.parents[2]
    specification = importlib.util.spec_from_file_location("results_extension", root / "book" / "_ext" / "results.py")
    results = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(results)
    write_json(tmp_path / "bench.json", made_up_record)
    page = (root / "book" / "performance.md").read_text(encoding="utf-8")
    found = re.findall(r"{result}`(bench\.[^`]+)`", page)
    assert len(found) > 50
    for expression in found:
        assert results.lookup(expression.replace("\\|", "|"), tmp_path)


def test_figures_draw_any_record(made_up_record, tmp_path):
    from wmbook.bench.figures import FIGURES, write

    files = write(made_up_record, tmp_path)
    assert [file.stem for file in files] == list(FIGURES)
    assert all(b"</svg>" in file.read_bytes() for file in files)
