"""Dreams as a world to be judged in (paper section 4): M alone, from frames of recorded episodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.config.tasks import Task
from wmlib.data.lost import losses, lost
from wmlib.data.rollouts import read_encoded
from wmlib.envs.dream import Dream
from wmlib.rollout.dreams import States, likely_mean, replay
from wmlib.runs import read_arrays
from wmlib.seeds import generator
from wmlib.stages.collect import drivers
from wmlib.stages.memory import latent_files

EARLY = 60  # frames in which the picture zooms in and the car comes to speed
RECENT = 120  # newest episodes, in whose states replayed dreams begin
EVERY = 4  # frames between two states of them
CALIBRATION = 384  # dreams, at least, that say how often dreams end
MISTRUST = 4.0  # an end of a dream stands for at most so many of the world
IN_TIME = 0.97  # share of the time limit in which a lap is fast enough
BEGINNINGS = 0.3  # share of replayed dreams that begin in such frames, which are like no others: all begins there


class Dreams:
    """M of a chain; a track's seed says which recorded frame its dream begins with."""

    def __init__(self, chain):
        from wmlib.models.weights import load_weights

        self.chain, self.task, self.settings = chain, chain.config.numbers, chain.config.controller
        self._scale: float | None = None
        weights = load_weights(chain.memory / "memory.npz")
        eyes = load_weights(chain.eyes / "memory.npz") if chain.eyes is not chain.memory else None
        self.files = latent_files(chain)[0]
        self.noise = chain.config.memory.latent_noise
        sight = likely_mean([self._read(f) for f in self.files[-RECENT:]]) if self.settings.sees == "mean" else None
        self.world = Dream(weights, self.task.latent_size, self.task.action_size, eyes, sight)
        self.replayed = self._replay(chain) if self.settings.dream_starts == "replayed" else None

    def _read(self, file: Path) -> dict[str, np.ndarray]:
        return read_encoded(file, self.noise)

    def _replay(self, chain) -> tuple[States, States]:
        """States that real episodes went through in their first frames, and in all before they lost the road."""
        some = [self._read(file) for file in self.files[-RECENT:]]
        memories = [self.world.memory, *([self.world.eyes] if self.world.eyes else [])]
        parts = [replay(memory, some, generator(chain.config.seed, "dream", "replay"), EVERY) for memory in memories]
        states = States(*parts[0].arrays, *(array for part in parts[1:] for array in (part.h, part.c)))
        frames = np.concatenate([np.arange(0, len(episode["actions"]), EVERY) for episode in some])
        on_the_road = np.concatenate([lost(episode)[::EVERY] == 0 for episode in some])
        return states.take(np.flatnonzero(on_the_road & (frames < EARLY))), states.take(np.flatnonzero(on_the_road))

    def first(self, seed: int) -> States:
        """The state, a batch of one, that a seed's dream begins with."""
        random = generator(seed, "dream", "first frame")
        if self.replayed:
            states = self.replayed[random.random() >= BEGINNINGS]
            return states.take(random.integers(len(states), size=1))
        file = self.files[random.integers(len(self.files))]
        z = read_arrays(file, ("mu",))["mu"][:1].astype(np.float32)
        return States(*self.world.empty(z))

    def states(self, seeds: list[int]) -> States:
        """Where the dreams of seeds begin."""
        return States.concatenate([self.first(seed) for seed in seeds])

    def offsets(self, seeds: list[int]) -> np.ndarray:
        """What the dreams of seeds add to C's pre-activations, (seeds, action)."""
        drawn = [generator(seed, "dream", "offset").standard_normal(self.task.action_size) for seed in seeds]
        return self.settings.offset * np.stack(drawn)

    def __call__(
        self, executor, candidates: np.ndarray, seeds: list[int], offset: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns and steps lived of candidates (n, P), both (seeds, n), wherever the executor lives them.

        Steps that an ended dream does not live are paid for, as those of a lane that patience stops.
        """
        starts = self.states(seeds).take(np.repeat(np.arange(len(seeds)), len(candidates)))
        lives = np.tile(candidates, (len(seeds), 1))
        if self.settings.offset and offset:
            lives[:, -self.task.action_size :] += np.repeat(self.offsets(seeds), len(candidates), axis=0)  # the biases
        steps, tau = self.settings.dream_steps or self.task.max_steps, self.settings.tau
        z, *memory = starts.arrays
        total, lived = self.world.returns(self.settings, lives, z, steps, tau, seeds[0], executor.spread, memory)
        total -= self.task.step_cost * (steps - lived)  # as of a lane that patience stops
        return total.reshape(len(seeds), -1), lived.reshape(len(seeds), -1)

    def judge(self, settings, executor, candidates: np.ndarray, seeds: list[int]) -> tuple[np.ndarray, int]:
        """Mean return of each candidate (n, P), and the steps it took: what the search asks of a world."""
        returns, lived = self(executor, candidates, seeds)
        if self.settings.dream_return == "sum":
            return returns.mean(0), int(lived.sum())
        steps, cost = self.settings.dream_steps or self.task.max_steps, self.task.step_cost
        paid = (returns + cost * (steps - lived)).sum(0)  # by the steps that were lived
        ended = self.settings.caution * self.scale(executor) * (lived < steps).sum(0)
        return episode_return(paid, lived.sum(0), ended, self.task), int(lived.sum())

    def scale(self, executor) -> float:
        """Ends of the world that an end of a dream stands for: those per step of the newest drivers' real episodes by
        those of their dreams, from 1 to ``MISTRUST``; 1 if nobody asks."""
        if not self.settings.calibrated or self.chain.iteration == 1:
            return 1.0
        if self._scale is None:
            seed, tried = self.chain.config.seed, drivers(self.chain)
            count = -(-CALIBRATION // len(tried))
            seeds = generator(seed, "dream", "calibration", self.chain.iteration).integers(2**31, size=count).tolist()
            _, lived = self(executor, tried, seeds, offset=False)
            dreamt = max(1, (lived < (self.settings.dream_steps or self.task.max_steps)).sum()) / lived.sum()
            files = [file for part in latent_files(self.chain, since=self.chain.iteration) for file in part]
            real = [read_encoded(file) for file in files]
            ends = [losses(episode) for episode in real]
            lived = [end[0] if len(end) else len(each["actions"]) for each, end in zip(real, ends, strict=True)]
            self._scale = float(np.clip(sum(len(end) > 0 for end in ends) / sum(lived) / dreamt, 1, MISTRUST))
        return self._scale


def episode_return(paid: np.ndarray, lived: np.ndarray, ended: np.ndarray, task: Task) -> np.ndarray:
    """What an episode is expected to pay to a driver whose dreams lived so many steps in all.

    A dream of 200 steps that ends in its middle loses a hundred of them; the episode it stands for loses all that would
    have come. With r paid and w ends per step lived, an episode of ``limit`` steps that ends as often lives (1 - exp(-w
    limit)) / w of them, each of which pays r; those it does not live cost ``step_cost`` each. A dream's road never
    ends, a lap does: what is faster than a lap in time pays no more. Otherwise C learns a speed that M has never seen.
    """
    limit, cost = task.max_steps, task.step_cost
    pace = np.minimum(paid / lived, task.prize / (IN_TIME * limit) - cost)
    hazard = np.maximum(ended / lived, 1e-9)
    alive = -np.expm1(-hazard * limit) / hazard
    return pace * alive - cost * (limit - alive)
