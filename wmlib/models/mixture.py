"""M's mixture of Gaussians in NumPy, for whoever looks at M without training it (paper section 3.2).

The same in TensorFlow, for training, stands in :mod:`wmlib.models.mdnrnn`; in compiled loops, for dreaming and for the
gradient, in ``wmlib.kernels``.
"""

from __future__ import annotations

import math

import numpy as np

from wmlib.config import LATENT_SIZE


def mixture(
    weights: dict[str, np.ndarray], h: np.ndarray, latent_size: int = LATENT_SIZE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """M's prediction from its state h (n, hidden): ``log_pi``, ``mu``, ``log_sigma``, each (n, mixtures, latent)."""
    output = h.astype(float) @ weights["mixture/kernel"] + weights["mixture/bias"]
    logits, mu, log_sigma = output.reshape(len(h), 3, -1, latent_size).swapaxes(0, 1)
    peak = logits.max(1, keepdims=True)
    return logits - peak - np.log(np.exp(logits - peak).sum(1, keepdims=True)), mu, log_sigma


def mixture_nll(z: np.ndarray, log_pi: np.ndarray, mu: np.ndarray, log_sigma: np.ndarray) -> np.ndarray:
    """Negative log-density in nats of z (n, latent), per dimension: (n, latent)."""
    joint = log_pi - log_sigma - 0.5 * np.square((z[:, None] - mu) * np.exp(-log_sigma))
    peak = joint.max(1)
    return 0.5 * math.log(2 * math.pi) - peak - np.log(np.exp(joint - peak[:, None]).sum(1))


def mixture_mean(log_pi: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Expected z (n, latent)."""
    return (np.exp(log_pi) * mu).sum(1)
