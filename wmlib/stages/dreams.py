"""Dreams as a world to be judged in (paper section 4): M alone, from frames of recorded episodes."""

from __future__ import annotations

import numpy as np

from wmlib.data.lost import lost
from wmlib.data.rollouts import read_encoded
from wmlib.envs.dream import Dream
from wmlib.rollout.dreams import States, replay
from wmlib.runs import read_arrays
from wmlib.seeds import generator
from wmlib.stages.memory import latent_files

RECENT = 60  # episodes that replayed dreams begin in: so many of the newest, and as many of the random driver's
EVERY = 4  # frames between two states of them
BEGINNINGS = 0.3  # share of replayed dreams that begin where episodes do, in frames like no others: all begins there


class Dreams:
    """M of a chain; a track's seed says which recorded frame its dream begins with."""

    def __init__(self, chain):
        from wmlib.models.weights import load_weights

        self.task, self.settings = chain.config.numbers, chain.config.controller
        weights = load_weights(chain.memory / "memory.npz")
        self.world = Dream(weights, self.task.latent_size, self.task.action_size)
        self.files = latent_files(chain)[0]
        self.replayed = self._replay(chain) if self.settings.dream_starts == "replayed" else None

    def _replay(self, chain) -> tuple[States, States]:
        """States that real episodes began with, and that they went through before they lost the road."""
        own = latent_files(chain, since=2)[0] if chain.iteration > 1 else []
        foreign = self.files[: len(self.files) - len(own)]
        some = [read_encoded(file) for file in foreign[-RECENT:] + own[-RECENT:]]
        states = replay(self.world.memory, some, generator(chain.config.seed, "dream", "replay"), EVERY)
        frames = np.concatenate([np.arange(0, len(episode["actions"]), EVERY) for episode in some])
        on_the_road = np.concatenate([lost(episode)[::EVERY] == 0 for episode in some])
        return states.take(np.flatnonzero(frames == 0)), states.take(np.flatnonzero(on_the_road))

    def first(self, seed: int) -> States:
        """The state, a batch of one, that a seed's dream begins with."""
        random = generator(seed, "dream", "first frame")
        if self.replayed:
            states = self.replayed[random.random() >= BEGINNINGS]
            return states.take(random.integers(len(states), size=1))
        file = self.files[random.integers(len(self.files))]
        z = read_arrays(file, ("mu",))["mu"][:1].astype(np.float32)
        return States(z, *np.zeros((2, 1, self.world.hidden_size), np.float32))

    def __call__(self, executor, candidates: np.ndarray, seeds: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Returns and steps lived of candidates (n, P), both (seeds, n), wherever the executor lives them.

        Steps that an ended dream does not live are paid for, as those of a lane that patience stops.
        """
        starts = States.concatenate([self.first(seed) for seed in seeds])
        starts = starts.take(np.repeat(np.arange(len(seeds)), len(candidates)))
        lives = np.tile(candidates, (len(seeds), 1))
        steps, tau = self.settings.dream_steps or self.task.max_steps, self.settings.tau
        memory = starts.h, starts.c
        spread = executor.spread
        total, lived = self.world.returns(self.settings, lives, starts.z, steps, tau, seeds[0], spread, memory)
        total -= self.task.step_cost * (steps - lived)  # as of a lane that patience stops
        return total.reshape(len(seeds), -1), lived.reshape(len(seeds), -1)

    def judge(self, settings, executor, candidates: np.ndarray, seeds: list[int]) -> tuple[np.ndarray, int]:
        """Mean return of each candidate (n, P), and the steps it took: what the search asks of a world."""
        returns, steps = self(executor, candidates, seeds)
        return returns.mean(0), int(steps.sum())
