"""The settings of C: what it sees, how it is searched, and in which world or dreams."""

from __future__ import annotations

from dataclasses import dataclass

from wmlib.config.settings import at_least, later, one_of, positive
from wmlib.errors import UserError


@dataclass(frozen=True)
class ControllerConfig:
    """C and the evolution strategy that finds it (paper appendix A.3 and A.4)."""

    inputs: str = "zh"
    """What C sees: z; zh, z and M's hidden state (paper: both are tried); or zch, its cell state between them (paper,
    Doom)."""
    hidden_units: int = 0
    """tanh units between input and action; 0 is linear (paper: 0, and 40 for one ablation)."""
    search: str = later("evolution")
    """How C is found: evolution, CMA-ES on returns (paper); imitation, by least squares on the actions of a teacher who
    senses the simulator's state, see ``teaching``; imitation+evolution, the one and then the other from there; or
    actor-critic, by gradients of dreams, see ``actor``."""
    population: int = 64
    """Candidates per generation (paper: 64)."""
    tracks: int = 4
    """Fresh tracks, or dreams, per generation, the same for all candidates (paper: 16)."""
    double_tracks_every: int = 0
    """Generations after which ``tracks`` doubles, again and again: as the candidates come to differ less, noise counts
    for more. 0 never doubles it (paper)."""
    sigma: float = 0.1
    """CMA-ES's initial step size (code: 0.1)."""
    generations: int = 250
    """Generations (paper: 1,800)."""
    early_generations: int = later(0)
    """Generations of the iterations before the last, which only have to find what C would do; 0: as many."""
    minutes: float = 0.0
    """Stop the search after so many minutes of its own wall time; 0 means no limit."""
    samples: int = 2
    """Simulator sub-samples per pixel edge while searching."""
    patience: int = 100
    """A lane stops when it reached no new tile for so many frames; its return is completed with the -0.1 per frame it
    would still pay. 0 switches this off."""
    validate_every: int = 5
    """Generations between validations of the search's mean."""
    validation_tracks: int = 32
    """Validation tracks (never used for anything else)."""
    world: str = later("real")
    """Where candidates are judged: real, or dream, inside M alone from an episode's first frame (paper section 4). In a
    dream nothing real chooses: the answer is the search's last mean, and validations only watch."""
    tau: float = later(1.0)
    """Temperature of these dreams; 1 is M's own uncertainty (paper: 1.15 in Doom)."""
    dream_steps: int = later(0)
    """Steps of such a dream, at most; 0: the task's time limit."""
    late_from: int = later(0)
    """The iteration from which on dreams are ``late_tau`` hot, ``late_steps`` long and ``calibrated``, an end counts
    ``late_caution`` times, and M learns ``memory.late_updates``; 0: never. What a young M says of long dreams is worth
    nothing."""
    late_tau: float = later(1.0)
    """Temperature of those dreams."""
    late_steps: int = later(0)
    """Steps of such a dream, at most; 0: the task's time limit."""
    late_caution: float = later(1.0)
    """How often each end counts in it."""
    dream_starts: str = later("first")
    """Where these dreams begin: first, at an episode's first frame with an empty memory (paper); or replayed, at any
    frame of an episode, M's memory warmed up on what really came before (Janner et al. 2019)."""
    dream_return: str = later("sum")
    """What a candidate's dreams are worth: sum, the mean of what they pay; or episode, what a whole episode would pay
    at their mean pace if it ended as often per step as they do. Short dreams, which lose little by ending, need it."""
    caution: float = later(1.0)
    """How often each end counts in such an episode: a C that M chose ends more often in the world than M foretells."""
    calibrated: bool = later(False)
    """Whether ends count, besides, as many times as the newest drivers' real episodes ended more often per step than
    their dreams do."""
    offset: float = later(0.0)
    """Standard deviation of what a dream adds to each of C's pre-activations, the same at all of its steps: a car that
    pulls to a side, or always has a little gas (Tobin et al. 2017, domain randomisation). M knows too little of what
    a C loses the road by; one that also drives such cars keeps away from it. Half of the neighbours that
    ``collect.on_policy_spread`` lets drive are such cars, too. 0: nothing."""
    begins_at: str = later("zeros")
    """Where the search of each iteration after the first begins: at zeros; at the last one's C; or it is the last one's
    search, which goes on."""
    sigma_limit: float = later(0.0)
    """The search's step size never grows beyond it; 0: no limit."""
    sigma_halves: int = later(0)
    """Generations in which that limit halves, again and again; 0: never. What a step wins grows with its length, what
    chance loses with its square: near a good C short ones win."""
    reads: str = later("newest")
    """Whose h C sees: the newest M's; or the first one's, which goes on meaning the same while later Ms only dream."""
    sees: str = later("z")
    """What of z C sees in a dream: z, as M draws it with the noise of V's posterior; or mean, what V's mean most likely
    is, since a real drive shows C nothing else. Where V has dimensions that say nothing, z is all noise there."""

    def __post_init__(self):
        one_of("controller.inputs", self.inputs, ("z", "zh", "zch"))
        at_least("controller.population", self.population, 4)
        at_least("controller.tracks", self.tracks, 1)
        at_least("controller.generations", self.generations, 1)
        one_of("controller.world", self.world, ("real", "dream"))
        one_of("controller.begins_at", self.begins_at, ("zeros", "last", "search"))
        one_of("controller.dream_return", self.dream_return, ("sum", "episode"))
        one_of("controller.reads", self.reads, ("newest", "first"))
        one_of("controller.sees", self.sees, ("z", "mean"))
        one_of("controller.dream_starts", self.dream_starts, ("first", "replayed"))
        one_of("controller.search", self.search, ("evolution", "imitation", "imitation+evolution", "actor-critic"))
        if self.taught and (self.world == "dream" or self.inputs == "zch"):
            raise UserError(f"controller.search={self.search}: its teacher drives CarRacing's real world, for z or zh")
        if self.search == "actor-critic" and (self.world, self.inputs, self.hidden_units) != ("dream", "zh", 0):
            raise UserError(
                "controller.search=actor-critic: learns a linear C of z and h in dreams; add --set "
                "controller.world=dream, and leave controller.inputs and controller.hidden_units"
            )
        unweighed = self.caution != 1 or self.calibrated or self.late_from
        if self.search == "actor-critic" and unweighed:
            raise UserError(
                "controller.search=actor-critic: every end of its dreams counts once; add --set controller.caution=1 "
                "--set controller.calibrated=false --set controller.late_from=0"
            )
        for name in ("sigma", "tau", "caution", "late_tau", "late_caution"):
            positive(f"controller.{name}", getattr(self, name))
        for name, given in (("caution", self.caution != 1), ("calibrated", self.calibrated)):
            if given and self.dream_return != "episode":
                raise UserError(f"controller.{name}: is about the ends of controller.dream_return=episode")
        if self.offset and (self.world, self.search, self.inputs == "zch") != ("dream", "evolution", False):
            raise UserError("controller.offset: is of an evolution in dreams, for a C with biases; give 0")
        if self.sigma_halves and not self.sigma_limit:
            raise UserError("controller.sigma_halves: there is no controller.sigma_limit to halve")

    @property
    def taught(self) -> bool:
        """Whether C has, or had, a teacher."""
        return self.search.startswith("imitation")
