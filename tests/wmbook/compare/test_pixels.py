"""Pixel errors against closed forms and a structural similarity written out in NumPy."""

import numpy as np
import pytest

from wmbook.compare.pixels import compare_pixels, per_episode, psnr, shared_contrast, squared_error, ssim

RANDOM = np.random.default_rng(0)


def frames(count: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def test_squared_error_and_decibels():
    x, y = np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3), np.uint8)
    y[1] = 51  # a fifth of white
    assert squared_error(x, y)[:, 0, 0] == pytest.approx([0, 0.04])
    assert psnr(np.array([0.01, 1.0, 0.0])) == pytest.approx([20, 0, 100])


def brute_force_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, on grey values 0 to 255, mean over colours."""
    line = np.exp(-0.5 * np.square(np.arange(11) - 5) / 1.5**2)
    window = np.outer(line, line) / np.square(line.sum())
    values = []
    for colour in range(3):
        views = [np.lib.stride_tricks.sliding_window_view(a[..., colour].astype(float), (11, 11)) for a in (x, y)]
        mean = [(view * window).sum((2, 3)) for view in views]
        square = [(view**2 * window).sum((2, 3)) - m**2 for view, m in zip(views, mean)]
        cross = (views[0] * views[1] * window).sum((2, 3)) - mean[0] * mean[1]
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        top = (2 * mean[0] * mean[1] + c1) * (2 * cross + c2)
        values.append(top / ((mean[0] ** 2 + mean[1] ** 2 + c1) * (square[0] + square[1] + c2)))
    return float(np.mean(values))


def test_ssim_is_that_of_the_paper():
    x = frames(2)
    y = (0.7 * x + 0.3 * frames(2)).astype(np.uint8)
    assert ssim(x, y) == pytest.approx([brute_force_ssim(a, b) for a, b in zip(x, y)], abs=1e-4)
    assert ssim(x, x) == pytest.approx([1, 1])


def test_masked_errors_count_masked_pixels_only():
    x, car = np.zeros((3, 64, 64, 3), np.uint8), np.zeros((3, 64, 64), bool)
    y = x.copy()
    y[:, :2, :5], car[:, :2, :5] = 255, True
    car[2] = False  # a frame without a car has no say
    found = compare_pixels(x, y, car, ~car, np.array([0, 0, 1]))
    sums, counts = found["car_mse"]
    assert list(sums) == [20, 0] and list(counts) == [20, 0]
    sums, counts = found["edge_mse"]
    assert sums / counts == pytest.approx([0, 10 / 64**2])
    sums, counts = found["mse"]
    assert sums / counts == pytest.approx([10 / 64**2] * 2) and list(counts) == [2, 1]


def test_sharpness_is_lost_by_blur_and_misplacement_and_not_gained_by_grain():
    x = np.zeros((2, 64, 64, 3), np.uint8)
    x[0, :, 32:] = 255  # one upright edge: 64 steps of 1 in three colours
    assert shared_contrast(x, x) == pytest.approx([3 * 64, 0])
    ramp = x.copy()
    ramp[0, :, 31:33] = np.array([85, 170], np.uint8)[:, None]  # the same edge in three steps
    grain = x // 2 + RANDOM.integers(0, 60, x.shape, dtype=np.uint8)
    expected = ((ramp, 1 / 3, 1 / 3), (np.roll(x, 1, axis=2), 0, None), (grain, 0.5, None))
    for picture, sharpness, contrast in expected:
        found = compare_pixels(x[:1], picture[:1], x[:1, ..., 0] > 0, x[:1, ..., 0] > 0, np.array([0]))
        sums, counts = found["sharpness"]
        assert sums / counts == pytest.approx(sharpness, abs=0.03)
        if contrast:
            assert found["contrast"][0] / counts == pytest.approx(contrast)


def test_sums_of_episodes():
    sums, counts = per_episode(np.array([1.0, 2.0, 4.0]), np.array([1, 1, 1]), np.array([1, 1, 0]))
    assert list(sums) == [4, 3] and list(counts) == [1, 2]
