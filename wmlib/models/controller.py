"""C: a linear map, or one small hidden layer, from what V sees and M remembers to an action (paper appendix A.3).

Parameters are one flat row, weights before biases: ``W`` (inputs, 3), then ``b`` (3); with hidden units ``W1`` (inputs,
hidden), ``b1``, ``W2`` (hidden, 3), ``b2``. Inputs are z, then h; in Doom z, c, h, one action, and no bias.
"""

from __future__ import annotations

import numpy as np

from wmlib.config import ACTION_SIZE, LATENT_SIZE, ControllerConfig


def input_size(config: ControllerConfig, hidden_size: int = 256, latent_size: int = LATENT_SIZE) -> int:
    """Numbers C sees: 32 for z, 32 + ``hidden_size`` of M for zh, and that twice for zch."""
    return latent_size + hidden_size * (len(config.inputs) - 1)


def parameter_count(
    config: ControllerConfig, hidden_size: int = 256, latent_size: int = LATENT_SIZE, action_size: int = ACTION_SIZE
) -> int:
    """Length of C's parameter row: 867 for zh, 99 for z, 1,443 for z with 40 hidden units, 1,088 for zch in Doom (the
    paper's four models)."""
    inputs, hidden = input_size(config, hidden_size, latent_size), config.hidden_units
    if hidden:
        return (inputs + 1) * hidden + (hidden + 1) * action_size
    return inputs if action_size == 1 else (inputs + 1) * action_size


def squash(pre_activation: np.ndarray) -> np.ndarray:
    """Any real numbers (..., 3) to an action: steer = tanh, gas = (tanh + 1) / 2, brake = tanh clipped to [0, 1].

    A single number (..., 1) is squashed by tanh.
    """
    action = np.tanh(pre_activation)
    if action.shape[-1] == ACTION_SIZE:
        action[..., 1] = (action[..., 1] + 1) / 2
        action[..., 2] = np.clip(action[..., 2], 0, 1)
    return action


def act(
    config: ControllerConfig,
    parameters: np.ndarray,
    z: np.ndarray,
    h: np.ndarray | None = None,
    c: np.ndarray | None = None,
    action_size: int = ACTION_SIZE,
) -> np.ndarray:
    """Actions float32 (lanes, action_size), every lane with parameters of its own.

    Args:
        parameters: (lanes, P).
        z: (lanes, 32).
        h, c: M's hidden and cell state before z is fed to it, (lanes, hidden); what C does not see is not looked at.

    Raises:
        ValueError: the parameters do not fit the inputs.
    """
    seen = {"z": z, "h": h, "c": c}
    x = np.concatenate([seen[name] for name in config.inputs], axis=1)  # (lanes, inputs)
    parameters = np.asarray(parameters, np.float64)
    hidden_size = 0 if config.inputs == "z" else np.shape(h)[1]
    if parameters.shape[1] != parameter_count(config, hidden_size, np.shape(z)[1], action_size):
        raise ValueError(f"{parameters.shape[1]} parameters do not fit {x.shape[1]} inputs")
    if config.hidden_units:
        end = (x.shape[1] + 1) * config.hidden_units
        x = np.tanh(_affine(parameters[:, :end], x, config.hidden_units))
        parameters = parameters[:, end:]
    return squash(_affine(parameters, x, action_size)).astype(np.float32)


def _affine(parameters: np.ndarray, x: np.ndarray, outputs: int) -> np.ndarray:
    """W x + b per lane, or W x without b. The order of summation depends on the sizes only, never on other lanes."""
    lanes, inputs = x.shape
    weights = parameters[:, : inputs * outputs].reshape(lanes, inputs, outputs)
    y = np.einsum("li,lio->lo", x, weights)
    return y + parameters[:, inputs * outputs :] if parameters.shape[1] > inputs * outputs else y
