"""VAE against VAE/GAN: tables and sentences follow made-up records, with one training run of an arm and with three."""

import csv
import json

import numpy as np
import pytest

from wmbook.compare.record import curve, measurement, merge
from wmbook.records.records import Records
from wmbook.show import comparison, conclusions, contest, ingredients, verdicts
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


SENTENCES = (
    "evidence",
    "differing",
    "pictures",
    "distribution",
    "knowledge",
    "prediction",
    "rate",
)
CONCLUDING = ("control", "lagging", "share_of_validation", "conclusion")


def test_without_records_nothing_is_said(tmp_path):
    records = Records(tmp_path)
    assert [getattr(verdicts, name)(records) for name in SENTENCES] == [""] * len(SENTENCES)
    assert [getattr(conclusions, name)(records) for name in CONCLUDING] == [""] * len(CONCLUDING)
    assert (
        contest.improvement_table(records) == contest.settings_table(records) == "" and contest.outcomes(records) == []
    )


def test_one_run_is_never_more_than_one_run(tmp_path):
    records = write(tmp_path, 1, {"pixels/sharpness": 0.2, "distribution/reconstruction/kid": -0.1}, points=0.0)
    table = contest.improvement_table(records)
    assert line(table, "contrast kept")[-2:] == ["1 of 1", "better"]
    assert line(table, "squared error of a pixel")[-1] == "not told apart"
    assert line(table, "return on test tracks")[-1] == "not told apart"
    assert (
        line(table, "validated return")[-3:] == ["one run", "1 of 1", "–"] or "+0" in line(table, "validated return")[3]
    )
    assert "With one run of an arm" in verdicts.evidence(records)
    text = conclusions.conclusion(records)
    assert "same driving" in text and "for more seeds to say" in text
    assert "is excluded" in conclusions.control(records)


@pytest.mark.parametrize("points, told, word", [(20.0, "better", "came together"), (-20.0, "worse", "worse driving")])
def test_three_runs_speak_about_the_arms(tmp_path, points, told, word):
    moved = {"pixels/sharpness": 0.2, "probe/linear/z/offset": 0.1, "probe/linear/z/speed": -0.1}
    records = write(tmp_path, 3, moved, points=points)
    table = contest.improvement_table(records)
    assert line(table, "return on test tracks")[-2:] == ["3 of 3", told]
    assert line(table, "validated return")[-1] == told, "an interval over runs"
    assert "draw runs first" in verdicts.evidence(records)
    assert word in conclusions.conclusion(records) and "more seeds" not in conclusions.conclusion(records)
    assert "offset (better); speed (worse); 6 of 8 not told apart" in verdicts.knowledge(records)
    share = conclusions.share_of_validation(records)
    assert f"{905 + points:.0f} of 905" in share and "met" in share


def test_runs_that_scatter_are_told_one_by_one(tmp_path):
    text = conclusions.run_by_run([900.0, 830.0, 901.0], [903.0, 900.0, 904.0])
    assert text.startswith("Run by run: 901.0, 900.0, 830.0 with the VAE/GAN, 904.0, 903.0, 900.0 with the VAE.")
    assert "The VAE/GAN's runs lie 71 points apart and the VAE's 4" in text
    assert "lie" not in conclusions.run_by_run([900.0, 910.0], [903.0, 907.0])
    assert "Run by run" in conclusions.control(write(tmp_path, 2))


def test_what_memory_makes_up_for_is_said(tmp_path):
    seen = {f"probe/linear/z/{label}": 0.1 for label in ("offset", "heading", "turn5")}
    both = {f"probe/linear/zh/{label}": 0.1 for label in ("offset", "heading", "turn5")}
    assert conclusions.REMEMBERED in conclusions.conclusion(write(tmp_path, 2, seen))
    assert conclusions.REMEMBERED not in conclusions.conclusion(write(tmp_path, 2, seen | both))


def test_a_run_that_lags_is_held_against_its_own_v_and_m(tmp_path):
    records = write(tmp_path, 3)
    assert conclusions.lagging(records) == "", "the runs lie close together"
    for seed, points in ((1, -80.0), (2, -5.0)):
        for row in records.evaluations:
            if (row["arm"], row["train_seed"]) == ("vaegan-zh", seed):
                row["return"] += points
    assert "no sign that V and M of that run are weaker" in conclusions.lagging(records)
    for entries in (records.comparison["arms"]["vaegan"]["1"]["measurements"],):
        for name in entries:
            entries[name]["value"] += 0.5 if "nll" in name or "openloop" in name else -0.5
    text = conclusions.lagging(records)
    assert "driver that returns 8" in text and "17 are the lowest of the arm's 3 runs; by chance 6 would" in text
    assert "weaker, which may be why" in text


