"""``.keras`` files of V and M: what was saved loads, in another process and without naming classes."""

import keras
import numpy as np
import pytest

from wmlib.config import MemoryConfig, VaeGanConfig
from wmlib.models import discriminator, vae
from wmlib.models.featurevae import FeatureVAE
from wmlib.models.mdnrnn import MDNRNN
from wmlib.models.vaegan import VAEGAN
from wmlib.models.weights import model_weights

FRAMES = vae.random_frames(3) / np.float32(255)
SEQUENCE = np.random.default_rng(0).normal(size=(2, 4, 35)).astype(np.float32)
MODELS = {
    "vae": (lambda: vae.VAE(seed=4), FRAMES),
    "vaegan": (lambda: VAEGAN(seed=4), FRAMES),
    "features": (
        lambda: FeatureVAE(VaeGanConfig(), model_weights(discriminator.build_discriminator(seed=4)), seed=4),
        FRAMES,
    ),
    "encoder": (lambda: vae.VAE(seed=4).encoder, FRAMES),
    "decoder": (lambda: vae.VAE(seed=4).decoder, np.ones((2, 32), np.float32)),
    "memory": (lambda: MDNRNN(MemoryConfig(hidden_size=8), seed=4), SEQUENCE),
    "memory network": (lambda: MDNRNN(MemoryConfig(hidden_size=8), seed=4).network, SEQUENCE),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_loads_and_answers_alike(name, tmp_path):
    build, x = MODELS[name]
    model = build()
    for variable in model.trainable_variables:
        variable.assign(variable + 0.01)  # not what the seed gives
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    for ours, theirs in zip(*(keras.tree.flatten(m(x)) for m in (loaded, model)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
