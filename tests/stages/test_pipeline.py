"""The whole chain at smoke scale on the real environment: files, no-op, resumption, report, shipped weights."""

import csv
import shutil

import numpy as np
import pytest

from wmbook.compare import measure
from wmbook.press.chapter import Chapter
from wmbook.records.publish import report, summarise
from wmbook.records.ship import publish_weights
from wmbook.show import own
from wmlib.cli import main
from wmlib.config import Config
from wmlib.config.settings import key as settings_key
from wmlib.errors import UserError
from wmlib.runs import Stage, read_json, read_metrics, write_json
from wmlib.stages import agents
from wmlib.stages.adopt import adopt
from wmlib.stages.agents import shipped_agent, trained_agent
from wmlib.stages.chain import Chain, plan, run_all, run_stage
from wmlib.stages.controller import tracks_at, tracks_until
from wmlib.stages.curve import read_curve

SMOKE = Config.preset("smoke").override(["rollout.executor=serial"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    main(["run", "--scale", "smoke", "--run", str(folder), "--set", "rollout.executor=serial"])
    return folder


def payload(folder):
    """Everything that must come out the same whatever happened on the way: arrays and tables."""
    found = {}
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path) as arrays:
            found |= {f"{path.relative_to(folder)}:{name}": arrays[name] for name in arrays.files}
    return found


def said(stage):
    """A stage's figures and metrics, without times."""
    records = [stage.summary(), *read_metrics(stage / "metrics.jsonl")]
    return [{name: value for name, value in record.items() if "second" not in name} for record in records]


def interrupt(*_, **__):
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_every_stage_is_done_with_its_records(finished):
    for chain, name in plan(SMOKE, finished):
        stage = chain.stage(name)
        assert stage.done, name
        assert read_json(stage / "provenance.json")["versions"]["gymnasium"] == "1.4.0"
        if name in ("vision", "memory", "controller"):
            assert (stage / "metrics.jsonl").read_text().count("\n") >= 1
            assert list((stage / "tensorboard").glob("events*"))
    with (Chain(SMOKE, finished).evaluate / "episodes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == "task,arm,train_seed,renderer,track_seed,return,steps,lap_finished".split(",")
    assert [row["renderer"] for row in rows] == ["gymnasium"] * 2 + ["wmlib"] * 2


def test_a_driver_of_ones_own_can_be_watched(finished, tmp_path, capsys):
    film = tmp_path / "drive.gif"
    main(["play", "--run", str(finished), "--record", str(film), "--steps", "3", "--track", "1000000000"])
    assert "after 3 steps" in capsys.readouterr().out and film.stat().st_size
    with pytest.raises(UserError, match="holds no vae-z; there is: vae-zh-smoke"):
        trained_agent(finished, "vae-z")


def test_again_is_a_no_op(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    run_all(SMOKE, finished)
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}


def test_interrupted_stages_end_in_the_same_place(finished, tmp_path, monkeypatch):
    """Stop V and M after their first checkpoint and C after one generation, and all before DONE, then run on."""
    folder = tmp_path / "smoke"
    shutil.copytree(finished, folder)
    for name in ("vision-vae", "memory-vae", "controller-vae-zh", "evaluate-vae-zh"):
        shutil.rmtree(folder / name)
    from wmlib.stages import curve, training

    for name, module, function in (
        ("vision", training, "save_checkpoint"),
        ("memory", training, "save_checkpoint"),
        ("controller", curve, "write_csv"),
    ):
        real = getattr(module, function)

        def killed(*arguments, real=real):
            real(*arguments)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(module, function, killed)
            with pytest.raises(KeyboardInterrupt):
                run_stage(Chain(SMOKE, folder), name)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # nothing is missing but DONE
            patch.setattr(Stage, "finish", interrupt)
            run_stage(Chain(SMOKE, folder), name)
        run_stage(Chain(SMOKE, folder), name)
        assert said(Chain(SMOKE, folder).stage(name)) == said(Chain(SMOKE, finished).stage(name)), name
    reference, resumed = payload(finished), payload(folder)
    assert reference.keys() == resumed.keys()
    for name, array in reference.items():
        if not name.startswith(("evaluate", "encode")):
            assert np.array_equal(array, resumed[name]), name


def test_other_settings_are_refused(finished):
    with pytest.raises(UserError, match="memory.updates: 6 there, 7 now"):
        run_stage(Chain(SMOKE.override(["memory.updates=7"]), finished), "memory")
    for arguments in (["--scale", "quick"], ["--seed", "4"]):
        with pytest.raises(SystemExit) as error:
            main(["collect", "--run", str(finished), *arguments])
        assert error.value.code == 2


def test_report_and_shipped_weights_reproduce_the_rows(finished, tmp_path, capsys):
    report([finished], tmp_path / "results", publish=True, pretrained=tmp_path / "pretrained")
    summary = read_json(tmp_path / "results" / "summary.json")
    assert summary == summarise(tmp_path / "results")
    score = summary["arms"]["vae-zh-smoke"]
    assert score["n"] == 2 and score["scale"] == "smoke" and score["ci95"][0] <= score["mean"] <= score["ci95"][1]
    report([finished], tmp_path / "results", publish=False)
    assert read_json(tmp_path / "results" / "summary.json") == summary, "reporting twice changes nothing"
    agent = shipped_agent("vae-zh-smoke", folder=tmp_path / "pretrained")
    assert len(agent.parameters) == 867
    agent.path("encoder").write_bytes(b"x")
    with pytest.raises(UserError, match="encoder.npz: missing, or not what manifest.json lists"):
        shipped_agent("vae-zh-smoke", folder=tmp_path / "pretrained")
    with pytest.raises(UserError, match="not shipped"):
        shipped_agent("vae-zz", folder=tmp_path / "pretrained")


def test_only_the_best_run_ships_its_decoder(finished, tmp_path):
    shipped, other = tmp_path / "pretrained", tmp_path / "other"
    publish_weights(Chain(SMOKE, finished), shipped)
    shutil.copytree(finished, other)
    for seed, validated in ((1, -1e9), (2, 1e9)):
        chain = Chain(SMOKE.override([f"seed={seed}"]), other)
        chosen = read_json(chain.controller / "chosen.json")
        write_json(chain.controller / "chosen.json", chosen | {"validation_mean": validated})
        publish_weights(chain, shipped)
    decoders = {seed: shipped_agent("vae-zh-smoke", seed, folder=shipped).path("decoder") for seed in range(3)}
    assert decoders[0] and not decoders[1] and decoders[2]
    publish_weights(Chain(SMOKE, finished), shipped)
    assert shipped_agent("vae-zh-smoke", 0, folder=shipped).path("decoder"), "chapters go on with it"
    assert shipped_agent("vae-zh-smoke", folder=shipped).train_seed == 2


@pytest.mark.parametrize("deaths", [1, 2, 3])
def test_encoding_outlives_workers_that_die_before_their_first_episode(finished, tmp_path, monkeypatch, deaths):
    from wmlib.runs.pool import Lost
    from wmlib.stages import encode

    folder, real, left = tmp_path / "smoke", encode._encode, [deaths]
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("encode-*"))

    def dying(*arguments):
        if left[0]:
            left[0] -= 1
            raise Lost
        return real(*arguments)

    monkeypatch.setattr(encode, "_encode", dying)
    if deaths == encode.TRIES:
        with pytest.raises(UserError, match="without encoding anything"):
            run_stage(Chain(SMOKE, folder), "encode")
    else:
        assert run_stage(Chain(SMOKE, folder), "encode").done


def test_iterations_share_their_data(tmp_path):
    config = Config.preset("full").override(["controller.inputs=z"])
    names = [chain.stage(name).name for chain, name in plan(config, tmp_path)]
    assert names == ["collect", "vision-vae", "encode-vae", "memory-vae", "controller-vae-zh",
                     "collect-2", "vision-vae-2", "controller-vae-z-2", "evaluate-vae-z-2"]  # fmt: skip


def test_earlier_iterations_may_be_a_smaller_scale_and_are_the_same_for_all_arms(tmp_path):
    config = Config.preset("full").override(["controller.hidden_units=40", "memory.trained=false", "seed=3"])
    quick = Config.preset("quick").override(["seed=3"])
    first, last = Chain(config, tmp_path, 1), Chain(config, tmp_path)
    assert last.data_driver.config == first.config and last.config == config
    for name in ("collect", "vision", "encode", "memory", "controller"):
        assert first.stage(name).identity == Chain(quick, tmp_path).stage(name).identity
    same = config.override(["rehearsal="])
    assert same.of_iteration(1).controller.generations == config.controller.generations


def test_a_finished_arm_is_as_its_controller_was_made_and_has_the_runs_own_m(tmp_path):
    config = SMOKE.override(["controller.hidden_units=7"])
    write_json(tmp_path / "config.json", config.to_dict())
    arms = {"dream-tau-1.30-hidden": ["controller.world=dream", "controller.tau=1.3"],
            "vae-z-hidden": ["controller.inputs=z"],
            "vae-zh-untrained-m": ["controller.hidden_units=0", "memory.trained=false"]}  # fmt: skip
    for arm, overrides in arms.items():
        made = config.override(overrides)
        key = {"controller": settings_key(made.controller)}
        write_json(tmp_path / f"controller-{arm}" / "config.json", {"identity": "", "key": key})
        write_json(tmp_path / f"evaluate-{arm}" / "DONE", {"identity": "", "seconds": 0.0, "arm": arm})
    found = {chain.config.arm: chain.config for chain in agents.finished(tmp_path)}
    for arm, overrides in arms.items():
        assert found[arm] == config.override(overrides)


def test_tracks_double_and_are_never_driven_twice():
    settings = Config.preset("full").override(["controller.tracks=3", "controller.double_tracks_every=4"]).controller
    assert [tracks_at(settings, generation) for generation in (0, 3, 4, 8)] == [3, 3, 6, 12]
    assert tracks_until(settings, 9) == 4 * 3 + 4 * 6 + 12


def test_a_new_controller_on_shipped_weights(finished, tmp_path):
    report([finished], tmp_path / "results", publish=True, pretrained=tmp_path / "pretrained")
    agent = shipped_agent("vae-zh-smoke", folder=tmp_path / "pretrained")
    folder = tmp_path / "mine"
    config = adopt(agent, folder)
    assert adopt(agent, folder) == config, "the second time nothing happens"
    for overrides in ([], ["controller.inputs=z"], ["memory.trained=false"]):
        stage = run_all(config.override(["rollout.executor=serial", *overrides]), folder, last="controller")
        assert stage.done and len(read_curve(stage / "learning_curve.csv")) == 2
    costs = Chain(config, folder).memory.summary()
    assert costs["adopted"] and costs["nll"] == Chain(SMOKE, finished).memory.summary()["nll"]
    with pytest.raises(UserError, match=r"vision-vae: .*vae.updates: 6 there, 7 now"):
        run_all(config.override(["vae.updates=7"]), folder)
    with pytest.raises(UserError, match="not empty"):
        adopt(agent, finished)


def test_a_taught_controller_and_its_resumption(finished, tmp_path, monkeypatch):
    imitation = ["controller.search=imitation", "controller.hidden_units=5"]
    command = ["run", "--run", str(tmp_path / "smoke"), *(word for text in imitation for word in ("--set", text))]
    for folder in (tmp_path / "smoke", tmp_path / "other"):
        shutil.copytree(finished, folder)
    main(command)
    stage = tmp_path / "smoke" / "controller-vae-zh-hidden-taught"
    curve = read_curve(stage / "learning_curve.csv")
    driven = read_json(stage / "DONE")["teacher_steps"]
    assert [row["generation"] for row in curve] == [1, 2] and curve[0]["env_steps"] > driven > 0
    assert len(list((stage / "lessons").glob("*.npz"))) == 4, "two episodes in each of two rounds"
    with np.load(stage / "controller.npz") as arrays:
        assert arrays["parameters"].shape == (289 * 5 + 6 * 3,) and arrays["parameters"].any()

    from wmlib.stages import curve as written
    from wmlib.stages import imitate

    command[2], write = str(tmp_path / "other"), written.write_csv

    def killed(path, columns, rows):
        if len(rows) == 2:
            raise KeyboardInterrupt
        write(path, columns, rows)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(written, "write_csv", killed)
        main(command)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):  # the last round is over, its choice is not made
        patch.setattr(imitate, "conclude", interrupt)
        main(command)
    main(command)
    once, twice = (payload(tmp_path / name / stage.name) for name in ("smoke", "other"))
    assert set(once) == set(twice)
    for name, array in once.items():
        np.testing.assert_array_equal(array, twice[name], err_msg=name)
    report([tmp_path / "smoke"], tmp_path / "results", publish=True, pretrained=tmp_path / "pretrained")
    agent = shipped_agent("vae-zh-hidden-taught-smoke", folder=tmp_path / "pretrained")
    assert agent.config.controller.hidden_units and agent.parameters.shape == (289 * 5 + 6 * 3,)
    assert agent.teacher.weights.any()


