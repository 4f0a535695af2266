"""Shipped weights as Keras models: they answer as the compiled ones do, and can be trained on."""

import re
from pathlib import Path

import numpy as np

from wmlib.config import MemoryConfig
from wmlib.envs.carracing import preprocess
from wmlib.models.inference import FrameEncoder, MemoryStep
from wmlib.models.vae import random_frames
from wmlib.models.weights import load_weights
from wmlib.stages.agents import shipped_agent


def test_v_and_m_of_a_shipped_agent_are_keras_models_ready_to_train():
    agent = shipped_agent("vae-zh")
    v, m = agent.networks()
    frames = random_frames(4)
    expected = FrameEncoder(load_weights(agent.path("encoder")))(frames)[0]
    np.testing.assert_allclose(v.encoder.predict_on_batch(frames / np.float32(255))[0], expected, atol=1e-3)
    assert MemoryStep(load_weights(agent.path("memory"))).hidden_size == MemoryConfig().hidden_size
    v.compile(optimizer="adam")
    assert np.isfinite(v.train_on_batch(frames, return_dict=True)["loss"])


def test_the_recipe_of_the_readme_encodes_ones_own_frames(tmp_path, monkeypatch):
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    (recipe,) = (code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "networks()" in code)
    assert len([line for line in recipe.splitlines() if line]) == 6
    frames = np.repeat(random_frames(5), 2, axis=1)[:, :96, :].repeat(2, axis=2)[:, :, :96]
    np.save(tmp_path / "frames.npy", frames)
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(recipe, found)
    agent = shipped_agent("vae-zh")
    expected = FrameEncoder(load_weights(agent.path("encoder")))(np.stack([preprocess(frame) for frame in frames]))
    for ours, theirs in zip((found["mu"], found["log_variance"]), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert len(found["m"].learnt) > 6 and found["m"].sizes["latent_size"] == ours.shape[1]
