"""A VAE/GAN that collapses is stopped, says what was seen, keeps its last good checkpoint and goes on from there."""

import shutil

import numpy as np
import pytest

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.models.vaegan import VAEGAN
from wmlib.models.weights import load_weights
from wmlib.runs import read_json
from wmlib.stages import monitor, training
from wmlib.stages.chain import Chain, run_all, run_stage
from wmlib.stages.monitor import Monitor, symptoms

HEALTHY = {
    "active": 9.0, "sample_std": 0.1, "explained": 0.9, "gan_discriminator": 0.9,
    "real_accuracy": 0.8, "reconstruction_accuracy": 0.7, "prior_accuracy": 0.9,
}  # fmt: skip
ALWAYS_RIGHT = dict.fromkeys(("real_accuracy", "reconstruction_accuracy", "prior_accuracy"), 1.0)


@pytest.mark.parametrize(
    "change, part",
    [
        ({"active": 0.0}, "active 0"),
        ({"sample_std": 1e-4}, "same picture"),
        ({"explained": -0.2}, "worse than the mean frame"),
        (ALWAYS_RIGHT | {"gan_discriminator": 0.02}, "always right"),
        ({"real_accuracy": 0.0, "reconstruction_accuracy": 1.0, "prior_accuracy": 1.0}, "every picture fake"),
        ({"real_accuracy": 1.0, "reconstruction_accuracy": 0.0, "prior_accuracy": 0.0}, "every picture real"),
    ],
)
def test_each_collapse_is_seen_after_so_many_records_in_a_row(change, part):
    assert symptoms(HEALTHY) == symptoms(HEALTHY | ALWAYS_RIGHT) == {}, "right but not sure still teaches"
    monitor = Monitor(patience=3)
    sick = HEALTHY | change
    assert [monitor.check(v) for v in (sick, sick, HEALTHY, sick, sick)] == [None] * 5 and not monitor.healthy
    seen, remedy = monitor.check(sick)
    assert part in seen and "3 records" in seen and "vaegan." in remedy


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A few small updates are faster without a graph; the chain's own test trains with one."""
    real = VAEGAN.compile
    monkeypatch.setattr(VAEGAN, "compile", lambda model, optimizers: real(model, optimizers, run_eagerly=True))


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    run_all(config(), folder, "collect")
    return folder


def config(*overrides: str) -> Config:
    return Config.preset("smoke").override(["vision=vaegan", "rollout.executor=serial", *overrides])


def test_a_discriminator_that_wins_stops_the_run_which_then_resumes(collected, tmp_path, monkeypatch):
    """Against a decoder that hardly learns; the other symptoms of so young a network are not asked for."""
    folder = tmp_path / "smoke"
    shutil.copytree(collected, folder)
    every = monitor.symptoms
    monkeypatch.setattr(monitor, "symptoms", lambda v: {k: s for k, s in every(v).items() if "always right" in k})
    rates = ["vaegan.learning_rate=1e-9", "vaegan.final_learning_rate=1e-9", "vaegan.discriminator_learning_rate=0.003"]
    winning = config(
        "vaegan.updates=60",
        "vaegan.patience=4",
        "vaegan.checkpoint_every=1",
        "vaegan.margin=1",
        "vaegan.batch_size=8",
        *rates,
    )
    with monkeypatch.context() as patch:
        patch.setattr(training, "LOG_EVERY", 1)
        with pytest.raises(UserError, match="always right") as error:
            run_stage(Chain(winning, folder), "vision")
    message = str(error.value)
    assert "vision-vaegan" in message and "last good checkpoint is kept" in message and "\n" not in message
    stage = Chain(winning, folder).vision
    assert not stage.done and (stage / "checkpoint.npz").exists()

    with pytest.raises(UserError, match="kl_floor"):
        run_stage(Chain(winning.override(["vaegan.kl_floor=2"]), folder), "vision")
    stopped_at = read_json(stage / "elapsed.json")["updates"]
    monkeypatch.setattr(VAEGAN, "train_on_batch", lambda *_, **__: {"loss": float("nan")})
    gentle = winning.override(["vaegan.discriminator_learning_rate=1e-7"])
    with pytest.raises(UserError, match=f"loss is nan at update {stopped_at};"):
        run_stage(Chain(gentle, folder), "vision")
    (change,) = read_json(stage / "config.json")["changes"]
    assert change == {"updates": stopped_at, "settings": {"vaegan.discriminator_learning_rate": [0.003, 1e-7]}}
    stage = Chain(gentle, folder).vision
    stage.finish(1.0)
    assert read_json(stage / "provenance.json")["changes"] == [change]
    with pytest.raises(UserError, match="discriminator_learning_rate: 1e-07 there, 0.003 now"):
        Chain(winning, folder).vision.open()


def test_an_interrupted_training_ends_in_the_same_place(collected, tmp_path, monkeypatch):
    """Bit for bit: that needs the weights of three networks, three optimizers' moments and the random numbers."""
    settings, results = config("vaegan.batch_size=8", "vaegan.updates=4", "vaegan.checkpoint_every=2"), []
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
        results.append(load_weights(stage / "encoder.npz") | load_weights(stage / "decoder.npz"))
    for name, array in results[0].items():
        assert np.array_equal(array, results[1][name]), name
