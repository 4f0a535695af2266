"""V's encoder and M's step as rollouts use them: plain arrays in and out, one thread, the same answer every time.

Every frame and every lane is computed in groups of a fixed size, short groups padded. The order of each sum is then
always the same: a frame's z does not depend on how many other frames come with it, nor on what they show.
"""

from __future__ import annotations

import numpy as np

from wmlib.errors import UserError


def single_thread() -> None:
    """Keep TensorFlow to one thread in this process. Call it before the first computation; later it has no effect."""
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # TensorFlow has started already
        pass


class FrameEncoder:
    """V's encoder: uint8 frames (n, 64, 64, 3) to ``mu`` and ``log_variance``, float32 (n, 32).

    Args:
        weights: arrays of :func:`wmlib.models.vae.build_encoder`, by name.
        compute: float32 or bfloat16.
        group: frames per call of the network.
    """

    def __init__(self, weights: dict[str, np.ndarray], compute: str = "float32", group: int = 32):
        import tensorflow as tf

        from wmlib.models.vae import build_encoder
        from wmlib.models.weights import set_model_weights

        if compute not in ("float32", "bfloat16"):
            raise UserError(f"encoder_compute={compute!r}: choose float32 or bfloat16")
        self.group = group
        encoder = build_encoder(weights["mu/bias"].shape[0], compute=compute)
        set_model_weights(encoder, weights, "encoder weights")

        @tf.function(input_signature=[tf.TensorSpec((group, 64, 64, 3), tf.uint8)], jit_compile=False)
        def encode(frames):
            return encoder(tf.cast(frames, tf.float32) / 255.0)

        self.encode = encode

    def __call__(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Encode any number of frames, also none."""
        parts = [self._group(frames[i : i + self.group]) for i in range(0, max(len(frames), 1), self.group)]
        mu, log_variance = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return mu[: len(frames)], log_variance[: len(frames)]

    def _group(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        missing = self.group - len(frames)
        if missing:
            frames = np.concatenate([frames, np.zeros((missing, *frames.shape[1:]), np.uint8)])
        return tuple(output.numpy() for output in self.encode(frames))


class MemoryStep:
    """M's LSTM, one step for many lanes: ``(z, a, h, c) -> (h, c)``, all float32.

    Args:
        weights: arrays of :class:`wmlib.models.mdnrnn.MDNRNN`, by name; only the LSTM's are used.
        group: lanes per matrix product.
    """

    def __init__(self, weights: dict[str, np.ndarray], group: int = 16):
        self.group = group
        self.hidden_size = weights["lstm/recurrent_kernel"].shape[0]
        kernel = np.concatenate(
            [weights["lstm/kernel"], weights["lstm/recurrent_kernel"]]
        )  # (z + a + hidden, 4 hidden)
        self.kernel = np.ascontiguousarray(kernel, np.float32)
        self.bias = weights["lstm/bias"].astype(np.float32)

    def __call__(self, z: np.ndarray, a: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Args: z (n, 32), a (n, 3), h and c (n, hidden). Returns the new h and c."""
        lanes = len(z)
        x = np.zeros((-(-lanes // self.group) * self.group, len(self.kernel)), np.float32)
        np.concatenate([z, a, h], axis=1, out=x[:lanes])
        gates = np.concatenate([x[i : i + self.group] @ self.kernel for i in range(0, len(x), self.group)])[:lanes]
        i, f, g, o = np.split(gates + self.bias, 4, axis=1)  # Keras' order: input, forget, candidate, output
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function, without overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5
