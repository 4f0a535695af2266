"""Driving inside M: no simulator, no pictures, only z drawn from the mixture again and again (paper section 4).

At each step C sees z_t and h_t (M's state before it is fed z_t), M is fed z_t and a_t, and its new state gives z_{t+1},
the reward and the end of the episode. Everything runs in :mod:`wmlib.kernels.float32`, lanes side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from wmlib.config import ACTION_SIZE, LATENT_SIZE, ControllerConfig
from wmlib.errors import UserError
from wmlib.kernels import float32 as kernels
from wmlib.kernels import tiles
from wmlib.models.controller import parameter_count
from wmlib.models.inference import MemoryStep
from wmlib.models.weights import check_shapes, load_weights
from wmlib.seeds import generator

BLOCK = 264  # lanes that share one generator and one reading of the weights; results do not depend on the threads
SHARES = 4  # blocks that few lanes are still divided into
STRETCH = 60  # steps after which dreams that have ended are left


def in_threads(function: Callable, calls: list[tuple], threads: int = 2) -> list:
    """Results of ``function(*call)``, in order."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, *zip(*calls, strict=True)))


@lru_cache(1)
def dream_of(
    file: Path,
    latent_size: int = LATENT_SIZE,
    action_size: int = ACTION_SIZE,
    eyes: Path | None = None,
    sight: tuple[tuple[float, ...], ...] | None = None,
) -> Dream:
    """The dream of a file of weights, read once in each process."""
    return Dream(load_weights(file), latent_size, action_size, load_weights(eyes) if eyes else None, sight)


