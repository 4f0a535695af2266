"""Weights as plain arrays in one ``.npz`` file: no pickle, no TensorFlow needed to read them.

Names are ``layer/variable``, for example ``conv1/kernel`` or ``lstm/recurrent_kernel``; layouts are Keras'.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.runs import DAMAGE, atomic_path, check_finite


class Weights(dict):
    """Arrays that know the file they come from, for messages about them."""

    source: str | Path = "weights"


def model_weights(model) -> dict[str, np.ndarray]:
    """Named float32 arrays of a Keras model (random generators and optimizer left out)."""
    return {_name(variable): np.asarray(variable, np.float32) for variable in model.weights}


def set_model_weights(model, weights: dict[str, np.ndarray], source: str | Path | None = None) -> None:
    """Inverse of :func:`model_weights`. Scales of the 8-bit encoder (``layer/scale``) may lie among the arrays.

    Raises:
        UserError: an array is missing, left over or of another shape; the message names ``source``, which is the file
            they were loaded from unless another is given.
    """
    source = source or getattr(weights, "source", "weights")
    variables = {_name(variable): variable for variable in model.weights}
    weights = {name: array for name, array in weights.items() if not name.endswith("/scale")}
    check_shapes(weights, {name: tuple(variable.shape) for name, variable in variables.items()}, source)
    for name, variable in variables.items():
        variable.assign(weights[name].astype(np.float32))


def save_weights(path: str | Path, weights: dict[str, np.ndarray], dtype: str = "float32") -> None:
    """Write arrays to ``path`` at once or not at all. ``dtype`` float16 halves the size for shipping."""
    weights = {name: np.asarray(array, dtype) for name, array in weights.items()}
    check_finite(path, weights)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **weights)


def load_weights(path: str | Path, shapes: dict[str, tuple[int, ...]] | None = None) -> dict[str, np.ndarray]:
    """Read arrays as float32.

    Args:
        shapes: names and shapes the file must hold; None accepts any.

    Raises:
        UserError: no such file, not a weights file, numbers that are not finite, or other shapes than asked for.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such weights file; run the stage that writes it first")
    try:
        with np.load(path, allow_pickle=False) as file:
            weights = Weights((name, file[name]) for name in file.files)
    except DAMAGE:
        raise UserError(f"{path}: not a readable weights file; delete it and redo its stage") from None
    check_finite(path, weights)
    weights.update({name: array.astype(np.float32) for name, array in weights.items()})
    weights.source = path
    if shapes is not None:
        check_shapes(weights, shapes, path)
    return weights


def check_shapes(
    weights: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]], source: str | Path, more: bool = False
) -> None:
    """Raise :class:`UserError` that names ``source`` and the first array that is missing, misshapen, or (unless there
    may be ``more``) left over."""
    for name, shape in shapes.items():
        if name not in weights:
            raise UserError(f"{source}: has no array {name!r}; it holds another model, point to the right file")
        if tuple(weights[name].shape) != tuple(shape):
            raise UserError(
                f"{source}: {name} has shape {tuple(weights[name].shape)}, this model needs {tuple(shape)}; "
                "use the settings it was trained with"
            )
    extra = sorted(set(weights) - set(shapes))
    if extra and not more:
        raise UserError(f"{source}: unknown array {extra[0]!r}; it holds another model, point to the right file")


def _name(variable) -> str:
    parts = [part for part in variable.path.split("/") if not part.endswith("_cell")]  # lstm/lstm_cell/kernel
    return "/".join(parts[-2:])