def test_evolution_goes_on_from_what_was_taught(finished, tmp_path):
    folder = tmp_path / "smoke"
    shutil.copytree(finished, folder)
    settings = ["controller.search=imitation+evolution", "teaching.evolution_sigma=1e-9", "controller.tracks=2"]
    main(["run", "--run", str(folder), *(word for text in settings for word in ("--set", text))])
    taught, evolved = (folder / f"controller-vae-zh-taught{end}" for end in ("", "-evolved"))
    with np.load(taught / "controller.npz") as start, np.load(evolved / "controller.npz") as answer:
        assert start["parameters"].any()
        np.testing.assert_allclose(answer["parameters"], start["parameters"], atol=1e-6)
    assert read_json(evolved / "DONE")["generations"] == 2 and read_json(taught / "DONE")["teacher_steps"]
    report([folder], tmp_path / "results", publish=True, pretrained=tmp_path / "pretrained")
    stages = read_json(tmp_path / "results" / "runs.json")["vae-zh-taught-evolved-smoke/seed0"]["stages"]
    assert {taught.name, evolved.name} < set(stages), "what the lessons cost counts"


def test_shipped_weights_begin_a_folder_from_the_shell(finished, tmp_path, monkeypatch):
    report([finished], tmp_path / "results", publish=True, pretrained=tmp_path / "pretrained")
    monkeypatch.setattr(agents, "FOLDER", tmp_path / "pretrained")
    monkeypatch.setattr(agents.shipped_agent, "__defaults__", (None, tmp_path / "pretrained"))
    folder = tmp_path / "mine"
    main(["run", "--pretrained", "vae-zh-smoke", "--run", str(folder), "--set", "rollout.executor=serial"])
    assert (folder / "evaluate-vae-zh" / "DONE").exists() and (folder / "adopted.json").exists()


