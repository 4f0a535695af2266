"""Whole dreams as a world to be judged in (paper section 4): M alone, from the first frames of recorded episodes."""

from __future__ import annotations

import numpy as np

from wmlib.envs.dream import Dream
from wmlib.runs import read_arrays
from wmlib.seeds import generator
from wmlib.stages.memory import latent_files


class Dreams:
    """M of a chain; a track's seed says which episode's first frame its dream begins with."""

    def __init__(self, chain):
        from wmlib.models.weights import load_weights

        self.task, self.settings = chain.config.numbers, chain.config.controller
        weights = load_weights(chain.memory / "memory.npz")
        self.world = Dream(weights, self.task.latent_size, self.task.action_size)
        self.files = latent_files(chain)[0]

    def first(self, seed: int) -> np.ndarray:
        """z (latent,) of the first frame that a seed's dream begins with."""
        file = self.files[generator(seed, "dream", "first frame").integers(len(self.files))]
        return read_arrays(file, ("mu",))["mu"][0].astype(np.float32)

    def __call__(self, executor, candidates: np.ndarray, seeds: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Returns and steps lived of candidates (n, P), both (seeds, n), wherever the executor lives them."""
        starts = np.stack([self.first(seed) for seed in seeds])
        z, lives = np.repeat(starts, len(candidates), axis=0), np.tile(candidates, (len(seeds), 1))
        steps, tau = self.settings.dream_steps or self.task.max_steps, self.settings.tau
        dreamt = self.world.returns(self.settings, lives, z, steps, tau, seeds[0], executor.spread)
        return tuple(array.reshape(len(seeds), -1) for array in dreamt)

    def judge(self, settings, executor, candidates: np.ndarray, seeds: list[int]) -> tuple[np.ndarray, int]:
        """Mean return of each candidate (n, P), and the steps it took: what the search asks of a world."""
        returns, steps = self(executor, candidates, seeds)
        return returns.mean(0), int(steps.sum())
