"""The records: what a report adds, what it keeps."""

import csv
import json

import numpy as np
import pytest

from wmbook.records import publish, ship
from wmbook.records.records import Records
from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.models.vaegan import VAEGAN
from wmlib.runs import read_json, write_csv, write_json
from wmlib.stages.agents import shipped_agent
from wmlib.stages.chain import Chain
from wmlib.stages.curve import COLUMNS


def test_random_driver_becomes_an_arm_of_its_own(tmp_path, monkeypatch):
    """The mechanism alone: the drives are made up, so that no test track is driven."""
    asked = []

    def drives(arm, train_seed, spec, parameters, seeds, rollout):
        asked.append((spec.renderer, spec.encoder, parameters, seeds[0], len(seeds)))
        common = {"task": "CarRacing-v3", "arm": arm, "train_seed": train_seed, "renderer": spec.renderer}
        return [common | {"track_seed": s, "return": -30.0, "steps": 1000, "lap_finished": 0} for s in seeds]

    monkeypatch.setattr(publish, "evaluate", drives)
    publish.report_baselines("carracing", tmp_path, tracks=4)
    publish.report_baselines("carracing", tmp_path, tracks=3)  # replaces its earlier rows
    assert asked[2:] == [(r, None, None, 2_000_000_000, 3) for r in ("gymnasium", "wmlib")]
    arm = read_json(tmp_path / "summary.json")["arms"]["random"]
    assert (arm["mean"], arm["n"], arm["headline_seed"], arm["scale"]) == (-30.0, 3, 0, None)
    records = Records(tmp_path)
    assert records.returns_by_run("random").shape == (1, 3) and records.analysis == {}


def test_doom_has_two_drivers_that_learn_nothing(tmp_path, monkeypatch):
    asked = []

    def plays(arm, train_seed, spec, parameters, seeds, rollout):
        asked.append((arm, spec.baseline, spec.task, spec.max_steps, spec.renderer))
        common = {"task": "VizdoomTakeCover-v1", "arm": arm, "train_seed": train_seed, "renderer": spec.renderer}
        return [common | {"track_seed": s, "return": 200.0, "steps": 200, "lap_finished": 0} for s in seeds]

    monkeypatch.setattr(publish, "evaluate", plays)
    publish.report_baselines("takecover", tmp_path, tracks=2)
    assert asked == [(name, name, "takecover", 2100, "vizdoom") for name in ("random", "stay")]
    assert set(read_json(tmp_path / "takecover" / "summary.json")["arms"]) == {"random", "stay"}


def test_searches_of_every_iteration_are_kept(tmp_path):
    config = Config.preset("full")
    full = Chain(config, tmp_path / "run")
    other = Chain(config.override(["controller.inputs=z"]), tmp_path / "run")
    row = {"generation": 1, "env_steps": 10, "wall_seconds": 1.0, "cores": 2, "validation_mean": ""}
    row |= {"population_min": 0.0, "population_max": 2.0, "sigma": 0.1}  # no cell of a search is empty
    for iteration, chain in ((1, full.at(1)), (2, full), (2, other)):
        folder = chain.controller.path
        folder.mkdir(parents=True)
        write_csv(folder / "learning_curve.csv", COLUMNS, [row | {"population_mean": iteration}])
    path = tmp_path / "learning_curves.csv"
    for chain in (full, other, full):  # reporting again changes nothing
        publish._merge_curve(path, chain, chain.config.arm, 0)
    with path.open() as file:
        rows = [(r["arm"], r["iteration"], r["population_mean"]) for r in csv.DictReader(file)]
    assert rows == [("vae-z", "2", "2.0"), ("vae-zh", "1", "1.0"), ("vae-zh", "2", "2.0")]
    assert Records(tmp_path).curve("vae-zh", 0)["population_mean"] == [2.0]


