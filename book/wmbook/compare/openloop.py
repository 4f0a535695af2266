"""How long M's imagination holds: after a warm-up on a real episode it continues alone, with the episode's actions.

What it imagines is read by the linear probe and drawn by V's decoder; both are compared with what really happened.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmbook.compare.labels import ROAD_LABELS
from wmbook.compare.memory import states
from wmbook.compare.pixels import squared_error
from wmbook.compare.record import Settings
from wmlib.data.rollouts import RolloutStore
from wmlib.envs.dream import Dream
from wmlib.models.mixture import mixture, mixture_mean
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
    weights: dict[str, np.ndarray],
    z: np.ndarray,
    actions: np.ndarray,
    warm_up: int,
    ahead: list[int],
    samples: int,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Warm M up on each window and let it continue.

    Args:
        z: (windows, warm_up + 1 or more, 32) as V saw it; actions: (windows, warm_up + max(ahead) or more, 3).
        warm_up: steps in which M is fed the real z.
        ahead: after how many steps alone its state is kept, rising, from 0 on.
        samples: continuations drawn at temperature 1.

    Returns:
        Sampled z (samples, windows, len(ahead), 32) and the h beside it (..., hidden); and the same with M's expected z
        fed back instead, (windows, len(ahead), 32) and (..., hidden).
    """
    dream = Dream(weights)
    h, c = np.zeros((2, len(z), dream.hidden_size), np.float32)
    for t in range(warm_up):
        h, c = dream.memory(z[:, t], actions[:, t], h, c)
    random = generator(seed, "imagine")
    many = [np.tile(array, (samples, 1)) for array in (z[:, warm_up], h, c)]
    one = [z[:, warm_up], h, c]
    kept = []
    for step in range(ahead[-1] + 1):
        if step in ahead:
            kept.append((*many[:2], *one[:2]))
        if step == ahead[-1]:
            break
        action = actions[:, warm_up + step]
        now, _, _, *state = dream.step(many[0], np.tile(action, (samples, 1)), *many[1:], 1.0, random)
        many = [now, *state]
        state = dream.memory(one[0], action, *one[1:])
        log_pi, mu, _ = mixture(weights, state[0])
        one = [mixture_mean(log_pi, mu).astype(np.float32), *state]
    many_z, many_h, mean_z, mean_h = (np.stack(parts, axis=1) for parts in zip(*kept))
    shape = (samples, len(z), len(ahead), -1)
    return many_z.reshape(shape), many_h.reshape(shape), mean_z, mean_h


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
    found = windows([len(e["actions"]) for e in latents], first, warm_up + horizon, settings.windows)
    if not found:
        return {}
    stretches = [(latents[w.episode], slice(w.start, w.start + warm_up + horizon)) for w in found]
    z, actions = (np.stack([e[name][part] for e, part in stretches]) for name in ("mu", "actions"))
    many_z, many_h, mean_z, mean_h = imagine(weights, z, actions, warm_up, [0, *ahead], settings.samples)
    later = [window.start + warm_up + ahead for window in found]
    seen_z = np.stack([latents[window.episode]["mu"][steps] for window, steps in zip(found, later)])
    seen_h = np.stack(states(Dream(weights).memory, list(z), list(actions)))[:, warm_up + ahead]
    kinds = {
        "sample": (many_z[:, :, 1:], many_h[:, :, 1:]),
        "expected": (mean_z[:, 1:], mean_h[:, 1:]),
        "persistence": tuple(np.repeat(array[:, :1], len(ahead), axis=1) for array in (mean_z, mean_h)),
        "seen": (seen_z, seen_h),
    }
    truth = np.stack([labels[window.episode][steps] for window, steps in zip(found, later)])
    frames = _frames(files, found, later)
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


def _frames(files: list[Path], found: list[Window], later: list[np.ndarray]) -> np.ndarray:
    """The real frames at some steps of each window, (windows, steps, 64, 64, 3); each episode is read once."""
    frames = []
    for episode, group in itertools.groupby(zip(found, later), key=lambda pair: pair[0].episode):
        recorded = RolloutStore.read(files[episode]).frames
        frames += [recorded[steps] for _, steps in group]
    return np.stack(frames)