def test_the_vaegan_takes_the_place_of_v(finished, tmp_path):
    folder = tmp_path / "smoke"
    shutil.copytree(finished, folder)
    settings = ["vision=vaegan", "vaegan.gamma=0.5", "controller.generations=1", "evaluate.tracks=1"]
    main(["run", "--run", str(folder), *(word for text in settings for word in ("--set", text))])
    for name in ("vision-vaegan", "encode-vaegan", "memory-vaegan", "controller-vaegan-zh", "evaluate-vaegan-zh"):
        assert (folder / name / "DONE").exists(), name
    report([folder], tmp_path / "results", publish=True, pretrained=tmp_path / "pretrained")
    assert set(read_json(tmp_path / "results" / "summary.json")["arms"]) == {"vae-zh-smoke", "vaegan-zh-smoke"}
    agent = shipped_agent("vaegan-zh-smoke", folder=tmp_path / "pretrained")
    assert agent.path("decoder") and agent.config.vision == "vaegan"
    assert agent.config.vaegan.gamma == 0.5, "shipped with the settings V was trained with"
    assert agent.config.controller.generations == 1, "and with those of the search"
    assert agent.worker_spec(lanes=1).encoder == agent.path("encoder")
    namespace = {"In": [], "scale": "smoke", "run": str(folder), "seed": 0}
    chapter = Chapter(namespace, "memory", (*settings, "rollout.executor=serial"))
    assert "your run" in chapter.run("vision=vae").data, "nothing is left to do"
    lines = own.compared(chapter, measure.gain).data.splitlines()
    assert lines[0].startswith("| measurement | your VAE | your VAE/GAN | the book's VAE | the book's VAE/GAN |")
    assert len(lines) == 5 and "no driver yet" not in lines[-1], "both arms have been tested"


