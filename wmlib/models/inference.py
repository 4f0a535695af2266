"""V's encoder and M's step as rollouts use them: plain arrays in and out, one thread, the same answer every time.

In float32 and int8 a frame's z and a lane's memory have the same bits however many come with it, whatever those are,
and on every processor (see :mod:`wmlib.kernels.tiles`); TensorFlow is not even imported.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wmlib.config import FRAME_SHAPE, LATENT_SIZE
from wmlib.errors import UserError
from wmlib.kernels import float32 as kernels
from wmlib.kernels import int8 as quantized
from wmlib.kernels import tiles
from wmlib.models.weights import check_shapes

BFLOAT16_GROUP = 32  # frames per call of TensorFlow; short groups are padded, so that a frame's company does not matter


def encoder_shapes(latent_size: int = LATENT_SIZE) -> dict[str, tuple[int, ...]]:
    """Name to shape of V's encoder's arrays."""
    shapes = {}
    for number, (channels, filters) in enumerate(((3, 32), (32, 64), (64, 128), (128, 256)), start=1):
        shapes |= {f"conv{number}/kernel": (4, 4, channels, filters), f"conv{number}/bias": (filters,)}
    for head in ("mu", "log_variance"):
        shapes |= {f"{head}/kernel": (1024, latent_size), f"{head}/bias": (latent_size,)}
    return shapes


_one_thread = False


def single_thread() -> None:
    """Keep TensorFlow, which bfloat16 needs, to one thread in this process. Call it before the first computation."""
    global _one_thread
    _one_thread = True


def _limit_tensorflow() -> None:
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # it has started already
        pass


class FrameEncoder:
    """V's encoder: uint8 frames (n, 64, 64, 3) to ``mu`` and ``log_variance``, float32 (n, latent); for one thread.

    Args:
        weights: arrays of :func:`wmlib.models.vae.build_encoder`, by name.
        compute: float32; int8, faster and slightly less exact, which needs the scales of
            :func:`calibrate` among the weights; or bfloat16 by TensorFlow, which is faster only
            where the processor multiplies it natively.
    """

    def __init__(self, weights: dict[str, np.ndarray], compute: str = "float32"):
        source = getattr(weights, "source", "encoder weights")
        scales = {f"conv{number}/scale": (channels,) for number, channels in enumerate((32, 64, 128), start=1)}
        plain = {name: array for name, array in weights.items() if name not in scales}
        self.latent_size = np.size(weights.get("mu/bias", ()))
        check_shapes(plain, encoder_shapes(self.latent_size or LATENT_SIZE), source)
        if self.latent_size % tiles.CHANNELS:
            raise UserError(f"{source}: {self.latent_size} latent dimensions, not a multiple of {tiles.CHANNELS}")
        if compute == "int8":
            check_shapes(weights, scales, source, more=True)
        if compute == "float32":
            self._encode = _float32_encoder(plain)
        elif compute == "int8":
            self._encode = _int8_encoder(weights)
        elif compute == "bfloat16":
            self._encode = _bfloat16_encoder(plain)
        else:
            raise UserError(f"encoder_compute={compute!r}: choose float32, bfloat16 or int8")

    def __call__(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Encode any number of frames, also none."""
        if frames.dtype != np.uint8 or frames.shape[1:] != FRAME_SHAPE:
            raise ValueError(f"frames are {frames.dtype} {frames.shape}, not uint8 (n, 64, 64, 3)")
        code = self._encode(np.ascontiguousarray(frames))
        return code[:, : self.latent_size].copy(), code[:, self.latent_size :].copy()


def _float32_arguments(weights: dict[str, np.ndarray]) -> tuple:
    layers = [(weights[f"conv{n}/kernel"], weights[f"conv{n}/bias"]) for n in (1, 2, 3, 4)]
    layers[0] = (layers[0][0] / np.float32(255), layers[0][1])  # frames stay integers
    heads = [
        np.concatenate([weights[f"mu/{part}"], weights[f"log_variance/{part}"]], -1) for part in ("kernel", "bias")
    ]
    packed = tuple(tiles.pack(kernel) for kernel, _ in [*layers, heads])
    biases = tuple(np.ascontiguousarray(bias, np.float32) for _, bias in [*layers, heads])
    return packed, biases, kernels.encoder_buffers(len(weights["mu/bias"]))


def _float32_encoder(weights: dict[str, np.ndarray]):
    """Frames to (n, 2 * latent) by our own kernels."""
    arguments = _float32_arguments(weights)
    return lambda frames: kernels.encode_frames(frames, *arguments)


def _int8_encoder(weights: dict[str, np.ndarray]):
    """Frames to (n, 2 * latent) in 8-bit integers."""
    arguments, memory = quantized.quantize(weights), quantized.buffers(len(weights["mu/bias"]))
    return lambda frames: quantized.encode_frames(frames, *arguments, memory)


