"""How alike two sets of pictures are as distributions: kernel distance, density and coverage.

They are measured in the features of networks with random weights, which belong to no arm and need no download; for
pictures unlike ImageNet's they are as sensible as a trained network's (Naeem et al. 2020, arXiv:2002.09797).
"""

from __future__ import annotations

import numpy as np

from wmlib.seeds import generator

FILTERS = (32, 64, 128, 256)
LAYERS = tuple(4 * filters for filters in FILTERS)  # features of each layer: its filters in four quarters
NEIGHBOURS = 5  # k of density and coverage (Naeem et al. 2020)


def random_features(frames: np.ndarray, seed: int) -> np.ndarray:
    """Features (n, 1920) of frames (n, 64, 64, 3) uint8: four random 4 x 4 convolutions of stride 2, each with ReLU.

    The output of every layer is averaged over the four quarters of the picture: fine texture from the early layers,
    layout from the late ones. Weights are normal with variance 2 / inputs (He et al. 2015).
    """
    import tensorflow as tf

    random, channels, kernels = generator(seed, "random features"), 3, []
    for filters in FILTERS:
        scale = np.sqrt(2 / (16 * channels))
        kernels.append((random.standard_normal((4, 4, channels, filters)) * scale).astype(np.float32))
        channels = filters

    def features(batch):
        x, found = tf.cast(batch, tf.float32) / 127.5 - 1.0, []
        for kernel in kernels:
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME"))
            size = x.shape[1] // 2
            found.append(tf.reshape(tf.nn.avg_pool2d(x, size, size, "VALID"), (-1, 4 * x.shape[-1])))
        return tf.concat(found, axis=-1)

    return np.concatenate([features(frames[i : i + 100]).numpy() for i in range(0, len(frames), 100)])


def standardise(reference: np.ndarray, *others: np.ndarray, layers: tuple[int, ...] = LAYERS) -> list[np.ndarray]:
    """``reference`` (n, d) and ``others``, centred; the mean variance of each layer is 1 over the reference. Float64.

    A layer is scaled as a whole: a feature that hardly ever changes stays small instead of deciding everything.

    Args:
        layers: features of each layer.
    """
    mean, variance = reference.mean(0, dtype=float), reference.var(0, dtype=float)
    size = np.repeat([part.mean() for part in np.split(variance, np.cumsum(layers)[:-1])], layers)
    scale = np.sqrt(np.where(size > 1e-12, size, 1.0))
    return [(features - mean) / scale for features in (reference, *others)]


def kid(x: np.ndarray, y: np.ndarray) -> float:
    """Kernel distance of two sets of features (n, d), (m, d): unbiased squared MMD, kernel (x.y / d + 1)^3.

    Zero on average for two samples of one distribution, so single values may be negative (Binkowski et al. 2018,
    arXiv:1801.01401).
    """
    n, m, d = len(x), len(y), x.shape[1]
    xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within - 2 * xy.mean())


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Density and coverage of ``fake`` (m, d) among ``real`` (n, d) features (Naeem et al. 2020, equations 5 and 6).

    Each real point has a ball that reaches to its k-th nearest real neighbour. Density is how many balls a fake point
    lies in, divided by k: about 1 for the same distribution. Coverage is the share of balls that hold a fake point:
    about 1 - 2^-k.
    """
    within, across = _distances(real, real), _distances(real, fake)
    radius = np.partition(within, k, axis=1)[:, k]  # a point is its own nearest
    inside = across < radius[:, None]
    return float(inside.sum(0).mean() / k), float(inside.any(1).mean())


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean distances (n, m)."""
    square = np.square(x).sum(1)[:, None] + np.square(y).sum(1)[None] - 2 * (x @ y.T)
    return np.sqrt(np.maximum(square, 0.0))


def compare_distributions(real: list[np.ndarray], fake: list[np.ndarray], blocks: int) -> dict[str, np.ndarray]:
    """KID, density and coverage of each block, mean over the networks: name to (blocks,).

    Args:
        real, fake: one array of features (n, d) per network, already standardised.
        blocks: disjoint parts of equal size; the first of ``real`` is compared with the first of ``fake``, and so on.
    """
    rows = []
    for one, other in zip(real, fake, strict=True):
        size = min(len(one), len(other)) // blocks
        parts = [(one[i * size : (i + 1) * size], other[i * size : (i + 1) * size]) for i in range(blocks)]
        k = min(NEIGHBOURS, size - 1)
        rows.append([(kid(x, y), *density_coverage(x, y, k)) for x, y in parts])
    means = np.mean(rows, axis=0)  # (blocks, 3)
    return dict(zip(("kid", "density", "coverage"), means.T))
