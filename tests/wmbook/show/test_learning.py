"""Learning curves: when a level was reached, what it cost, and how that compares with the original's log."""

import json

import numpy as np
import pytest

from wmbook.records.published import LEARNING_CURVE, OTHERS, SEARCH_LOG
from wmbook.records.records import Records
from wmbook.show import learning
from wmbook.show.tables import arms_table, others_table

HEADER = (
    "arm,train_seed,iteration,generation,env_steps,wall_seconds,cores,population_mean,population_min,population_max,"
    "sigma,validation_mean,validation_std,validation_n"
)


@pytest.fixture
def records(tmp_path):
    validated = {1: "", 2: 810, 3: 790, 4: "", 5: 860}
    rows = ["vae-zh,0,1,1,5,60,2,1,1,1,0.1,899,1,32"]  # an earlier iteration, not to be mixed in
    for generation, mean in validated.items():
        tail = f"{mean},40,16" if mean else ",,"
        rows.append(f"vae-zh,0,2,{generation},{100000 * generation},{600 * generation},2,0,-90,500,0.1,{tail}")
    (tmp_path / "learning_curves.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    stages = {"collect": {"seconds": 60}, "controller-vae-zh": {"seconds": 60}, "vision-vae-2": {"seconds": 240},
              "controller-vae-zh-2": {"seconds": 3000}, "evaluate-vae-zh-2": {"seconds": 100}}  # fmt: skip
    (tmp_path / "runs.json").write_text(json.dumps({"vae-zh/seed0": {"stages": stages}}))
    return Records(tmp_path)


def test_costs_count_everything_before_the_last_search(records):
    assert records.searches == [("vae-zh", 0)]
    assert list(records.curve("vae-zh", 0, iteration=1)["validation_mean"]) == [899]
    curve = learning.curve(records, "vae-zh", 0)
    assert list(curve["minutes"]) == [10, 20, 30, 40, 50]
    assert list(curve["minutes_from_nothing"]) == [16, 26, 36, 46, 56]
    assert curve["core_hours"][2] == pytest.approx(1.0)
    assert curve["half_interval"][1] == pytest.approx(1.96 * 10)


def test_first_and_for_good_differ_when_a_level_is_lost_again(records):
    curve = learning.curve(records, "vae-zh", 0)
    assert (learning.first(curve, 800), learning.for_good(curve, 800)) == (1, 4)
    assert learning.for_good(curve, 700) == 1
    assert learning.first(curve, 900) is None and learning.for_good(curve, 900) is None
    reached = learning.milestones(curve)
    assert reached[0]["first"]["generation"] == 2 and reached[0]["for_good"]["generation"] == 5
    assert reached[2] == {"level": 900, "first": None, "for_good": None}
    table = learning.milestone_table({"ours": curve})
    assert "not reached (best 860.0)" in table and "last validation only" in table and "26 min" in table


def test_factor_is_the_product_of_its_reasons(records):
    found = learning.against_original(records, "vae-zh", 0, 800)
    assert found["search"] == pytest.approx(15.1 * 64 / (20 / 60 * 2))
    assert found["search"] == pytest.approx(found["fewer_steps"] * found["faster_steps"])
    assert found["nothing"] == pytest.approx(15.1 * 64 / (26 / 60 * 2))
    assert found["nothing"] < found["passes"] <= found["search"]
    assert learning.against_original(records, "vae-zh", 0, 900) is None


def test_originals_curve_adds_up():
    theirs = learning.original()
    assert theirs["core_hours"][-1] == pytest.approx(64 * 1118.6)
    assert 1.6e9 < theirs["env_steps"][-1] < 1800 * 1024 * 1000
    assert theirs["env_steps"][0] == 1024 * 999
    assert np.all(np.diff(theirs["minutes"]) > 0)
    assert (learning.first(theirs, 800), learning.first(theirs, 900)) == (5, len(SEARCH_LOG) - 1)
    assert LEARNING_CURVE[5] == (25, 668.3, 822.9, 15.1)


def test_episode_lengths(records):
    curve = learning.curve(records, "vae-zh", 0)
    assert list(learning.episode_lengths(curve, {"population": 50, "tracks": 4})) == [500] * 5
    doubled = learning.episode_lengths(curve, {"population": 50, "tracks": 4, "double_tracks_every": 2})
    assert list(doubled) == [500, 500, 250, 250, 125]


def test_soonest_looks_at_every_iteration(records):
    first = learning.soonest(records, "vae-zh", 850)
    assert first[0] == pytest.approx(2)  # in the first, a minute after a minute
    assert set(learning.soonest(records, "vae-zh", 900).values()) == {None}


@pytest.mark.parametrize(("minutes", "text"), [(42, "42 min"), (186, "3.1 h"), (6912, "4.8 days")])
def test_duration(minutes, text):
    assert learning.duration(minutes) == text


def test_tables_say_what_was_chosen_on_what_and_name_their_sources():
    run = {"mean": 880.0, "std": 30.0, "n": 100, "ci95": [874.0, 886.0], "share_solved": 0.4}
    score = run | {"headline_seed": 1, "train_seeds": {"0": run | {"mean": 870.0}, "1": run}}
    table = arms_table({"vae-zh": score}, {"vae-zh/seed1": {"chosen": {"validation_mean": 885.4, "validation_n": 32}}})
    assert (
        "| VAE, z and h | 880 ± 30 | 874 to 886 | 100 | 40 % | 870, 880 | 32 validation tracks: 885 | 906 ± 21 |"
        in table
    )
    assert "| nothing |" in arms_table({"random": score}, {})
    lines = others_table({"ours": score}).splitlines()
    assert all("{cite:t}" in line or "this book" in line for line in lines[2:])
    means = [float(line.split("|")[-2].split("±")[0]) for line in lines[2:]]
    assert means == sorted(means, reverse=True) and len(means) == len(OTHERS) + 7 + 1