def test_controls_take_their_rate_or_their_features_from_the_vaegan(finished, tmp_path):
    folder = tmp_path / "smoke"
    shutil.copytree(finished, folder)
    config = SMOKE.override(["controller.generations=1", "evaluate.tracks=1"])
    controls = {name: Chain(config.override([f"vision={name}"]), folder) for name in ("vaematched", "vaedis")}
    for chain in controls.values():
        with pytest.raises(UserError, match="vision-vaegan: this stage has not finished"):
            run_stage(chain, "vision")
    run_stage(Chain(config.override(["vision=vaegan"]), folder), "vision")
    judge = payload(folder / "vision-vaegan")
    for chain in controls.values():
        run_stage(chain, "vision")
    kl = read_json(folder / "vision-vaegan" / "DONE")["kl"]
    assert read_json(folder / "vision-vaematched" / "DONE")["kl_floor"] == round(kl / 32, 4)
    assert not (folder / "vision-vaematched" / "discriminator.npz").exists()
    after = payload(folder / "vision-vaegan")
    assert all(np.array_equal(judge[name], after[name]) for name in judge) and "discriminator.npz:logit/bias" in judge
    run_all(controls["vaedis"].config, folder)
    report([folder], tmp_path / "results", publish=True, pretrained=tmp_path / "pretrained")
    assert "vaedis-zh-smoke" in read_json(tmp_path / "results" / "summary.json")["arms"]
    assert shipped_agent("vaedis-zh-smoke", folder=tmp_path / "pretrained").config.vision == "vaedis"


