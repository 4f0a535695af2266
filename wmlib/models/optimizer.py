"""Adam with the two-step learning rate of the experiments."""

from __future__ import annotations

import keras


def two_step_rate(updates: int, learning_rate: float, final_learning_rate: float, final_share: float):
    """Schedule: ``learning_rate``, then ``final_learning_rate`` for the last ``final_share`` of ``updates``."""
    switch = round(updates * (1 - final_share))
    return keras.optimizers.schedules.PiecewiseConstantDecay([switch], [learning_rate, final_learning_rate])


def build_optimizer(
    updates: int, learning_rate: float, final_learning_rate: float, final_share: float, clip: float | None = None
) -> keras.optimizers.Adam:
    """Adam at ``learning_rate``, then at ``final_learning_rate`` for the last ``final_share`` of ``updates``.

    Args:
        clip: bound on every gradient component, None for none.
    """
    rate = learning_rate
    if final_share > 0:
        rate = two_step_rate(updates, learning_rate, final_learning_rate, final_share)
    return keras.optimizers.Adam(learning_rate=rate, clipvalue=clip)
