"""How long M's imagination holds: after a warm-up on a real episode it continues alone, with the episode's actions.

What it imagines is read by the linear probe and drawn by V's decoder; both are compared with what really happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmlib.compare.labels import ROAD_LABELS
from wmlib.compare.memory import mixture, mixture_mean, states
from wmlib.compare.pixels import squared_error
from wmlib.compare.record import Settings
from wmlib.data.rollouts import RolloutStore
from wmlib.models.dream import Dream
from wmlib.seeds import generator

HORIZONS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100)
GROUPS = {"road": slice(0, ROAD_LABELS), "motion": slice(ROAD_LABELS, ROAD_LABELS + 2)}  # labels averaged together


@dataclass(frozen=True)
class Window:
    """A stretch of an episode: ``warm_up`` steps from ``start`` on, then those M continues alone."""

    episode: int
    start: int


def windows(lengths: list[int], first: int, needed: int, count: int) -> list[Window]:
    """Up to ``count`` places per episode, evenly from step ``first`` on, that leave room for ``needed`` steps.

    Args:
        lengths: steps of each episode.
    """
    found = []
    for episode, length in enumerate(lengths):
        room = length - needed - first
        if room >= 0:
            places = np.unique(np.linspace(first, first + room, min(count, room // 50 + 1)).astype(int))
            found += [Window(episode, int(start)) for start in places]
    return found


def imagine(
    weights: dict[str, np.ndarray], z: np.ndarray, actions: np.ndarray, warm_up: int, samples: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Warm M up on each window and let it continue.

    Args:
        z: (windows, warm_up + horizon + 1, 32) as V saw it; actions: (windows, warm_up + horizon, 3).
        warm_up: steps in which M is fed the real z.
        samples: continuations drawn at temperature 1.

    Returns:
        After 0 to horizon steps alone: sampled z (samples, windows, horizon + 1, 32), h beside it (..., hidden); and
        the same with M's expected z fed back instead, (windows, horizon + 1, 32) and (..., hidden).
    """
    dream = Dream(weights)
    horizon = actions.shape[1] - warm_up
    h, c = np.zeros((2, len(z), dream.hidden_size), np.float32)
    for t in range(warm_up):
        h, c = dream.memory(z[:, t], actions[:, t], h, c)
    random = generator(seed, "imagine")
    many = [np.tile(array, (samples, 1)) for array in (z[:, warm_up], h, c)]
    one = [z[:, warm_up], h, c]
    drawn, expected = [tuple(many[:2])], [tuple(one[:2])]
    for t in range(warm_up, warm_up + horizon):
        now, _, _, *state = dream.step(many[0], np.tile(actions[:, t], (samples, 1)), *many[1:], 1.0, random)
        many = [now, *state]
        state = dream.memory(one[0], actions[:, t], *one[1:])
        log_pi, mu, _ = mixture(weights, state[0])
        one = [mixture_mean(log_pi, mu).astype(np.float32), *state]
        drawn.append(tuple(many[:2]))
        expected.append(tuple(one[:2]))
    all_z, all_h = (np.stack(parts, axis=1) for parts in zip(*drawn))  # (samples * windows, horizon + 1, ...)
    shape = (samples, len(z), horizon + 1, -1)
    mean_z, mean_h = (np.stack(parts, axis=1) for parts in zip(*expected))
    return all_z.reshape(shape), all_h.reshape(shape), mean_z, mean_h


def state_errors(truth: np.ndarray, probed: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors in units of each label's variance, and which of them count: both (windows, horizons, labels).

    Args:
        truth: (windows, horizons, labels), NaN where a label has no meaning.
        probed: the same shape, or with samples in front: then the mean error of the samples.
        variance: (labels,) over the training episodes.
    """
    known = np.isfinite(truth)
    error = np.square(probed - np.where(known, truth, 0.0)) / variance
    error = error.mean(0) if probed.ndim > truth.ndim else error
    return np.where(known, error, 0.0), known.astype(float)


def by_episode(values: np.ndarray, found: list[Window], episodes: int) -> np.ndarray:
    """Sum (windows, ...) over the windows of each episode: (episodes, ...)."""
    sums = np.zeros((episodes, *values.shape[1:]))
    np.add.at(sums, [window.episode for window in found], values)
    return sums


def measure(
    weights: dict[str, np.ndarray],
    latents: list[dict[str, np.ndarray]],
    labels: list[np.ndarray],
    variance: np.ndarray,
    files: list[Path],
    linear: Callable,
    decode: Callable,
    settings: Settings,
    first: int,
) -> dict[str, tuple]:
    """Errors over the horizon, ``group/kind`` to (horizons, sums, counts), the latter (episodes, horizons).

    Groups: ``road`` and ``motion``, the probed labels in units of their variance, and ``pixels``, squared error of
    pixels in [0, 1]. Kinds: ``sample``, the mean error of M's samples; ``expected``, M's expectation fed back;
    ``persistence``, what was last seen; ``seen``, what is left when V sees the true frame. Empty if no episode is long
    enough.

    Args:
        weights: M's arrays, by name.
        latents: ``mu`` and ``actions`` of each held-out episode.
        labels: (T + 1, 8) of each; variance: (8,) over the training episodes.
        files: the recorded episodes.
        linear: the probe of [z, h]; decode: z (n, 32) to frames uint8.
        first: step before which nothing is measured.
    """
    warm_up, horizon = settings.warm_up, settings.horizon
    ahead = np.array([h for h in HORIZONS if h <= horizon])
    lengths = [len(episode["actions"]) for episode in latents]
    found = windows(lengths, first, warm_up + horizon, settings.windows)
    if not found:
        return {}
    z = np.stack([latents[w.episode]["mu"][w.start : w.start + warm_up + horizon + 1] for w in found])
    actions = np.stack([latents[w.episode]["actions"][w.start : w.start + warm_up + horizon] for w in found])
    drawn_z, drawn_h, mean_z, mean_h = imagine(weights, z, actions, warm_up, settings.samples)
    seen_h = np.stack(states(Dream(weights).memory, list(z), list(actions)))
    kinds = {
        "sample": (drawn_z[:, :, ahead], drawn_h[:, :, ahead]),
        "expected": (mean_z[:, ahead], mean_h[:, ahead]),
        "persistence": tuple(np.repeat(array[:, :1], len(ahead), axis=1) for array in (mean_z, mean_h)),
        "seen": (z[:, warm_up + ahead], seen_h[:, warm_up + ahead]),
    }
    steps = [window.start + warm_up + ahead for window in found]
    truth = np.stack([labels[window.episode][step] for window, step in zip(found, steps)])
    frames = np.stack([RolloutStore.read(files[window.episode]).frames[s] for window, s in zip(found, steps)])
    curves = {}
    for kind, (now_z, now_h) in kinds.items():
        errors = state_errors(truth, linear(np.concatenate([now_z, now_h], axis=-1)), variance)
        parts = {group: tuple(array[..., chosen].sum(-1) for array in errors) for group, chosen in GROUPS.items()}
        shown = now_z[: settings.decoded] if now_z.ndim == 4 else now_z[None]
        redrawn = decode(shown.reshape(-1, shown.shape[-1])).reshape(len(shown), *frames.shape)
        error = np.stack([squared_error(redrawn[:, i], frames[i]).mean((0, 2, 3)) for i in range(len(found))])
        parts["pixels"] = error, np.ones_like(error)
        for group, (sums, counts) in parts.items():
            totals = (by_episode(array, found, len(latents)) for array in (sums, counts))
            curves[f"openloop/{group}/{kind}"] = (ahead, *totals)
    return curves
