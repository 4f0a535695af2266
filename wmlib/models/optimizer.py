"""Adam with TensorFlow's fused update, and the two-step learning rate of the experiments."""

from __future__ import annotations

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam, each variable updated in one pass over memory instead of a dozen; the same formula and state."""

    def update_step(self, gradient, variable, learning_rate):
        step = tf.cast(self.iterations + 1, tf.float32)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )


def two_step_rate(updates: int, learning_rate: float, final_learning_rate: float, final_share: float):
    """Schedule: ``learning_rate``, then ``final_learning_rate`` for the last ``final_share`` of ``updates``."""
    switch = round(updates * (1 - final_share))
    return keras.optimizers.schedules.PiecewiseConstantDecay([switch], [learning_rate, final_learning_rate])


def build_optimizer(
    updates: int, learning_rate: float, final_learning_rate: float, final_share: float, clip: float | None = None
) -> FusedAdam:
    """Adam at ``learning_rate``, then at ``final_learning_rate`` for the last ``final_share`` of ``updates``.

    Args:
        clip: bound on every gradient component, None for none.
    """
    rate = learning_rate
    if final_share > 0:
        rate = two_step_rate(updates, learning_rate, final_learning_rate, final_share)
    return FusedAdam(learning_rate=rate, clipvalue=clip)
