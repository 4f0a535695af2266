"""How close pictures are, pixel by pixel. All functions take frames (n, 64, 64, 3) as uint8 and give one row each.

A decoder trained on squared error wins on squared error by construction; errors over the car and over the edges of the
road, a few percent of the pixels, say more about what a driver needs.
"""

from __future__ import annotations

import numpy as np


def squared_error(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared difference of pixel values in [0, 1], mean over the colours: (n, 64, 64)."""
    return np.square((x.astype(np.float32) - y.astype(np.float32)) / np.float32(255)).mean(-1)


def psnr(mse: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio in dB of mean squared errors of pixels in [0, 1]; 100 dB where they agree exactly."""
    return -10 * np.log10(np.maximum(mse, 1e-10))


def ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004), 11 x 11 Gaussian window: (n,)."""
    import tensorflow as tf

    parts = [tf.image.ssim(x[i : i + 200], y[i : i + 200], max_val=255).numpy() for i in range(0, len(x), 200)]
    return np.concatenate(parts)


def shared_contrast(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Products of the steps from pixel to pixel, in [0, 1], in two pictures, summed over each frame: (n,).

    With itself it is a picture's contrast, which blur lowers and grain raises. Between a frame and its reconstruction
    it counts only steps in the same place: divided by the frame's own contrast, 1 is as sharp as the frame, blur and
    misplaced edges lower it, and grain averages out. Edges decide it, because large steps count most.
    """
    x, y = (frames.astype(np.float32) / np.float32(255) for frames in (x, y))
    return sum((np.diff(x, axis=axis) * np.diff(y, axis=axis)).sum((1, 2, 3), dtype=float) for axis in (1, 2))


def per_episode(values: np.ndarray, counts: np.ndarray, episode: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of values and of counts (n,) over the frames of each episode: ``episode`` (n,) numbers from 0."""
    episodes = int(episode.max()) + 1
    return np.bincount(episode, values, episodes), np.bincount(episode, counts, episodes)


def compare_pixels(
    x: np.ndarray, y: np.ndarray, car: np.ndarray, edge: np.ndarray, episode: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Sums and counts over episodes of every pixel measurement; ``sharpness`` is the share of the frames' contrast that
    is kept in its place, ``contrast`` that of any.

    Args:
        x, y: frames and reconstructions.
        car, edge: (n, 64, 64) bool.
        episode: (n,) number of each frame's episode, from 0.
    """
    error = squared_error(x, y)
    mse, one = error.mean((1, 2)), np.ones(len(x))

    def masked(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return per_episode((error * mask).sum((1, 2)), mask.sum((1, 2)), episode)

    return {
        "mse": per_episode(mse, one, episode),
        "psnr": per_episode(psnr(mse), one, episode),
        "ssim": per_episode(ssim(x, y), one, episode),
        "car_mse": masked(car),
        "edge_mse": masked(edge),
        "sharpness": per_episode(shared_contrast(x, y), shared_contrast(x, x), episode),
        "contrast": per_episode(shared_contrast(y, y), shared_contrast(x, x), episode),
    }
