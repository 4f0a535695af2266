"""The settings of learning C inside M round after round: stage ``dream``."""

from __future__ import annotations

from dataclasses import dataclass

from wmlib.config.settings import at_least, positive, share
from wmlib.errors import UserError

_AT_LEAST_ONE = (
    *("rounds", "clean_episodes", "lanes", "horizon", "first_updates", "updates", "recent", "critic_units"),
    *("memory_first_updates", "memory_updates", "memory_batch", "validation_tracks"),
)
_POSITIVE = ("tau", "sigma", "sigma_floor", "rate", "limit", "critic_rate", "memory_rate", "memory_final_rate")
_SHARES = ("decay", "momentum", "own_starts", "early_starts", "memory_average", "own_data", "loss_data")


@dataclass(frozen=True)
class DreamConfig:
    """Rounds of: dream, drive, train M again. No step of C ever sees a real transition."""

    rounds: int = 40
    """Rounds; in each C dreams first and drives then."""
    clean_episodes: int = 4
    """Real episodes a round driven as C would be judged, without noise."""
    noisy_episodes: int = 4
    """Real episodes a round driven with persistent noise, so that M sees mistakes and what follows them."""
    noise: float = 0.3
    """Largest standard deviation of that noise; see ``collect.on_policy_noise``."""
    habits: float = 0.0
    """How far, on the pre-activations, each noisy episode's driver leans its own way from beginning to end."""
    patience: int = 150
    """A real episode ends after so many frames without a new tile; 0 drives every one to its end."""
    first_updates: int = 80
    """Steps of C in the first round."""
    updates: int = 60
    """Steps of C in each later round."""
    lanes: int = 384
    """Dreams side by side in one step of C."""
    horizon: int = 48
    """Steps of each dream; what lies beyond is the critic's to say."""
    tau: float = 1.0
    """Temperature of the dreams; 1 is M's own uncertainty."""
    gamma: float = 0.997
    """Discount of rewards per step: looks ahead a third of an episode, so that a spin costs what it costs."""
    first_gamma: float = 0.99
    """Discount in the first rounds, while the critic knows nothing."""
    first_gamma_rounds: int = 2
    """How many rounds that is."""
    decay: float = 0.95
    """Lambda of the generalised advantage: 0 trusts the critic after one step, 1 only at the horizon."""
    sigma: float = 0.3
    """Initial noise on C's pre-activations while dreaming; learnt afterwards."""
    sigma_floor: float = 0.1
    """That noise never falls below this."""
    rate: float = 1.0
    """Share of the natural gradient in one step."""
    limit: float = 0.03
    """Largest change of C in one step, nats per dreamt step."""
    damping: float = 0.1
    """See :class:`wmlib.search.actor_critic.NaturalGradient`."""
    momentum: float = 0.8
    """Share of the past in the averaged gradient."""
    critic_units: int = 128
    """Of each of the critic's two hidden layers."""
    critic_rate: float = 1e-3
    """Adam's rate for the critic."""
    own_starts: float = 0.75
    """Share of the dreams that begin in an episode C drove; the others begin in the random driver's."""
    early_starts: float = 0.15
    """Share of the dreams that begin within an episode's first 60 frames, while the picture still zooms in."""
    end_when_lost: bool = False
    """Whether M's done head learns, in hindsight, that the road is lost, so that a dream ends there."""
    loss_weight: float = 4.0
    """Weight, as a start, of a state within 40 frames before the road was lost."""
    recent: int = 60
    """Newest episodes of C's own that dreams begin in."""
    memory_first_updates: int = 400
    """Updates of M before each of the second and third rounds."""
    memory_updates: int = 200
    """Updates of M before each later round."""
    memory_rate: float = 1e-3
    """Adam's rate for M in the first five rounds."""
    memory_final_rate: float = 5e-4
    """Adam's rate for M afterwards."""
    memory_average: float = 0.98
    """M dreams and drives with the running average of its weights: the share of the past in it at each update."""
    memory_batch: int = 64
    """Sequences in an update of M."""
    memory_length: int = 64
    """Steps of each."""
    own_data: float = 0.65
    """Share of these sequences that C drove."""
    loss_data: float = 0.5
    """Share of those in which the road is lost."""
    validate_every: int = 0
    """Rounds between validations, which choose nothing and whose steps are not data; 0 never validates."""
    validation_tracks: int = 32
    """Validation tracks."""

    def __post_init__(self):
        for name in _AT_LEAST_ONE:
            at_least(f"dream.{name}", getattr(self, name), 1)
        at_least("dream.memory_length", self.memory_length, 2)
        for name in _POSITIVE:
            positive(f"dream.{name}", getattr(self, name))
        for name in _SHARES:
            share(f"dream.{name}", getattr(self, name))
        for name in ("gamma", "first_gamma"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"dream.{name}={getattr(self, name)!r}: must be at least 0 and less than 1")
