"""The page's JavaScript against Keras: the same pictures, the same memory, and a wheel that turns the right way."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from wmbook.press.drive_page import WORLDS, decoder_arrays, script
from wmlib.models.controller import act
from wmlib.models.weights import load_weights, set_model_weights
from wmlib.seeds import generator
from wmlib.stages.agents import shipped_agent

DRIVE = Path(__file__).resolve().parents[2] / "book" / "_static" / "drive"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: apt install nodejs")


def run_node(world: Path, z: np.ndarray, actions: np.ndarray, folder: Path) -> dict:
    (folder / "input.json").write_text(json.dumps({"z": z.tolist(), "actions": actions.tolist()}))
    command = [NODE, Path(__file__).with_name("parity.js"), DRIVE / "engine.js", world, folder / "input.json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@needs_node
@pytest.mark.parametrize("arm", WORLDS)
def test_the_page_computes_what_keras_computes(arm, tmp_path):
    from wmlib.models.mdnrnn import MDNRNN
    from wmlib.models.vae import build_decoder

    random, agent = generator(0, "parity"), shipped_agent(arm)
    z = random.standard_normal((50, 32)).astype(np.float32)
    actions = random.uniform((-1, 0, 0), (1, 1, 1), (50, 3)).astype(np.float32)
    page = run_node(DRIVE / f"{arm}.js", z, actions, tmp_path)

    decoder, memory = build_decoder(), MDNRNN(agent.config.memory)
    set_model_weights(decoder, load_weights(agent.path("decoder")))
    set_model_weights(memory, load_weights(agent.path("memory")))
    error = np.abs(np.reshape(page["pictures"], (4, 64, 64, 3)) - decoder.predict_on_batch(z[:4])).max()
    h, mixture, reward, done = memory.network.predict_on_batch(np.concatenate([z, actions], axis=1)[None])
    named = {"h": h[0], "mixture": mixture[0], "reward": reward[0], "end": 1 / (1 + np.exp(-done[0]))}
    errors = {k: float(np.abs(np.array([step[k] for step in page["memory"]]) - v).max()) for k, v in named.items()}
    wanted = act(agent.config.controller, np.repeat(agent.parameters[None], 50, 0), z, h[0])
    acted = np.abs(np.array([step["act"] for step in page["memory"]]) - wanted).max()
    print(f"{arm}: decoder {error:.1e}, M {errors}, C {acted:.1e}; {page['milliseconds']:.1f} ms a picture")
    assert error < 1e-3
    assert max(errors.values()) < 1e-3
    assert acted < 5e-3  # C's 867 numbers are shipped in full width and rounded to float16 for the page
    assert page["turned"][0] > page["turned"][1], "left turns left"


def test_two_linear_layers_are_one():
    random = generator(1, "parity")
    shapes = {"dense/kernel": (32, 8), "dense/bias": (8,), "deconv1/kernel": (5, 5, 4, 8), "deconv1/bias": (4,)}
    weights = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    z, merged = random.standard_normal(32), decoder_arrays(weights)
    x = z @ weights["dense/kernel"] + weights["dense/bias"]
    apart = np.einsum("yxoi,i->yxo", weights["deconv1/kernel"], x) + weights["deconv1/bias"]
    assert np.allclose(z @ merged["seed/kernel"] + merged["seed/bias"], apart.ravel())


def test_numbers_too_large_for_the_files_are_refused():
    with pytest.raises(ValueError, match="big: huge does not fit"):
        script("big", {"huge": np.array([1e9])})


@needs_node
@pytest.mark.parametrize(
    ("change", "sentence"),
    [("delete w.x", "missing or cut short"), ("w.x.version = 0", "version 0"), ("w.x.data = 'AAAA'", "cut short")],
)
def test_a_damaged_file_is_one_sentence(change, sentence, tmp_path):
    (tmp_path / "x.js").write_text(script("x", {"a": np.arange(4.0)}))
    code = (
        f"require({str(tmp_path / 'x.js')!r}); const w = globalThis.dreamFiles; {change};"
        f"try {{ require({str(DRIVE / 'engine.js')!r})().unpack('x', w.x) }} catch (e) {{ console.log(e.message) }}"
    )
    printed = subprocess.run([NODE, "-e", code], check=True, capture_output=True, text=True).stdout
    assert sentence in printed and "wmbook drive" in printed and printed.count("\n") == 1


def test_the_page_says_what_was_measured_on_its_files():
    """The sentences of book/drive.md, and that the record is of these files."""
    record = json.loads((DRIVE.parents[1] / "results" / "drive.json").read_text())
    assert record["megabytes"] == pytest.approx(sum(path.stat().st_size for path in DRIVE.iterdir()) / 1e6, abs=0.05)
    for arm in WORLDS:
        world = record["worlds"][arm]
        head = (DRIVE / f"{arm}.js").read_text()[:2000]
        assert list(world["r2"].values()) == json.loads(re.search(r'"r2": (\[.*?\])', head)[1])
        steering, (cold, own, warm, hot) = world["steering"], world["heat"]
        assert min(steering["left_swings_right"], steering["right_swings_left"]) > 0.9 * steering["dreams"]
        assert cold["between"] < own["between"] / 2 and cold["change"] < own["change"] < warm["change"] < hot["change"]
        assert hot["change"] > 2 * own["change"] and hot["road_back"] > 0.9 * own["road"]