def test_every_metric_of_a_vaegans_training_is_kept(tmp_path):
    """As the chapter on the VAE/GAN reads them: the losses, the accuracies and the held-out figures between them."""
    chain = Chain(Config.preset("full").override(["vision=vaegan"]), tmp_path / "run")
    logged = {name: 0.5 + place for place, name in enumerate(VAEGAN.METRICS)}
    records = [{"step": 0, "held_out_kl": 9.0}, {"step": 49, **logged, "learning_rate": 1e-3}]
    chain.vision.path.mkdir(parents=True)
    (chain.vision / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    publish._training_curves(tmp_path, chain, "vaegan-zh", 0)
    write_json(tmp_path / "summary.json", {"arms": {"vaegan-zh": {"headline_seed": 0}}})
    stages = {name: {} for name in ("vision-vae", "memory-vae", chain.vision.name, chain.memory.name)}
    write_json(tmp_path / "runs.json", {"vaegan-zh/seed0": {"stages": stages}})
    curve = Records(tmp_path).training("vaegan-zh", "vision")
    assert {name: values[1] for name, values in curve.items() if name in logged} == logged
    assert list(curve["step"]) == [0, 49] and curve["held_out_kl"][0] == 9.0
    assert np.isnan(curve["held_out_kl"][1]) and np.isnan(curve["gan_decoder"][0])


def test_a_training_of_another_arm_keeps_its_table(tmp_path):
    """Stages of two arms may have one name and be two trainings: of other settings, or of another run."""
    chain = Chain(Config.preset("quick"), tmp_path / "run")
    write_json(
        tmp_path / "runs.json", {f"{arm}/seed0": {"stages": {chain.memory.name: {}}} for arm in ("first", "other")}
    )
    write_json(tmp_path / "summary.json", {"arms": {arm: {"headline_seed": 0} for arm in ("first", "other")}})
    chain.memory.path.mkdir(parents=True)

    def losses(value: float, arm: str) -> dict[str, list[float]]:
        (chain.memory / "metrics.jsonl").write_text(json.dumps({"step": 49, "loss": value}) + "\n")
        publish._training_curves(tmp_path, chain, arm, 0)
        return {each: list(Records(tmp_path).training(each, "memory")["loss"]) for each in ("first", "other")}

    assert losses(1.0, "first") == {"first": [1.0], "other": [1.0]}
    assert losses(2.0, "other") == {"first": [1.0], "other": [2.0]}
    assert losses(1.0, "other") == {"first": [1.0], "other": [1.0]}
    assert len(list((tmp_path / "training").iterdir())) == 1


def test_files_that_another_arm_ships_lie_there_alone():
    arms = {
        "owner": {"train_seeds": {"0": {"sha256": {"encoder.npz": "e", "memory.npz": "m"}}}},
        "guest": {
            "train_seeds": {"0": {"sha256": {"decoder.npz": "d"}, "shared": {"decoder.npz": "x/seed0/decoder.npz"}}}
        },
    }
    written = {"encoder.npz": "e", "memory.npz": "another", "decoder.npz": "d"}
    assert ship._shared(arms, "new", 0, written) == {"encoder.npz": "owner/seed0/encoder.npz"}
    assert ship._shared(arms, "owner", 0, written) == ship._shared(arms, "new", 1, written) == {}


def test_a_v_without_a_driver_is_recorded_under_its_own_name(tmp_path):
    config = Config.preset("full").override(["vision=vaegan", "vaegan.variant=paper", "vaegan.updates=77"])
    chain = Chain(config, tmp_path / "run")
    write_json(tmp_path / "run" / "config.json", config.to_dict())
    with pytest.raises(UserError, match="has not finished"):
        publish.report_vision(tmp_path / "run", "as-published", tmp_path)
    write_json(chain.vision / "config.json", {"identity": "", "key": chain.vision.key})
    write_json(chain.vision / "DONE", {"identity": "", "seconds": 2.0, "kl": 30.0})
    (chain.vision / "metrics.jsonl").write_text('{"step": 49, "pixel": 12.5}\n')
    publish.report_vision(tmp_path / "run", "as-published", tmp_path)
    records = Records(tmp_path)
    recorded = records.visions["as-published"]["0"]
    assert recorded["figures"] == {"seconds": 2.0, "kl": 30.0}
    assert (recorded["settings"]["variant"], recorded["settings"]["updates"]) == ("paper", 77)
    assert records.vision_training("as-published")["pixel"] == [12.5] and records.vision_training("other") == {}


def test_the_best_run_of_an_arm_that_dreams_can_draw_and_the_others_weigh_little():
    for arm in ("dream-cma", "dream-tau-1.15", "dream-tau-1.30"):
        assert shipped_agent(arm).path("decoder") is not None
    assert all(shipped_agent("dream-cma", seed).path("decoder") is None for seed in (1, 2))


def test_no_shipped_file_is_left_over():
    """Who shares V and M with another arm has none of its own beside them: an earlier run's would weigh, unread."""
    arms, named = read_json(ship.FOLDER / "manifest.json")["arms"], set()
    for arm, entry in arms.items():
        for seed, run in entry["train_seeds"].items():
            shared = run.get("shared", {})
            named |= {shared.get(name, f"{arm}/seed{seed}/{name}") for name in run["sha256"]}
    assert {file.relative_to(ship.FOLDER).as_posix() for file in ship.FOLDER.rglob("*.npz")} == named
