"""VAE, VAE/GAN and controls: tables follow made-up records, with one training run of an arm and with three."""

import csv
import json

import numpy as np
import pytest

from wmbook.compare.record import curve, measurement, merge
from wmbook.records.records import Records
from wmbook.show import comparison, controls, drivers
from wmbook.show.comparison import GROUPS, LABELS
from wmlib.config import Config
from wmlib.stats import describe

EPISODES, TRACKS = 12, 40
BASE = {"pixels/psnr": 25, "pixels/ssim": 0.8, "pixels/sharpness": 0.5, "latent/kl": 16.4, "memory/gain": 20.0}


def entry(random, better: dict[str, float]) -> dict:
    """An arm's measurements, everywhere the same but for what is added to some."""
    found = {}
    for name in (row[1] for group in GROUPS.values() for row in group):
        counts = np.full(EPISODES, 100.0)
        noise = 0.002 * random.standard_normal(EPISODES)
        found[name] = measurement(counts * (BASE.get(name, 0.3) + better.get(name, 0) + noise), counts)
    for kind in ("linear", "network"):
        for inputs in ("z", "zh"):
            for label in LABELS:
                found.setdefault(f"probe/{kind}/{inputs}/{label}", found[f"probe/linear/{inputs}/{label}"])
    about = {"scale": "full", "identities": {}}
    horizons, errors = [1, 2, 5, 10, 20, 50, 100], np.ones((EPISODES, 7)) * np.linspace(0.05, 0.9, 7)
    shift = 1 + better.get("memory/gain", 0) / 20
    curves = {
        f"openloop/{group}/{kind}": curve(horizons, errors * factor * shift, np.ones_like(errors))
        for group in ("road", "motion", "pixels")
        for kind, factor in (("expected", 1), ("sample", 1.4), ("persistence", 1.6), ("seen", 0.1))
    }
    return {"about": about, "episodes": list(range(EPISODES)), "measurements": found, "curves": curves}


def write(folder, runs: int = 1, better: dict[str, float] | None = None, points: float = 0.0, controls=()) -> Records:
    """Records of both arms: the VAE/GAN's measurements are moved by ``better``, its returns by ``points``.

    ``controls``: (V, how its measurements are moved, how its returns are) of further arms.
    """
    random, entries, summary, costs = np.random.default_rng(0), {}, {}, {}
    rows, curves = [], []
    difficulty = 30 * random.standard_normal(TRACKS)
    for vision, moved, shift in (("vae", {}, 0.0), ("vaegan", better or {}, points), *controls):
        arm, scores = f"{vision}-zh", {}
        for seed in range(runs):
            entries[vision, seed] = entry(random, moved)
            returns = 890 + shift + difficulty + 3 * random.standard_normal(TRACKS)
            scores[str(seed)] = describe(returns)
            rows += [["CarRacing-v3", arm, seed, "gymnasium", t, r, 800, 1] for t, r in enumerate(returns)]
            for generation, validated in ((1, ""), (10, 810), (20, 840 + shift), (30, 905 + shift)):
                steps = generation * 100_000 * (1 + seed)
                curves.append(
                    [arm, seed, 2, generation, steps, 60 * generation, 2, 700, 0, 900, 0.1, validated, 30, 64]
                )
            config = (
                Config.preset("full").override([f"seed={seed}", f"vision={vision}", "vaegan.updates=4000"]).to_dict()
            )
            costs[f"{arm}/seed{seed}"] = {
                "scale": "full",
                "config": config,
                "stages": {
                    "collect": {"seconds": 30, "frames": 1000},
                    f"vision-{vision}-2": {"seconds": 900, "updates": 4000},
                    f"controller-{arm}-2": {"seconds": 1800, "env_steps": 1},
                },
                "chosen": {"validation_mean": 905 + shift},
            }
        headline = {"headline_seed": 0, "train_seeds": scores, "scale": "full", "over_seeds": {"runs": runs}}
        summary[arm] = scores["0"] | headline
    for name in ("random-cnn", "supervised"):
        entries |= {(name, seed): entry(random, {}) | {"about": {}} for seed in range(runs)}
    floor = {comparison.FLOOR: measurement(np.full(EPISODES, 10.0), np.full(EPISODES, 100.0))}
    entries |= {("real-frames", s): entry(random, {}) | {"about": {}, "measurements": floor} for s in range(runs)}
    merge(folder / "comparison.json", {"scale": "full"}, entries)
    (folder / "summary.json").write_text(json.dumps({"arms": summary}))
    (folder / "runs.json").write_text(json.dumps(costs))
    for name, header, table in (
        ("evaluations", "task arm train_seed renderer track_seed return steps lap_finished", rows),
        (
            "learning_curves",
            "arm train_seed iteration generation env_steps wall_seconds cores population_mean population_min "
            "population_max sigma validation_mean validation_std validation_n",
            curves,
        ),
    ):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header.split(), *table])
    return Records(folder)


