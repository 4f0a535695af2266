"""How well M predicts, in units that do not depend on how V scales its z.

Multiplying z by s adds log s to every negative log-likelihood without anything being learnt. Each dimension is
therefore divided by its standard deviation on the training episodes: likelihoods of different V's then share their
zero, the marginal Gaussian, and a dimension that V does not use adds nothing to the gain over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wmlib.models.inference import MemoryStep
from wmlib.models.mixture import mixture, mixture_nll

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Standard:
    """Statistics of z on the training episodes, each (32,): ``mean``, ``deviation``, and ``change``, the root mean
    squared difference of successive z."""

    mean: np.ndarray
    deviation: np.ndarray
    change: np.ndarray


def standard(episodes: list[np.ndarray]) -> Standard:
    """Statistics of sequences of z, each (T + 1, 32)."""
    z, change = np.concatenate(episodes), np.concatenate([np.diff(e, axis=0) for e in episodes])
    return Standard(z.mean(0), z.std(0), np.sqrt(np.square(change).mean(0)))


def gaussian_nll(x: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Negative log-density in nats of each number under its Gaussian."""
    return 0.5 * LOG_2PI + np.log(deviation) + 0.5 * np.square((x - mean) / deviation)


def states(step: MemoryStep, z: list[np.ndarray], actions: list[np.ndarray]) -> list[np.ndarray]:
    """M's h while it is fed whole episodes: for each, (T + 1, hidden), where row t has seen z and actions before t.

    Args:
        z: sequences (T + 1, 32), actions: sequences (T, 3).
    """
    lengths = np.array([len(a) for a in actions])
    h, c = np.zeros((2, len(z), step.hidden_size), np.float32)
    found = [np.zeros((length + 1, step.hidden_size), np.float32) for length in lengths]
    for t in range(lengths.max()):
        on = np.flatnonzero(t < lengths)
        inputs = np.stack([z[i][t] for i in on]), np.stack([actions[i][t] for i in on])
        h[on], c[on] = step(*inputs, h[on], c[on])
        for i in on:
            found[i][t + 1] = h[i]
    return found


def likelihoods(
    weights: dict[str, np.ndarray], z: list[np.ndarray], actions: list[np.ndarray], units: Standard
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Sums over each held-out episode, and the counts they are divided by, each (episodes,).

    ``nll``, ``marginal_nll``, ``persistence_nll``: nats per dimension of M, of a Gaussian that knows nothing, and of a
    Gaussian around the present z, all in standardised units; ``gain``: nats per step, over all dimensions, that M knows
    more than the marginal; ``gain_over_persistence`` likewise.

    Args:
        weights: M's arrays, by name.
        z: sequences (T + 1, 32), drawn from V's posterior, actions: sequences (T, 3).
        units: of the training episodes.
    """
    names = ("nll", "marginal_nll", "persistence_nll", "gain", "gain_over_persistence")
    sums = {name: [] for name in names}
    shift = np.log(units.deviation)  # density of z / s is s times that of z
    for sequence, h in zip(z, states(MemoryStep(weights), z, actions)):
        following = sequence[1:].astype(float)
        model = (mixture_nll(following, *mixture(weights, h[1:])) - shift).sum()
        marginal = (gaussian_nll(following, units.mean, units.deviation) - shift).sum()
        persistence = (gaussian_nll(following, sequence[:-1], units.change) - shift).sum()
        for name, value in zip(names, (model, marginal, persistence, marginal - model, persistence - model)):
            sums[name].append(value)
    steps = np.array([len(a) for a in actions], float)
    return {name: (np.array(sums[name]), steps if "gain" in name else steps * z[0].shape[1]) for name in names}
