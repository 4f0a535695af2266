"""The settings of learning C by an actor-critic in dreams: ``controller.search=actor-critic``."""

from __future__ import annotations

from dataclasses import dataclass

from wmlib.config.settings import at_least, positive, share
from wmlib.errors import UserError


@dataclass(frozen=True)
class ActorConfig:
    """One generation is one step of C, from ``lanes`` dreams of ``controller.dream_steps`` steps."""

    lanes: int = 384
    """Dreams side by side in one step of C."""
    warm_up: int = 20
    """Generations, the first ones, that teach the critic only."""
    gamma: float = 0.997
    """Discount of rewards per step: looks ahead a third of an episode, so that a lost road costs what it costs."""
    decay: float = 0.95
    """Lambda of the generalised advantage: 0 trusts the critic after one step, 1 only where the dream stops."""
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

    def __post_init__(self):
        for name in ("lanes", "critic_units"):
            at_least(f"actor.{name}", getattr(self, name), 1)
        for name in ("sigma", "sigma_floor", "rate", "limit", "critic_rate"):
            positive(f"actor.{name}", getattr(self, name))
        for name in ("decay", "momentum"):
            share(f"actor.{name}", getattr(self, name))
        if not 0 <= self.gamma < 1:
            raise UserError(f"actor.gamma={self.gamma!r}: must be at least 0 and less than 1")