def line(table: str, text: str) -> list[str]:
    """Cells of a table's row that begins with a text."""
    found = next(row for row in table.splitlines() if row.startswith(f"| {text}"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_without_records_nothing_is_said(tmp_path):
    records = Records(tmp_path)
    assert drivers.improvement_table(records) == drivers.settings_table(records) == ""
    assert controls.controls_table(records) == ""
    assert drivers.outcomes(records) == []


def test_one_run_is_never_more_than_one_run(tmp_path):
    records = write(tmp_path, 1, {"pixels/sharpness": 0.2, "distribution/reconstruction/kid": -0.1}, points=0.0)
    table = drivers.improvement_table(records)
    assert line(table, "contrast kept")[-2:] == ["1 of 1", "better"]
    assert line(table, "squared error of a pixel")[-1] == "not told apart"
    assert line(table, "return on test tracks")[-1] == "not told apart"


@pytest.mark.parametrize("points, told", [(20.0, "better"), (-20.0, "worse")])
def test_three_runs_speak_about_the_arms(tmp_path, points, told):
    records = write(tmp_path, 3, {"pixels/sharpness": 0.2}, points=points)
    table = drivers.improvement_table(records)
    assert line(table, "return on test tracks")[-2:] == ["3 of 3", told]
    assert line(table, "validated return")[-1] == told, "an interval over runs"


def test_a_level_that_not_all_runs_reach_has_no_difference(tmp_path):
    records = write(tmp_path, 1, points=-20)
    reached = line(drivers.improvement_table(records), "million steps of search until validated at 900")
    assert reached[1:4] == ["3.0", "not by all", "–"]


def test_each_ingredient_is_given_what_it_changes(tmp_path):
    z, h = "probe/linear/z/offset", "probe/linear/zh/offset"
    whole = {z: 0.1, h: 0.2, "latent/kl": 2.0}
    further = (("vaematched", {"latent/kl": 2.0}, 0.0), ("vaedis", {z: 0.1, h: -0.1}, 30.0))
    records = write(tmp_path, 2, whole, points=20.0, controls=further)
    assert controls.seeds_of_all(records) == ["0", "1"]
    table = controls.controls_table(records)
    kl, offset = (line(table, text)[1:] for text in ("KL", "R² of offset from z"))
    assert [cell.split()[-1] for cell in kl] == ["higher", "higher", kl[2].split()[-1], "higher"]
    assert offset[0].startswith("**+0.1") and offset[2].endswith("better")
    assert kl[2].endswith("]") and offset[1].endswith("]"), "features cost no nats, the rate has no part in the offset"
    found = controls.changes(records)
    parts = [found[column] for column in found]
    for name in (z, h, controls.RETURN):
        assert parts[0][name]["value"] == pytest.approx(parts[2][name]["value"] + parts[3][name]["value"], abs=0.02)


def test_no_ingredient_without_a_control(tmp_path):
    records = write(tmp_path, 2)
    assert controls.controls_table(records) == ""
    one = write(tmp_path, 1, controls=(("vaematched", {}, 0.0),))
    header = comparison.comparison_table(one.comparison, ["vaegan", "vaematched"]).splitlines()[0]
    assert "| VAE, 2 runs | VAE/GAN, 2 runs |" in header and header.endswith("| VAE of the same rate, 1 run |")
    assert "| VAE | VAE/GAN |" in comparison.comparison_table(one.comparison).splitlines()[0]
    assert controls.controls_table(one).splitlines()[0].count("|") == 4


def test_kernel_distances_count_from_that_of_the_frames_themselves(tmp_path):
    record = write(tmp_path, 2).comparison
    name = "distribution/prior/kid"
    assert record["over_seeds"]["vae"][name]["value"] == pytest.approx(0.3, abs=0.01)
    assert comparison.summary(record, "vae", name)["value"] == pytest.approx(0.2, abs=0.01)
    assert comparison.summary(record, "real-frames", comparison.FLOOR)["ci95"] == [0, 0]
    assert comparison.summary(record, "random-cnn", "pixels/none") is None


def test_settings_say_what_is_the_same(tmp_path):
    records = write(tmp_path, 2)
    table = drivers.settings_table(records)
    assert line(table, "V's loss")[-1] == "differs"
    assert line(table, "M: units, updates")[-1] == "same" and line(table, "test tracks")[1:] == ["40", "40", "same"]
    assert line(table, "search: candidates")[-1] == "same"
