"""A VAE/GAN that collapses is stopped, says what was seen, keeps its last good checkpoint and goes on from there."""

import shutil

import pytest

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.runs import read_json
from wmlib.stages import training
from wmlib.stages.chain import Chain, run_all, run_stage
from wmlib.stages.monitor import Monitor, symptoms

HEALTHY = {
    "active": 9.0, "sample_std": 0.1, "explained": 0.9,
    "real_accuracy": 0.8, "reconstruction_accuracy": 0.7, "prior_accuracy": 0.9,
}  # fmt: skip


@pytest.mark.parametrize(
    "change, part",
    [
        ({"active": 0.0}, "active 0"),
        ({"sample_std": 1e-4}, "same picture"),
        ({"explained": -0.2}, "worse than the mean frame"),
        (dict.fromkeys(("real_accuracy", "reconstruction_accuracy", "prior_accuracy"), 1.0), "always right"),
        ({"real_accuracy": 0.0, "reconstruction_accuracy": 1.0, "prior_accuracy": 1.0}, "every picture fake"),
        ({"real_accuracy": 1.0, "reconstruction_accuracy": 0.0, "prior_accuracy": 0.0}, "every picture real"),
    ],
)
def test_each_collapse_is_seen_after_so_many_records_in_a_row(change, part):
    assert symptoms(HEALTHY) == {}
    monitor = Monitor(patience=3)
    sick = HEALTHY | change
    assert [monitor.check(v) for v in (sick, sick, HEALTHY, sick, sick)] == [None] * 5 and not monitor.healthy
    seen, remedy = monitor.check(sick)
    assert part in seen and "3 records" in seen and "vaegan." in remedy


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    run_all(config(), folder, "collect")
    return folder


def config(*overrides: str) -> Config:
    return Config.preset("smoke").override(["vision=vaegan", "rollout.executor=serial", *overrides])


def test_a_discriminator_that_wins_stops_the_run_which_then_resumes(collected, tmp_path, monkeypatch):
    folder = tmp_path / "smoke"
    shutil.copytree(collected, folder)
    monkeypatch.setattr(training, "LOG_EVERY", 1)
    base = ["vaegan.updates=60", "vaegan.patience=4", "vaegan.checkpoint_every=2", "vaegan.gamma=0"]
    winning = config(*base, "vaegan.pixel_weight=0", "vaegan.discriminator_learning_rate=0.01")
    with pytest.raises(UserError, match="always right") as error:
        run_stage(Chain(winning, folder), "vision")
    message = str(error.value)
    assert "vision-vaegan" in message and "vaegan.discriminator_learning_rate" in message and "\n" not in message
    stage = Chain(winning, folder).vision
    assert not stage.done
    kept = (stage / "checkpoint.npz").exists()
    assert ("last good checkpoint" in message) == kept

    with pytest.raises(UserError, match="kl_floor"):
        run_stage(Chain(winning.override(["vaegan.kl_floor=2"]), folder), "vision")
    gentle = winning.override(["vaegan.discriminator_learning_rate=1e-7", "vaegan.gamma=1"])
    monkeypatch.setattr(training, "LOG_EVERY", 50)
    stage = run_stage(Chain(gentle, folder), "vision")
    assert stage.done and stage.summary()["identity"] == stage.identity
    (change,) = read_json(stage / "provenance.json")["changes"]
    assert change["settings"]["vaegan.discriminator_learning_rate"] == [0.01, 1e-7]
    assert change["updates"] == (read_json(stage / "config.json")["changes"][0]["updates"]) and kept == (
        change["updates"] > 0
    )
    with pytest.raises(UserError, match="discriminator_learning_rate"):
        run_stage(Chain(winning, folder), "vision")


def test_a_loss_that_is_no_number_stops_the_run(collected, tmp_path, monkeypatch):
    from wmlib.models.vaegan import VAEGAN

    folder = tmp_path / "smoke"
    shutil.copytree(collected, folder)
    monkeypatch.setattr(VAEGAN, "train_on_batch", lambda *_, **__: {"loss": float("nan")})
    with pytest.raises(UserError, match=r"vision-vaegan: loss is nan at update 0.*--set"):
        run_stage(Chain(config(), folder), "vision")


@pytest.mark.parametrize("variant", ["recommended", "paper"])
def test_an_interrupted_training_ends_in_the_same_place(collected, tmp_path, monkeypatch, variant):
    """Bit for bit: weights of the three networks, optimizer moments, random numbers."""
    import numpy as np

    from wmlib.models.weights import load_weights

    settings = config(f"vaegan.variant={variant}", "vaegan.batch_size=8", "vaegan.updates=4",
                      "vaegan.checkpoint_every=2")  # fmt: skip
    results = []
    for interrupted in (False, True):
        folder = tmp_path / str(interrupted)
        shutil.copytree(collected, folder)
        if interrupted:
            real = training.save_checkpoint

            def killed(*arguments, real=real):
                real(*arguments)
                raise KeyboardInterrupt

            with monkeypatch.context() as patch:
                patch.setattr(training, "save_checkpoint", killed)
                with pytest.raises(KeyboardInterrupt):
                    run_stage(Chain(settings, folder), "vision")
        stage = run_stage(Chain(settings, folder), "vision")
        results.append({**load_weights(stage / "encoder.npz"), **load_weights(stage / "decoder.npz")})
    for name, array in results[0].items():
        assert np.array_equal(array, results[1][name]), name
