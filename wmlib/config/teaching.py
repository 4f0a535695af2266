"""The settings of learning C from a teacher: ``controller.search=imitation`` or ``imitation+evolution``."""

from __future__ import annotations

from dataclasses import dataclass

from wmlib.config.settings import at_least, later, positive
from wmlib.errors import UserError

SCHOOL, LESSONS = range(500_000, 600_000), range(600_000, 900_000)  # fitness tracks of its search, and of C's rounds
_AT_LEAST_ONE = ("generations", "tracks", "rounds", "episodes", "every", "passes", "last_passes", "batch_size")
_POSITIVE = ("sigma", "rate", "last_rate", "evolution_sigma")


@dataclass(frozen=True)
class TeachingConfig:
    """A teacher is found by evolution on the simulator's state; C then does as it does, on what C itself drives into
    (DAgger, Ross et al. 2011; with a privileged teacher, Chen et al. 2019)."""

    generations: int = 70
    """Generations of the teacher's search."""
    population: int = 32
    """Candidates in each."""
    tracks: int = 8
    """Fresh tracks in each, the same for all candidates."""
    sigma: float = 0.15
    """CMA-ES's initial step size."""
    blur: float = 1.0
    """How far the teacher's senses are blurred while it is judged, in units of ``wmlib.simulator.senses.BLUR``: it
    learns to keep margins that a C who looks at pictures can keep, too."""
    calm: float = 200.0
    """Points of return that steering costs while it is judged, times its mean change from frame to frame."""
    rounds: int = 16
    """Rounds in which C drives, the teacher says what it would have done, and C learns all that was said so far. In the
    first the teacher drives itself."""
    episodes: int = 96
    """Episodes in each."""
    shared_rounds: int = 2
    """Rounds after the first in which the teacher still drives every other episode."""
    noise: float = 0.1
    """Largest standard deviation of the persistent noise on the actions of these episodes."""
    patience: int = 100
    """An episode ends after so many frames without a new tile."""
    every: int = 2
    """Frames between two that are learnt from; neighbours are much alike."""
    passes: int = 4
    """Passes over all that was said, in each round."""
    last_passes: int = 20
    """The same, in the last round."""
    batch_size: int = 2048
    """Frames per update."""
    rate: float = 5e-3
    """Adam's rate at the start of each round's passes."""
    last_rate: float = 1e-4
    """Adam's rate at their end; it falls as a cosine."""
    evolution_sigma: float = later(0.01)
    """With ``controller.search=imitation+evolution``: CMA-ES's initial step size from where the lessons end, for inputs
    of standard deviation 1."""

    def __post_init__(self):
        at_least("teaching.population", self.population, 4)
        for name in _AT_LEAST_ONE:
            at_least(f"teaching.{name}", getattr(self, name), 1)
        for name in _POSITIVE:
            positive(f"teaching.{name}", getattr(self, name))
        for times, each, tracks in (("generations", "tracks", SCHOOL), ("rounds", "episodes", LESSONS)):
            asked, there = getattr(self, times) * getattr(self, each), len(tracks)
            if asked > there:
                raise UserError(f"teaching.{times} times teaching.{each} is {asked}: there are {there} tracks for it")
