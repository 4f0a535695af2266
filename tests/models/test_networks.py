"""Shipped weights as Keras models: they answer as the compiled ones do, and can be trained on."""

import numpy as np

from wmlib.config import MemoryConfig
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
