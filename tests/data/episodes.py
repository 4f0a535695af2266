"""Encoded episodes of which only the rewards matter."""

import numpy as np


def episode(rewards, mark: float = 0.0) -> dict[str, np.ndarray]:
    steps = len(rewards)
    codes = np.full((steps + 1, 32), mark, np.float32)
    zeros = np.zeros(steps, np.float32)
    return {
        "mu": codes,
        "log_variance": codes,
        "actions": np.zeros((steps, 3), np.float32),
        "rewards": np.asarray(rewards, np.float32),
        "done": zeros,
    }


def losing(at: int, steps: int = 200) -> dict[str, np.ndarray]:
    """A tile at every second frame up to ``at``, then none."""
    return episode([3.0 if t <= at and t % 2 == 0 else -0.1 for t in range(steps)])