class Dream:
    """M as an environment for many lanes at once.

    Args:
        weights: arrays of :class:`wmlib.models.mdnrnn.MDNRNN`, by name.
        eyes: those of another M of its size, which watches the dream, and whose h and c are what C sees.
        sight: factors and offsets, (2, latent): C sees factor * z + offset, by default z itself. See
            :func:`wmlib.rollout.dreams.likely_mean`.
    """

    def __init__(
        self,
        weights: dict[str, np.ndarray],
        latent_size: int = LATENT_SIZE,
        action_size: int = ACTION_SIZE,
        eyes: dict[str, np.ndarray] | None = None,
        sight: tuple[tuple[float, ...], ...] | np.ndarray | None = None,
    ):
        source = getattr(weights, "source", "memory weights")
        self.source, self.memory = source, MemoryStep(weights)
        inputs, hidden = self.memory.input_size, self.memory.hidden_size
        outputs = np.size(weights.get("mixture/bias", ()))
        shapes = {name: (size,) for name, size in (("mixture", outputs), ("reward", 1), ("done", 1))}
        shapes = {f"{name}/{part}": shape for name, size in shapes.items()
                  for part, shape in (("kernel", (hidden, *size)), ("bias", size))}  # fmt: skip
        check_shapes(weights, shapes, source, more=True)
        if latent_size % tiles.CHANNELS or outputs % (3 * latent_size) or inputs != latent_size + action_size:
            raise UserError(
                f"{source}: {inputs} inputs and {outputs} mixture outputs do not fit {latent_size} latent "
                f"dimensions (a multiple of {tiles.CHANNELS}) and {action_size} actions; give those M was trained with"
            )
        self.latent_size, self.action_size, self.hidden_size = latent_size, action_size, hidden
        itself = np.float32([[1], [0]]).repeat(latent_size, axis=1)
        self.sight = itself if sight is None else np.array(sight, np.float32).reshape(itself.shape)
        self.sees_z = sight is None
        self.eyes, self.eyes_source = None, getattr(eyes, "source", None)
        if eyes is not None:
            self.eyes = MemoryStep(eyes)
            if (self.eyes.input_size, self.eyes.hidden_size) != (inputs, hidden):
                raise UserError(
                    f"{self.eyes_source or 'eyes'}: an M of another size than {source}; give its own first M"
                )
        heads = [
            np.concatenate([weights[f"{head}/{part}"] for head in ("mixture", "reward", "done")], axis=-1)
            for part in ("kernel", "bias")
        ]
        spare = np.zeros((self.hidden_size + 1, -heads[1].size % tiles.CHANNELS), np.float32)  # fills the last block
        self.weights = tiles.pack(np.concatenate([heads[0], spare[1:]], axis=-1))
        self.bias = np.concatenate([heads[1], spare[0]]).astype(np.float32).reshape(-1, tiles.CHANNELS)

    def __reduce__(self):
        """To another process goes the name of the file, which is read there once."""
        if isinstance(self.source, Path):
            eyes = self.eyes_source.absolute() if self.eyes else None
            sight = None if self.sees_z else tuple(map(tuple, self.sight.tolist()))
            return dream_of, (self.source.absolute(), self.latent_size, self.action_size, eyes, sight)
        return super().__reduce__()

    def seen(self, z: np.ndarray, h: np.ndarray) -> np.ndarray:
        """What C sees of z (lanes, latent) and the h (lanes, hidden) of M or of the eyes."""
        return np.concatenate([self.sight[0] * z + self.sight[1], h], axis=1)

    def step(self, z, a, h, c, tau: float, random: np.random.Generator) -> tuple[np.ndarray, ...]:
        """One step of every lane.

        Args:
            z: (lanes, 32), a: (lanes, 3), h and c: (lanes, hidden); float32.
            tau: temperature, positive; 1 is M's own uncertainty.
            random: where the noise comes from.

        Returns:
            z (lanes, 32), reward (lanes,), done logit (lanes,), h and c after the step.
        """
        _check_temperature(tau)
        h, c = self.memory(z, a, h, c)
        z, reward, done = np.empty((len(h), self.latent_size), np.float32), *np.empty((2, len(h)), np.float32)
        kernels.sample_heads(h, self.weights, self.bias, tau, random, z, reward, done)
        return z, reward, done, h, c

    def returns(
        self,
        config: ControllerConfig,
        parameters: np.ndarray,
        z: np.ndarray,
        steps: int,
        tau: float = 1.0,
        seed: int = 0,
        spread: Callable = in_threads,
        memory: tuple[np.ndarray, ...] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Drive every lane until its end, ``steps`` steps at most.

        Args:
            config: C's architecture.
            parameters: (lanes, P), a controller per lane.
            z: (lanes, latent), where each dream begins.
            seed: fixes all noise.
            spread: calls a function with each of several tuples of arguments, results in order; where, changes nothing.
            memory: M's h and c there, both (lanes, hidden), and those of the eyes; by default they are empty.

        Returns:
            Return and steps lived of every lane, float64 and int, both (lanes,).

        Raises:
            UserError: a temperature that is not positive.
            ValueError: parameters that do not fit.
        """
        states, lanes = self.begin(config, parameters, z), np.arange(len(z))
        states[1:] = memory or states[1:]
        totals, count = np.zeros(len(z)), np.zeros(len(z), int)
        for first in range(0, steps, STRETCH):
            draws = (seed, "dream", "stretch", first)
            share = min(BLOCK, 12 * -(-len(lanes) // (12 * SHARES)))
            arguments = config, parameters[lanes], states, min(STRETCH, steps - first), tau, draws, spread
            *states, rewards, done, _, _ = self.live_all(*arguments, size=share)
            lived, ended = lived_of(done)
            totals[lanes] += (rewards * lived).sum(0, dtype=float)
            count[lanes] += lived.sum(0)
            lanes, states = lanes[~ended], [state[~ended] for state in states]
            if len(lanes) == 0:
                break
        return totals, count

    def begin(self, config: ControllerConfig, parameters: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
        """As :meth:`empty`; parameters that do not fit are refused."""
        count = parameter_count(config, self.hidden_size, self.latent_size, self.action_size)
        if parameters.shape != (len(z), count):
            raise ValueError(f"parameters are {parameters.shape}, not {(len(z), count)}")
        return self.empty(z)

    def empty(self, z: np.ndarray) -> list[np.ndarray]:
        """z, h and c, and the eyes' if there are, of dreams that begin in z (lanes, latent) and remember nothing."""
        return [np.array(z, np.float32), *np.zeros((4 if self.eyes else 2, len(z), self.hidden_size), np.float32)]

    def live_all(
        self, config, parameters, states, steps, tau, draws, spread, size: int = BLOCK, record: bool = False
    ) -> list[np.ndarray]:
        """What :meth:`live` gives, of all lanes."""
        _check_temperature(tau)
        blocks = []
        for number, first in enumerate(range(0, len(parameters), size)):
            part = slice(first, first + size)
            mine = parameters[part], [state[part] for state in states]
            blocks.append((config, *mine, steps, tau, (*draws, number), record))
        lived = zip(*spread(self.live, blocks), strict=True)
        return [np.concatenate(parts, axis=0 if index < len(states) else 1) for index, parts in enumerate(lived)]

    def live(self, config, parameters, states, steps, tau, draws, record: bool) -> tuple[np.ndarray, ...]:
        """A block of lanes, which share the generator of ``draws``.

        Returns:
            z, h and c, and the eyes' if there are, (lanes, size) after ``steps`` steps, rewards and done logits (steps,
            lanes), and if recorded z (steps + 1, lanes, latent) and actions (steps, lanes, actions) of every step; else
            these have no steps.
        """
        states = [np.array(state) for state in states]
        now, h, c = states[:3]
        seen_h, seen_c = states[3:] or (h, c)
        eyes = self.eyes or self.memory
        rewards, done = np.empty((2, steps, len(now)), np.float32)
        kept = np.empty((steps + 1 if record else 0, *now.shape), np.float32)
        kept[:1] = now
        actions = np.empty((steps if record else 0, len(now), self.action_size), np.float32)
        kernels.dream(
            np.array(parameters, np.float32),
            config.hidden_units,
            len(config.inputs) - 1,
            (self.memory.weights, self.memory.bias, self.weights, self.bias),
            (eyes.weights, eyes.bias),
            self.sight,
            tau,
            generator(*draws),
            now,
            h,
            c,
            seen_h,
            seen_c,
            kept,
            actions,
            rewards,
            done,
        )
        return *states, rewards, done, kept, actions


def lived_of(done: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which steps (steps, lanes) were lived, the one that ends an episode too, and which lanes (lanes,) have ended."""
    ended = np.maximum.accumulate(done > 0, axis=0)
    return np.concatenate([np.ones_like(ended[:1]), ~ended[:-1]]), ended[-1]


def _check_temperature(tau: float) -> None:
    if not tau > 0:
        raise UserError(f"temperature {tau}: must be positive; 1 is M's own uncertainty")
