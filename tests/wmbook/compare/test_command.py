"""``wmbook compare`` on a smoke run: the whole record, twice the same, and its table and figures."""

import json
import shutil

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

import wmbook.cli
import wmlib.cli
from wmbook.compare.arms import finished, open_run, spread
from wmbook.show import comparison, figures
from wmlib.config import MemoryConfig
from wmlib.data.rollouts import RolloutStore
from wmlib.errors import UserError
from wmlib.models.inference import FrameEncoder
from wmlib.models.weights import model_weights, save_weights
from wmlib.runs import write_arrays, write_json


def add_arm(folder, name: str) -> None:
    """An arm with random weights, as its three stages would leave it."""
    from wmlib.models.mdnrnn import build_mdnrnn
    from wmlib.models.vae import build_decoder, build_encoder

    encoder = model_weights(build_encoder(seed=0))
    save_weights(folder / f"vision-{name}" / "encoder.npz", encoder)
    save_weights(folder / f"vision-{name}" / "decoder.npz", model_weights(build_decoder(seed=0)))
    save_weights(folder / f"memory-{name}" / "memory.npz", model_weights(build_mdnrnn(MemoryConfig(hidden_size=32))))
    encode = FrameEncoder(encoder)
    for file in RolloutStore(folder / "collect" / "rollouts").files():
        rollout = RolloutStore.read(file)
        mu, log_variance = encode(rollout.frames)
        latents = {"mu": mu, "log_variance": log_variance, "actions": rollout.actions}
        write_arrays(folder / f"encode-{name}" / "latents" / file.name, latents)
    write_json(folder / f"vision-{name}" / "config.json", {"key": {"holdout": 0.34}})
    for stage in ("vision", "encode", "memory"):
        write_json(folder / f"{stage}-{name}" / "DONE", {"identity": f"{stage} of the test"})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Episodes of a smoke run, and two arms with the same weights."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    wmlib.cli.main(["collect", "--scale", "smoke", "--run", str(folder), "--set", "rollout.executor=serial"])
    add_arm(folder, "vae")
    for stage in ("vision", "encode", "memory"):
        shutil.copytree(folder / f"{stage}-vae", folder / f"{stage}-twin")
    return folder


@pytest.fixture(scope="module")
def record(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "comparison.json"
    wmbook.cli.main(["compare", "--run", str(run), "--out", str(out)])
    return out


def test_every_arm_has_every_measurement(record):
    found = json.loads(record.read_text())
    assert set(found["arms"]) == {"vae", "twin", "random-cnn", "supervised", "real-frames", "majority"}
    entry = found["arms"]["vae"]["0"]
    for _, name, _, _ in comparison.ROWS:
        if "/at" not in name:
            assert name in entry["measurements"], name
    assert len(entry["episodes"]) == 2 and set(entry["about"]["identities"]) == {"vision", "encode", "memory"}
    assert entry["curves"]["openloop/pixels/seen"]["horizon"] == [1, 2, 3]
    assert entry["measurements"]["probe/network/zh/speed"]["value"] is not None
    assert comparison.visions(found) == ["vae", "twin"]


def test_the_same_weights_measure_the_same(record):
    found = json.loads(record.read_text())
    one, two = (found["arms"][arm]["0"] for arm in ("vae", "twin"))
    assert one["measurements"] == two["measurements"] and one["curves"] == two["curves"]
    assert all(difference["value"] in (0, None) for difference in found["differences"]["twin"].values())
    pictures = [(record.with_suffix("") / f"{arm}-seed0.png").read_bytes() for arm in ("vae", "twin")]
    assert pictures[0] == pictures[1]


def test_again_changes_nothing(run, record, capsys):
    before = record.read_bytes()
    wmbook.cli.main(["compare", "--run", str(run), "--out", str(record), "--arms", "vae=twin"])
    assert record.read_bytes() == before, "the twin is a copy of the VAE"
    lines = capsys.readouterr().err
    assert "smoke, twin, open loop" in lines and "supervised" not in lines, "baselines are not measured twice"


def test_arms_that_are_not_there_are_named(run, tmp_path):
    with pytest.raises(UserError, match="--arms vaegan: .* of twin, vae; finish"):
        open_run(run, ["vaegan"])
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="no arm has finished"):
        open_run(tmp_path)


def test_last_iteration_counts(tmp_path):
    for name in ("vision-vae", "encode-vae", "memory-vae", "vision-vae-2", "encode-vae-2", "memory-vae-2", "vision-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "DONE").write_text("{}")
    assert set(finished(tmp_path)) == {("vae", 1), ("vae", 2)}
    assert spread([1, 2, 3], 5) == [1, 2, 3] and spread(list(range(9)), 3) == [0, 4, 8]


def test_table_and_figures_come_from_the_record(record):
    found = json.loads(record.read_text())
    table = comparison.comparison_table(found, ["twin", "random-cnn"]).splitlines()
    assert "not told apart" in table[2] and len(table) > 20
    assert "random encoder" in table[0] and all(row.count("|") == 7 for row in table)
    assert comparison.agreement(found, "twin", "pixels/mse") == (0, 1)
    folder = record.with_suffix("")
    plt.close("all")
    comparison.side_by_side(folder, ["vae", "twin"])
    comparison.prior_samples(folder, ["vae", "twin"])
    assert {axes.get_subplotspec().get_gridspec().nrows for axes in plt.figure(1).axes} == {6}
    assert comparison.picture_seeds(folder, ["vae", "twin"]) == [0] and comparison.picture_seeds(folder, ["x"]) == []
    _, axes = figures.new_figure()
    comparison.probe_bars(axes, found, ["vae", "twin", "random-cnn", "majority"])
    assert len(axes.get_legend_handles_labels()[1]) == 3, "the majority answer has no probe"
    _, axes = figures.new_figure()
    comparison.open_loop_curves(axes, found, ["vae"], "pixels")
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2, 3]] * 2
    plt.close("all")


def test_verdicts():
    told = [comparison.verdict({"ci95": ci}, better) for ci, better in (([1, 2], 1), ([1, 2], -1), ([-1, 2], 1))]
    assert told == ["better", "worse", "not told apart"]
