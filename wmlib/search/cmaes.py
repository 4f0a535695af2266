"""CMA-ES (covariance matrix adaptation evolution strategy) as ask and tell, over pycma, with a complete state on disk.

Paper appendix A.4. The answer of a search is its mean (pycma's ``xfavorite``): under noisy fitness the best member of
a population is mostly a lucky one.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.runs import atomic_path


class CMAES:
    """Maximises a noisy fitness.

    Args:
        parameters: dimension of the search space.
        population: candidates per generation.
        sigma: initial step size.
        seed: everything the search draws follows from it.
        start: initial mean; zeros by default, as in the authors' code.
    """

    def __init__(self, parameters: int, population: int, sigma: float, seed: int, start: np.ndarray | None = None):
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
            ValueError: a fitness is not finite (pycma would silently move its mean there).
        """
        fitness = np.asarray(fitness, float)
        if not np.all(np.isfinite(fitness)):
            raise ValueError(f"fitness of candidate {int(np.argmin(np.isfinite(fitness)))} is not finite")
        self.strategy.tell(self._asked, list(-fitness))  # exactly the arrays asked: pycma checks consistency

    def save(self, path: Path) -> None:
        """Write the complete state, random generator included. A local working file, never published."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(pickle.dumps(self.strategy))

    @classmethod
    def load(cls, path: Path) -> CMAES:
        """Continue a search exactly where :meth:`save` left it. Only load files this program wrote."""
        search = cls.__new__(cls)
        try:
            search.strategy = pickle.loads(Path(path).read_bytes())
        except (pickle.UnpicklingError, EOFError, AttributeError, ValueError) as error:
            raise UserError(f"{path}: damaged search state ({error}); use --force to start this stage again") from None
        return search


class _Normal:
    """Standard normal draws of a generator of its own; a class, so that pickling the search keeps the stream."""

    def __init__(self, seed: int):
        from wmlib.seeds import generator

        self.generator = generator(seed, "cma-es")

    def __call__(self, *shape: int) -> np.ndarray:
        return self.generator.standard_normal(shape)