def convolution_outputs(weights: dict[str, np.ndarray], frames: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """For each frame the outputs of the first three convolutions, (pixels, channels) float32."""
    packed, biases, buffers = _float32_arguments(weights)
    for frame in frames:
        kernels.encode_frames(frame[None], packed, biases, buffers)
        shapes = ((961, 32), (196, 64), (36, 128))
        yield tuple(
            buffer[: rows * columns].reshape(rows, columns).copy()
            for buffer, (rows, columns) in zip(buffers[1:4], shapes, strict=True)
        )


def calibrate(weights: dict[str, np.ndarray], frames: np.ndarray, share: float = 0.9999) -> dict[str, np.ndarray]:
    """Scales for the int8 encoder: what one step of a byte means, per output channel of each layer.

    Args:
        weights: the encoder's arrays.
        frames: uint8 (n, 64, 64, 3), a few hundred of those the encoder will meet.
        share: of a channel's values that a byte must reach; larger ones are cut off.

    Returns:
        ``conv1/scale`` (32,), ``conv2/scale`` (64,), ``conv3/scale`` (128,).
    """
    scales = {}
    for name, pictures in zip(quantized.LAYERS, zip(*convolution_outputs(weights, frames), strict=True), strict=True):
        values = np.concatenate(pictures)  # (frames * pixels, channels)
        top = np.quantile(values, share, axis=0)
        scales[f"{name}/scale"] = (np.maximum(top, 0.05 * top.max()) / 255).astype(np.float32)
    return scales


def _bfloat16_encoder(weights: dict[str, np.ndarray]):
    """Frames to (n, 2 * latent) by TensorFlow."""
    if _one_thread:
        _limit_tensorflow()
    import tensorflow as tf

    from wmlib.models.vae import build_encoder
    from wmlib.models.weights import set_model_weights

    latent_size = len(weights["mu/bias"])
    encoder = build_encoder(latent_size, compute="bfloat16")
    set_model_weights(encoder, weights, "encoder weights")

    @tf.function(input_signature=[tf.TensorSpec((BFLOAT16_GROUP, *FRAME_SHAPE), tf.uint8)], jit_compile=False)
    def encode(frames):
        return tf.concat(encoder(tf.cast(frames, tf.float32) / 255.0), axis=-1)

    def encode_all(frames: np.ndarray) -> np.ndarray:
        missing = -len(frames) % BFLOAT16_GROUP
        padded = np.concatenate([frames, np.zeros((missing, *FRAME_SHAPE), np.uint8)])
        parts = [encode(padded[i : i + BFLOAT16_GROUP]).numpy() for i in range(0, len(padded), BFLOAT16_GROUP)]
        return np.concatenate([np.empty((0, 2 * latent_size), np.float32), *parts])[: len(frames)]

    return encode_all


class MemoryStep:
    """M's LSTM, one step for many lanes: ``(z, a, h, c) -> (h, c)``, all float32.

    Args:
        weights: arrays of :class:`wmlib.models.mdnrnn.MDNRNN`, by name; only the LSTM's are used.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        inputs, hidden = np.shape(weights.get("lstm/kernel", 0))[:1], np.size(weights.get("lstm/bias", ())) // 4
        shapes = {"lstm/kernel": (*inputs, 4 * hidden), "lstm/recurrent_kernel": (hidden, 4 * hidden)}
        shapes["lstm/bias"] = (4 * hidden,)
        check_shapes(weights, shapes, getattr(weights, "source", "memory weights"), more=True)
        kernel, recurrent, bias = (weights[name] for name in shapes)
        self.input_size, self.hidden_size = inputs[0], hidden
        self.weights = _interleave(np.concatenate([kernel, recurrent]))  # (4 blocks, inputs + hidden, 32)
        self.bias = _interleave(bias[None])[:, 0]

    def __call__(self, z: np.ndarray, a: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Args: z (n, 32), a (n, 3), h and c (n, hidden). Returns the new h and c."""
        z, a, h, c = (np.ascontiguousarray(x, np.float32) for x in (z, a, h, c))
        if z.shape[1] + a.shape[1] + h.shape[1] != self.weights.shape[1]:
            raise ValueError(f"{z.shape[1]} + {a.shape[1]} + {h.shape[1]} inputs, not {self.weights.shape[1]}")
        new_h, new_c = np.empty_like(h), np.empty_like(c)
        kernels.lstm_step(z, a, h, c, self.weights, self.bias, new_h, new_c)
        return new_h, new_c


def _interleave(columns: np.ndarray) -> np.ndarray:
    """Columns (rows, 4 * hidden) in gate order i, f, g, o to packed blocks of 32 units: i, f, g, o of each block."""
    rows, hidden = columns.shape[0], columns.shape[1] // 4
    blocks = -(-hidden // tiles.CHANNELS)
    padded = np.zeros((rows, 4, blocks * tiles.CHANNELS), np.float32)
    padded[:, :, :hidden] = columns.reshape(rows, 4, hidden)
    return tiles.pack(padded.reshape(rows, 4, blocks, tiles.CHANNELS).transpose(0, 2, 1, 3).reshape(rows, -1))