def test_a_level_that_not_all_runs_reach_has_no_difference(tmp_path):
    records = write(tmp_path, 1, points=-20)
    reached = line(contest.improvement_table(records), "million steps of search until validated at 900")
    assert reached[1:4] == ["3.0", "not by all", "–"]


def test_each_ingredient_is_given_what_it_changes(tmp_path):
    z, h = "probe/linear/z/offset", "probe/linear/zh/offset"
    whole = {z: 0.1, h: 0.2, "latent/kl": 2.0}
    controls = (("vaematched", {"latent/kl": 2.0}, 0.0), ("vaedis", {z: 0.1, h: -0.1}, 30.0))
    records = write(tmp_path, 2, whole, points=20.0, controls=controls)
    assert ingredients.seeds_of_all(records) == ["0", "1"]
    table = ingredients.ingredients_table(records)
    kl, offset = (line(table, text)[1:] for text in ("KL", "R² of offset from z"))
    assert [cell.split()[-1] for cell in kl] == ["higher", "higher", kl[2].split()[-1], "higher"]
    assert offset[0].startswith("**+0.1") and offset[2].endswith("better")
    assert kl[2].endswith("]") and offset[1].endswith("]"), "features cost no nats, the rate has no part in the offset"
    found = ingredients.changes(records)
    parts = [found[column] for column in found]
    for name in (z, h, ingredients.RETURN):
        assert parts[0][name]["value"] == pytest.approx(parts[2][name]["value"] + parts[3][name]["value"], abs=0.02)
    text = ingredients.ingredients(records)
    assert "On the 2 training seeds" in text and "differ in 4 of the" in text
    assert (
        "Changing the features alone gives the same verdict in 2 of them ($z$ 1, driver 1), the opposite one in 1."
        in text
    )
    assert "Changing the rate alone gives the same verdict in 1 of them (rate 1)." in text
    means = {arm: sorted(records.returns_by_run(f"{arm}-zh").mean(1), reverse=True) for arm in ("vaematched", "vaedis")}
    for arm, label in (("vaematched", "VAE of the same rate"), ("vaedis", "features, no game")):
        assert f"{label} " + ", ".join(f"{mean:.1f}" for mean in means[arm]) + ";" in text, "both runs, the best first"


def test_no_ingredient_without_a_control(tmp_path):
    records = write(tmp_path, 2)
    assert ingredients.ingredients_table(records) == ingredients.ingredients(records) == ""
    one = write(tmp_path, 1, controls=(("vaematched", {}, 0.0),))
    header = comparison.comparison_table(one.comparison, ["vaegan", "vaematched"]).splitlines()[0]
    assert "| VAE, 2 runs | VAE/GAN, 2 runs |" in header and header.endswith("| VAE of the same rate, 1 run |")
    assert "| VAE | VAE/GAN |" in comparison.comparison_table(one.comparison).splitlines()[0]
    assert ingredients.ingredients_table(one).splitlines()[0].count("|") == 4
    assert "one training seed" in ingredients.ingredients(one) and "One seed describes" in ingredients.ingredients(one)


def test_kernel_distances_count_from_that_of_the_frames_themselves(tmp_path):
    record = write(tmp_path, 2).comparison
    name = "distribution/prior/kid"
    assert record["over_seeds"]["vae"][name]["value"] == pytest.approx(0.3, abs=0.01)
    assert comparison.summary(record, "vae", name)["value"] == pytest.approx(0.2, abs=0.01)
    assert comparison.summary(record, "real-frames", comparison.FLOOR)["ci95"] == [0, 0]
    assert comparison.summary(record, "random-cnn", "pixels/none") is None


def test_settings_say_what_is_the_same(tmp_path):
    records = write(tmp_path, 2)
    table = contest.settings_table(records)
    assert line(table, "V's loss")[-1] == "differs"
    assert line(table, "M: units, updates")[-1] == "same" and line(table, "test tracks")[1:] == ["40", "40", "same"]
    assert line(table, "search: candidates")[-1] == "same"
    assert verdicts.differing(records).endswith("V's loss and in nothing else.")
    changed = json.loads((tmp_path / "runs.json").read_text())
    changed["vaegan-zh/seed0"]["config"]["vaegan"]["updates"] = 7
    (tmp_path / "runs.json").write_text(json.dumps(changed))
    assert verdicts.differing(Records(tmp_path)).endswith("also in: V's updates × frames.")
