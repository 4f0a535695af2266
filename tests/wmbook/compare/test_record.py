"""The record: merging, refusing, pairing, text."""

import json

import numpy as np
import pytest

from wmbook.compare.record import curve, measurement, merge, to_text
from wmlib.errors import UserError

SETTINGS = {"scale": "smoke", "windows": 2}


def entry(values, episodes=(5, 6, 7)) -> dict:
    return {
        "about": {"scale": "smoke"},
        "episodes": list(episodes),
        "measurements": {"pixels/mse": measurement(values, np.ones(len(values)))},
        "curves": {},
    }


def test_measurement_is_a_ratio_with_its_sums():
    found = measurement([1.0, 2.0, 0.0], [1.0, 3.0, 0.0])
    assert found["value"] == 0.75 and found["n"] == 2 and found["sums"] == [1, 2, 0]
    assert found["ci95"][0] <= 0.75 <= found["ci95"][1]
    nothing = measurement([0.0], [0.0])
    assert nothing["value"] is None and nothing["ci95"] == [None, None]


def test_curve_is_a_ratio_at_each_horizon():
    found = curve([1, 5], np.array([[1.0, 4.0], [3.0, 0.0]]), np.array([[1.0, 2.0], [1.0, 0.0]]))
    assert found["horizon"] == [1, 5] and found["value"] == [2, 2] and found["low"] == [1, 2]


def test_seeds_and_arms_are_merged_and_replaced(tmp_path):
    path = tmp_path / "comparison.json"
    merge(path, SETTINGS, {("vae", 0): entry([1, 2, 3])})
    merge(path, SETTINGS, {("vae", 1): entry([3, 4, 5]), ("vaegan", 0): entry([9, 9, 9])})
    record = merge(path, SETTINGS, {("vaegan", 0): entry([2, 3, 4])})
    assert json.loads(path.read_text()) == record
    assert (
        record["over_seeds"]["vae"]["pixels/mse"]["value"] == 3
        and record["over_seeds"]["vae"]["pixels/mse"]["runs"] == 2
    )
    assert record["differences"] == {"vaegan": {"pixels/mse": {"value": 1.0, "ci95": [1.0, 1.0], "runs": 1}}}
    before = path.read_bytes()
    merge(path, SETTINGS, {("vae", 0): entry([1, 2, 3])})
    assert path.read_bytes() == before


def test_arms_measured_on_other_episodes_are_not_paired(tmp_path):
    entries = {("vae", 0): entry([1, 2, 3]), ("vaegan", 0): entry([2, 3, 4], episodes=(5, 6, 8))}
    assert merge(tmp_path / "c.json", SETTINGS, entries)["differences"] == {}


def test_other_settings_are_refused(tmp_path):
    merge(tmp_path / "c.json", SETTINGS, {})
    with pytest.raises(UserError, match="at another scale or with other settings"):
        merge(tmp_path / "c.json", SETTINGS | {"scale": "quick"}, {})


def test_text_is_json_with_a_line_per_measurement():
    value = {"a": {"b": {"value": 1.5, "ci95": [1, 2]}, "empty": {}}, "c": [1, 2]}
    text = to_text(value)
    assert json.loads(text) == value
    assert '  "b": {"value": 1.5, "ci95": [1, 2]},' in text.splitlines()
