"""The VAE/GAN's discriminator: is this a frame or a picture of the decoder's? Its features measure likeness."""

from __future__ import annotations

import keras

from wmlib import seeds
from wmlib.config import FRAME_SHAPE

CHANNELS = (16, 32, 64, 128)  # half as wide as the encoder: a judge that costs less than what it judges


def build_discriminator(
    feature_layer: int = 3, *, normalisation: str = "spectral", seed: int = 0, compute: str = "float32"
) -> keras.Model:
    """Frames (batch, 64, 64, 3) in [0, 1] to features (batch, n, n, channels) and logits (batch, 1), float32.

    Args:
        feature_layer: 1 to 4, the convolution whose raw output, before normalisation and activation, is the features.
        normalisation: spectral keeps each convolution's gain at 1 (Miyato et al. 2018); batch, as in the authors' code,
            normalises over the batch and so couples real and fake frames.
        seed: fixes the initial weights.
        compute: float32 or bfloat16, the arithmetic of the convolutions.
    """
    random = seeds.generator(seed, "vaegan", "discriminator", "weights")
    policy = "mixed_bfloat16" if compute == "bfloat16" else "float32"

    def normalised(layer: keras.layers.Layer) -> keras.layers.Layer:
        if normalisation == "batch":
            return layer
        return keras.layers.SpectralNormalization(layer, name=f"{layer.name}_spectral", dtype=policy)

    def options(name: str) -> dict:
        initializer = keras.initializers.GlorotUniform(seed=int(random.integers(2**31)))
        return {"kernel_initializer": initializer, "dtype": policy, "name": name}

    frames = keras.Input(FRAME_SHAPE, name="frames")
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="centred")(frames)
    for number, filters in enumerate(CHANNELS, start=1):  # 64 -> 32 -> 16 -> 8 -> 4 pixels
        x = normalised(keras.layers.Conv2D(filters, 4, 2, padding="same", **options(f"judge{number}")))(x)
        if number == feature_layer:
            features = keras.layers.Activation("linear", dtype="float32", name="features")(x)
        if normalisation == "batch":
            x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-6, dtype=policy, name=f"batch{number}")(x)
        x = keras.ops.maximum(x, 0.2 * x)  # leaky ReLU
    x = keras.layers.Flatten(dtype="float32")(x)  # (batch, 2048)
    logits = keras.layers.Dense(1, **options("logit") | {"dtype": "float32"})(x)  # free to be sure: not normalised
    model = keras.Model(frames, [features, logits], name="discriminator")
    for layer in model.layers:
        if isinstance(layer, keras.layers.SpectralNormalization):  # Keras starts its power iteration anywhere
            layer.vector_u.assign(random.standard_normal(layer.vector_u.shape))
    return model