def test_a_stage_depends_on_the_settings_of_its_own_v_only(tmp_path):
    changed = Config.preset("full").override(["vaegan.gamma=7"])
    for before, after in zip(plan(Config.preset("full"), tmp_path), plan(changed, tmp_path), strict=True):
        assert before[0].stage(before[1]).identity == after[0].stage(after[1]).identity
    assert set(Chain(changed, tmp_path).vision.key) == {"seed", "vision", "vae", "holdout"}
    vaegan = Chain(changed.override(["vision=vaegan"]), tmp_path)
    assert set(vaegan.vision.key) == {"seed", "vision", "vaegan", "holdout"}
    assert vaegan.collect.identity == Chain(changed, tmp_path).collect.identity, "all arms learn from the same rollouts"
    assert vaegan.vision.identity != Chain(Config.preset("full").override(["vision=vaegan"]), tmp_path).vision.identity


@pytest.mark.parametrize(
    ("stage", "name", "settings"),
    [
        ("collect", "rollouts/000000.npz", []),
        ("encode", "latents/000000.npz", []),
        ("vision", "checkpoint.npz", []),
        ("controller", "search.npz", []),
        ("controller", "teacher.npz", ["controller.search=imitation"]),
    ],
)
def test_a_link_that_leads_nowhere_is_refused_and_not_taken_for_work_never_done(
    finished, tmp_path, stage, name, settings
):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    folder = Chain(SMOKE.override(settings), run).stage(stage)
    (folder / "DONE").unlink(missing_ok=True)
    bad = folder / name
    bad.parent.mkdir(parents=True, exist_ok=True)
    bad.unlink(missing_ok=True)
    bad.symlink_to(bad.name)
    with pytest.raises(UserError, match=bad.name):
        run_stage(Chain(SMOKE.override(settings), run), stage)
    assert bad.is_symlink()


def test_a_provenance_that_was_changed_is_not_published(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    file = Chain(SMOKE, run).controller / "provenance.json"
    record = read_json(file)
    write_json(file, {name: value for name, value in record.items() if name != "git"})
    with pytest.raises(UserError, match="provenance.json: has been changed"):
        report([run], tmp_path / "results", publish=False)
    write_json(file, {name: value for name, value in record.items() if name != "digest"})
    report([run], tmp_path / "results", publish=False)  # earlier versions wrote no hash
