"""Sentences that depend on the records say what the records say, and nothing where there are none."""

import csv
import json

import pytest

from wmbook.records.records import Records
from wmbook.show.findings import FINDINGS, finding
from wmlib.errors import UserError
from wmlib.stats import describe

RUN = {
    "scale": "quick",
    "config": {
        "iterations": 2,
        "vae": {"batch_size": 100},
        "controller": {"population": 64, "tracks": 4, "double_tracks_every": 50},
    },
    "stages": {
        "collect": {"seconds": 60, "frames": 1000},
        "vision-vae": {"seconds": 600, "updates": 30},
        "encode-vae": {"seconds": 30},
        "memory-vae": {"seconds": 90, "updates": 700},
        "collect-2": {"seconds": 120, "frames": 500},
        "controller-vae-zh": {"seconds": 1800, "env_steps": 300_000},
        "controller-vae-zh-2": {"seconds": 7200, "env_steps": 9_000_000},
    },
    "chosen": {"wall_seconds": 1800, "cores": 2, "env_steps": 4_700_000, "generation": 60},
}


def write(folder, **returns) -> Records:
    """Records of arms (``vae_zh=[...]``), each with a search that validates at 100, then at its mean return."""
    names = {arm.replace("_", "-"): values for arm, values in returns.items()}
    arms = {
        arm: describe(values) | {"headline_seed": 0, "over_seeds": {"runs": 1}, "scale": "quick"}
        for arm, values in names.items()
    }
    (folder / "summary.json").write_text(json.dumps({"arms": arms}))
    (folder / "runs.json").write_text(json.dumps({f"{arm}/seed0": RUN for arm in names}))
    with (folder / "evaluations.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["arm", "train_seed", "renderer", "track_seed", "return", "steps", "lap_finished"])
        for arm, values in names.items():
            table.writerows([arm, 0, "gymnasium", track, value, 1000, 0] for track, value in enumerate(values))
    with (folder / "learning_curves.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["arm", "train_seed", "generation", "wall_seconds", "cores", "validation_mean"])
        for arm in names:
            table.writerows([[arm, 0, 1, 60, 2, ""], [arm, 0, 5, 360, 2, 100], [arm, 0, 9, 720, 2, arms[arm]["mean"]]])
    return Records(folder)


def test_without_records_nothing_is_claimed(tmp_path):
    texts = {name: finding(name, Records(tmp_path)) for name in FINDINGS}
    assert texts.pop("headline") == "no result yet"
    assert "No run with VAE/GAN is on record yet" in texts.pop("vaegan")
    assert "random driver" in texts.pop("data") and "random driver" in texts.pop("horizon")
    assert set(texts.values()) == {""}


def test_the_headline_is_the_main_arms_record(tmp_path):
    text = finding("headline", write(tmp_path, vae_zh=[700, 800, 900]))
    assert text.startswith("800 ± 100 on 3 unseen tracks") and text.endswith("after 2 core-hours of search")


def test_the_table_of_scores_has_the_recorded_arms_and_no_other(tmp_path):
    text = finding("scores", write(tmp_path, vae_zh=[700, 800, 900], vae_z=[100, 200, 300]))
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert [row.split("|")[1].strip() for row in rows] == ["VAE, z and h", "VAE, z only"]
    assert "906 ± 21" in rows[0] and "632 ± 251" in rows[1] and "33 %" in rows[0]
    assert "on 3 test tracks" in text
    records = write(tmp_path, vae_zh=[700, 800, 900], vae_z_quick=[100, 200, 300])
    assert "| VAE, z only, quick scale | 200 ± 100 |" in finding("scores", records)


@pytest.mark.parametrize(
    ("adversarial", "sentence"),
    [
        ([730, 829, 931], "scores 30 points more than with the VAE"),
        ([670, 771, 869], "scores 30 points fewer than with the VAE"),
        ([600, 800, 1003], "so it may be chance"),
    ],
)
def test_the_sentence_on_vaegan_is_chosen_by_the_record(tmp_path, adversarial, sentence):
    text = finding("vaegan", write(tmp_path, vae_zh=[700, 800, 900], vaegan_zh=adversarial))
    assert sentence in text
    level = 800 if "more" in text else 700
    assert f"first reaches {level} after 0.4 core-hours, that of the VAE after 0.4" in text


def test_runs_of_vaegan_are_told_one_by_one(tmp_path):
    records = write(tmp_path, vae_zh=[700, 800, 900], vaegan_zh=[600, 800, 1003])
    assert "Its runs" not in finding("vaegan", records)
    for arm, means in (("vae-zh", (803.4, 801)), ("vaegan-zh", (730, 901))):
        records.scores[arm]["train_seeds"] = {str(seed): {"mean": mean} for seed, mean in enumerate(means)}
    assert "Its runs score 901, 730, those with the VAE 803, 801." in finding("vaegan", records)


def test_arms_of_different_scales_are_not_compared(tmp_path):
    records = write(tmp_path, vae_zh=[700, 800, 900], vae_z=[100, 200, 300])
    assert "600 points more than with $z$ alone" in finding("memory", records)
    records.scores["vae-z"]["scale"] = "full"
    assert finding("memory", records) == ""


def test_the_search_is_timed_by_its_validations(tmp_path):
    rows = finding("speed", write(tmp_path, vae_zh=[800, 800, 800])).splitlines()
    ours = next(row for row in rows if row.startswith("| VAE"))
    authors = next(row for row in rows if row.startswith("| Ha"))
    assert [cell.strip() for cell in ours.split("|")[2:-1]] == ["0.4", "0.4", "0.4", "–", "–"]
    assert authors.split("|")[2].strip() == "≤ 966" and authors.split("|")[-2].strip() == "71,590"


def test_costs_add_up_the_iterations(tmp_path):
    records = write(tmp_path, vae_zh=[700, 800, 900])
    assert "frames took 3 minutes, V 10 minutes, M 2 minutes and the search 2.5 hours" in finding("cost", records)
    table = finding("budget", records)
    assert "| 10,000,000 | 1,500 |" in table and "2.0 epochs" in table and "64 × 4 to 8 |" in table
    assert "| 1,750 | 5.0 |" in table and "| 71,590 | 2 |" in table
    assert "noise" in finding("data", records) and "own drivers" in finding("horizon", records)


def test_quick_runs_speak_where_there_is_no_full_one(tmp_path):
    quick = {"vae_zh_quick": [700, 800, 900], "vae_z_quick": [100, 200, 300]}
    assert finding("headline", write(tmp_path, **quick)).startswith("800 ± 100")
    assert "600 points more than with $z$ alone" in finding("memory", write(tmp_path, **quick))
    assert finding("headline", write(tmp_path, **quick, vae_zh=[850, 850, 850])).startswith("850 ± 0")


def test_several_training_runs_are_named_with_their_own_interval(tmp_path):
    records = write(tmp_path, vae_zh=[700, 800, 900], vae_z=[100, 200, 300])
    assert finding("runs", records).startswith("Each score comes from one training run.")
    records.scores["vae-zh"]["over_seeds"] = {"mean": 812.0, "runs": 3, "ci95": [790.0, 830.0]}
    assert "are VAE, z and h: 812 over 3 runs (790 to 830)." in finding("runs", records)


def test_an_unknown_finding_is_an_error():
    with pytest.raises(UserError, match="no finding 'nothing'"):
        finding("nothing")
