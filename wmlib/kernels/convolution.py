"""Keras convolution layers whose weights are the standard ones but whose arithmetic suits a CPU better.

Kernels keep Keras' names, shapes and meaning, so weights move freely to and from plain ``Conv2D`` and
``Conv2DTranspose``. Only the way the same sums are formed differs. :func:`faster` swaps them in.
"""

from __future__ import annotations

import keras
import tensorflow as tf


def upsampling_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """A stride-2 transposed convolution's kernel as that of a stride-1 convolution to four times the channels.

    Output pixel ``2 i + p`` of a transposed convolution is ``sum_j input[i - j] kernel[2 j + p]``: for each of the
    four phases ``p`` an ordinary convolution (Shi et al. 2016, sub-pixel convolution).

    Args:
        kernel: (k, k, out, in) with even k, as Keras stores it.

    Returns:
        (k/2, k/2, in, 4 out), its channels ordered for ``depth_to_space``.
    """
    size, _, out_channels, in_channels = kernel.shape
    taps = size // 2
    phases = tf.reshape(kernel, (taps, 2, taps, 2, out_channels, in_channels))
    phases = tf.transpose(tf.reverse(phases, [0, 2]), (0, 2, 5, 1, 3, 4))
    return tf.reshape(phases, (taps, taps, in_channels, 4 * out_channels))


@tf.custom_gradient
def subpixel_transposed_convolution(x: tf.Tensor, kernel: tf.Tensor):
    """Stride-2 "valid" transposed convolution of few output channels: sub-pixel forward, plain convolutions backward.

    Args:
        x: (batch, n, n, in).
        kernel: (k, k, out, in), k even.

    Returns:
        (batch, 2 n + k - 2, 2 n + k - 2, out).
    """
    border = kernel.shape[0] // 2 - 1
    padded = tf.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
    y = tf.nn.depth_to_space(tf.nn.conv2d(padded, upsampling_kernel(kernel), 1, "VALID"), 2)

    def gradient(dy):
        dx = tf.nn.conv2d(dy, kernel, 2, "VALID")
        dkernel = tf.raw_ops.Conv2DBackpropFilter(
            input=dy, filter_sizes=tf.shape(kernel), out_backprop=x, strides=[1, 2, 2, 1], padding="VALID"
        )
        return dx, dkernel

    return y, gradient


@tf.custom_gradient
def four_patch_convolution(x: tf.Tensor, kernel: tf.Tensor):
    """Stride-2 convolution of 6x6 pictures with 4x4 kernels: four patches, one matrix product.

    Args:
        x: (batch, 6, 6, in).
        kernel: (4, 4, in, out).

    Returns:
        (batch, 2, 2, out).
    """
    channels, filters = kernel.shape[2:]
    patches = tf.stack([x[:, i : i + 4, j : j + 4] for i in (0, 2) for j in (0, 2)], axis=1)
    patches = tf.reshape(patches, (-1, 16 * channels))  # (batch * 4, 4 * 4 * in)
    flat = tf.reshape(kernel, (-1, filters))

    def gradient(dy):
        dy = tf.reshape(dy, (-1, filters))
        parts = tf.reshape(tf.matmul(dy, flat, transpose_b=True), (-1, 2, 2, 4, 4, channels))  # patch y, x, pixel y, x
        top, bottom = parts[:, 0], parts[:, 1]  # patches overlap by two pixels
        rows = tf.concat([top[:, :, :2], top[:, :, 2:] + bottom[:, :, :2], bottom[:, :, 2:]], axis=2)
        left, right = rows[:, 0], rows[:, 1]  # (batch, 6, 4, in)
        dx = tf.concat([left[:, :, :2], left[:, :, 2:] + right[:, :, :2], right[:, :, 2:]], axis=2)
        return dx, tf.reshape(tf.matmul(patches, dy, transpose_a=True), tf.shape(kernel))

    return tf.reshape(tf.matmul(patches, flat), (-1, 2, 2, filters)), gradient


@keras.saving.register_keras_serializable("wmlib")
class FourPatches(keras.layers.Conv2D):
    """``Conv2D`` with a 4x4 kernel and stride 2 on 6x6 pictures. (batch, 6, 6, in) to (batch, 2, 2, filters)."""

    def call(self, x):
        y = four_patch_convolution(x, tf.convert_to_tensor(self.kernel))
        return self.activation(tf.nn.bias_add(y, self.bias))


@keras.saving.register_keras_serializable("wmlib")
class PixelToPatch(keras.layers.Conv2DTranspose):
    """``Conv2DTranspose`` on a 1x1 picture: one matrix product. (batch, 1, 1, in) to (batch, k, k, filters)."""

    def call(self, x):
        kernel = tf.convert_to_tensor(self.kernel)  # (k, k, filters, in)
        y = tf.matmul(x[:, 0, 0], tf.reshape(kernel, (-1, kernel.shape[3])), transpose_b=True)
        y = tf.reshape(y, (-1, *kernel.shape[:3]))
        return self.activation(tf.nn.bias_add(y, self.bias))


@keras.saving.register_keras_serializable("wmlib")
class ToImage(keras.layers.Conv2DTranspose):
    """``Conv2DTranspose`` with stride 2 to few channels, in sub-pixel form."""

    def call(self, x):
        y = subpixel_transposed_convolution(x, tf.convert_to_tensor(self.kernel))
        return self.activation(tf.nn.bias_add(y, self.bias))


def faster(network: keras.Model) -> keras.Model:
    """The same network, weights included, with a faster twin for each convolution that has one."""
    copy = keras.models.clone_model(network, clone_function=lambda layer: _twin(layer).from_config(layer.get_config()))
    copy.set_weights(network.get_weights())
    return copy


def _twin(layer: keras.layers.Layer) -> type:
    """The class that does what ``layer`` does, fast."""
    if not isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose):
        return type(layer)
    pixels, size = layer.input.shape[1], layer.kernel_size[0]
    if isinstance(layer, keras.layers.Conv2D):
        return FourPatches if (pixels, size) == (6, 4) else type(layer)
    if pixels == 1:
        return PixelToPatch
    return ToImage if layer.filters <= 4 and size % 2 == 0 else type(layer)
