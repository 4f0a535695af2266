"""The report's tables have what the records have, and nothing where there are none."""

import csv
import json

import pytest

from wmbook.records.records import Records
from wmbook.show.report_tables import TABLES, record_table
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


def over(values) -> dict:
    return {"runs": 1, "mean": describe(values)["mean"], "ci95": describe(values)["ci95"]}


def write(folder, **returns) -> Records:
    """Records of arms (``vae_zh=[...]``), each with a search that validates at 100, then at its mean return."""
    names = {arm.replace("_", "-"): values for arm, values in returns.items()}
    arms = {
        arm: describe(values) | {"headline_seed": 0, "over_seeds": over(values), "scale": "quick"}
        for arm, values in names.items()
    }
    (folder / "summary.json").write_text(json.dumps({"arms": arms}))
    (folder / "runs.json").write_text(json.dumps({f"{arm}/seed0": RUN for arm in names}))
    with (folder / "evaluations.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["task", "arm", "train_seed", "renderer", "track_seed", "return", "steps", "lap_finished"])
        for arm, values in names.items():
            rows = enumerate(values)
            table.writerows(["CarRacing-v3", arm, 0, "gymnasium", track, value, 1000, 0] for track, value in rows)
    with (folder / "learning_curves.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["arm", "train_seed", "generation", "wall_seconds", "cores", "validation_mean"])
        for arm in names:
            table.writerows([[arm, 0, 1, 60, 2, ""], [arm, 0, 5, 360, 2, 100], [arm, 0, 9, 720, 2, arms[arm]["mean"]]])
    return Records(folder)


def test_without_records_nothing_is_shown(tmp_path):
    assert {record_table(name, Records(tmp_path)) for name in TABLES} == {""}


def test_the_table_of_scores_has_the_recorded_arms_and_no_other(tmp_path):
    text = record_table("scores", write(tmp_path, vae_zh=[700, 800, 900], vae_z=[100, 200, 300]))
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert [row.split("|")[1].strip() for row in rows] == ["VAE, z and h", "VAE, z only"]
    assert "906 ± 21" in rows[0] and "632 ± 251" in rows[1] and "33 %" in rows[0]
    assert "on 3 test tracks" in text
    records = write(tmp_path, vae_zh=[700, 800, 900], vae_z_quick=[100, 200, 300])
    assert "| VAE, z only, quick scale | 1 | 200 ± 100 |" in record_table("scores", records)


def test_costs_add_up_the_iterations(tmp_path):
    table = record_table("budget", write(tmp_path, vae_zh=[700, 800, 900]))
    assert "| 10,000,000 | 1,500 |" in table and "2.0 epochs" in table and "64 × 4 to 8 |" in table
    assert "| 1,750 | 5.0 |" in table and "| 71,590 | 2 |" in table


def test_an_unknown_table_is_an_error():
    with pytest.raises(UserError, match="no table 'nothing'"):
        record_table("nothing")
