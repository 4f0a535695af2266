"""CMA-ES (covariance matrix adaptation evolution strategy) as ask and tell, over pycma, with a complete state on disk.

Paper appendix A.4. The answer of a search is its mean (pycma's ``xfavorite``): under noisy fitness the best member of
a population is mostly a lucky one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.runs import read_arrays, write_arrays


class CMAES:
    """Maximises a noisy fitness.

    Args:
        parameters: dimension of the search space.
        population: candidates per generation.
        sigma: initial step size.
        seed: everything the search draws follows from it.
        start: initial mean; zeros by default, as in the authors' code.
        limit: the step size never grows beyond it; 0 is none.
        halves: generations in which the limit halves, again and again; 0: never.
    """

    def __init__(
        self,
        parameters: int,
        population: int,
        sigma: float,
        seed: int,
        start: np.ndarray | None = None,
        limit: float = 0.0,
        halves: int = 0,
    ):
        import cma

        options = {
            "popsize": population,
            "seed": np.nan,  # pycma then leaves the global generator alone
            "randn": _Normal(seed),
            "verbose": -9,
            "verb_disp": 0,
            "verb_log": 0,
            "signals_filename": "",  # pycma would otherwise look for a control file in the working directory
            "tolflatfitness": np.inf,  # an early plateau of equal returns is no reason to stop
            "tolfun": 0,
            "tolfunhist": 0,
            "tolx": 0,
            "tolstagnation": np.inf,
        }
        mean = np.zeros(parameters) if start is None else np.asarray(start, float)
        self.strategy = cma.CMAEvolutionStrategy(mean, sigma, options)
        self.limit, self.halves = limit, halves
        limits = [limit, halves][: 2 if halves else 1] if limit else []
        self.origin = np.array([parameters, population, sigma, seed, np.square(mean).sum(), *limits], float)
        self.told: list[np.ndarray] = []  # fitness of every generation, (population,) each

    @property
    def generation(self) -> int:
        """Generations told so far."""
        return self.strategy.countiter

    @property
    def mean(self) -> np.ndarray:
        """The search's current answer, float64 (parameters,)."""
        return np.array(self.strategy.result.xfavorite)

    @property
    def sigma(self) -> float:
        """Root mean square of the coordinate standard deviations."""
        return float(np.sqrt(np.mean(np.square(self.strategy.result.stds))))

    def ask(self) -> np.ndarray:
        """Candidates, float64 (population, parameters)."""
        self._asked = self.strategy.ask()
        return np.array(self._asked)

    def tell(self, fitness: np.ndarray) -> None:
        """Report the fitness (population,) of the candidates of the last :meth:`ask`; larger is better.

        Raises:
            UserError: a fitness is not finite (pycma would silently move its mean there).
        """
        fitness = np.asarray(fitness, float)
        if not np.all(np.isfinite(fitness)):
            raise UserError(f"fitness of candidate {int(np.argmin(np.isfinite(fitness)))} is not finite")
        self.told.append(fitness)
        self.strategy.tell(self._asked, list(-fitness))  # exactly the arrays asked: pycma checks consistency
        if self.limit:
            limit = self.limit * 0.5 ** (self.generation / self.halves) if self.halves else self.limit
            self.strategy.sigma = min(self.strategy.sigma, limit)

    def save(self, path: Path) -> None:
        """Write what the search was told, as arrays: with its seed, that is its complete state.

        Nothing that a file of this kind holds can run code, and no internals of pycma's are in it.
        """
        told = np.array(self.told).reshape(len(self.told), -1)
        write_arrays(path, {"origin": self.origin, "told": told, "mean": self.mean})

    def resume(self, path: Path) -> None:
        """Take a fresh search to where :meth:`save` left another: the same draws, told the same, end in the same place.

        Raises:
            UserError: the file is damaged, or of a search with other settings, or this machine's arithmetic differs.
        """
        saved = read_arrays(path, ("origin", "told", "mean"))
        told, population = saved["told"], self.strategy.popsize
        if not np.array_equal(saved["origin"], self.origin) or told.ndim != 2 or told.shape[1:] != (population,):
            raise UserError(f"{path}: is of another search; use --force to start this stage again")
        for fitness in told:
            self.ask()
            self.tell(fitness)
        if saved["mean"].shape != self.mean.shape or not np.allclose(saved["mean"], self.mean, rtol=1e-6, atol=1e-9):
            raise UserError(f"{path}: damaged, or this machine computes otherwise; go on where it was made, or --force")


def generations_told(path: Path) -> int:
    """Generations of the search that a file keeps. Raises :class:`UserError` if it is damaged."""
    return len(read_arrays(path, ("told",), {"told": (None, None)})["told"])


class _Normal:
    """Standard normal draws of a generator of its own."""

    def __init__(self, seed: int):
        from wmlib.seeds import generator

        self.generator = generator(seed, "cma-es")

    def __call__(self, *shape: int) -> np.ndarray:
        return self.generator.standard_normal(shape)
