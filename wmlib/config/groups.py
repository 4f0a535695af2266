"""The groups of settings: what V, M and their stages can be told, with defaults and sources.

A value that is the paper's says so; "code" means the authors' published code where it differs from the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from wmlib.config.settings import at_least, later, one_of, positive, share
from wmlib.errors import UserError


@dataclass(frozen=True)
class CollectConfig:
    """Rollouts of a random driver: what V and M learn from."""

    episodes: int = 1000
    """Number of episodes (paper: 10,000)."""
    steps: int = 400
    """Frames recorded per episode, at most (paper: 1,000)."""
    samples: int = 3
    """Simulator sub-samples per pixel edge while recording (anti-aliasing)."""
    holdout: float = 0.05
    """Share of episodes kept apart to measure V and M on tracks they never saw."""
    on_policy_episodes: int = 400
    """Episodes added in each iteration after the first, driven by noisy copies of the last controller."""
    on_policy_steps: int = later(0)
    """Real steps of such an iteration, about: as many episodes, one to five times ``on_policy_episodes``, as give them
    if they last as long as the last iteration's (where they come to last longer, there are more steps). Drivers who
    soon lose the road then drive more episodes. 0: always ``on_policy_episodes``."""
    on_policy_noise: float = 0.3
    """Standard deviation of the persistent action noise of those drivers."""
    on_policy_patience: int = later(0)
    """They stop when they reached no new tile for so many frames; 0: they drive to the end (paper)."""
    on_policy_spread: float = later(0.0)
    """Share of those episodes driven by neighbours of the last controller, drawn about it as far off as its search's
    last candidates were, instead of by itself."""

    def __post_init__(self):
        at_least("collect.episodes", self.episodes, 2)
        at_least("collect.steps", self.steps, 8)
        at_least("collect.samples", self.samples, 1)
        share("collect.on_policy_spread", self.on_policy_spread)
        if not 0 < self.holdout < 1:
            raise UserError(f"collect.holdout={self.holdout!r}: must lie between 0 and 1")


@dataclass(frozen=True)
class VisionConfig:
    """V, the variational autoencoder (paper appendix A.1)."""

    kl_floor: float = 0.5
    """Free nats per latent dimension: the KL term counts as max(KL, kl_floor * 32) (code; the text has none)."""
    batch_size: int = 100
    """Frames per update (code)."""
    updates: int = 12000
    """Gradient steps (code: 10 epochs of 10 million frames)."""
    learning_rate: float = 1e-3
    """Adam's rate (code: 1e-4)."""
    final_learning_rate: float = 1e-4
    """Rate of the last ``final_share`` of the updates."""
    final_share: float = 0.3
    """Share of the updates made at the final rate."""
    compute: str = "float32"
    """Arithmetic of training: float32, or bfloat16 where the processor multiplies it natively."""
    checkpoint_every: int = 500
    """Updates between checkpoints."""

    def __post_init__(self):
        one_of("vae.compute", self.compute, ("float32", "bfloat16"))
        at_least("vae.batch_size", self.batch_size, 1)
        at_least("vae.updates", self.updates, 1)


@dataclass(frozen=True)
class VaeGanConfig:
    """V as a VAE/GAN (Larsen et al. 2016): the VAE's encoder and decoder with a discriminator beside them.

    ``variant=recommended`` is the arm: likeness in standardised features plus a pixel term, non-saturating decoder
    loss, Adam, spectral normalisation, a discriminator that waits when far ahead. ``variant=paper`` is the authors'
    code: likeness as the sum over the raw last convolution, minimax decoder loss, RMSProp, batch normalisation in the
    discriminator, and either player waiting for the other. A variant is a preset of this group: it sets the values
    below that are its own, and those given beside it count. The networks keep our sizes in both.
    """

    variant: str = "recommended"
    """recommended, or paper."""
    gamma: float = 0.03
    """Weight of the likeness L_llike against L_GAN in the decoder's loss (paper's code: 1e-6, for a sum over features);
    the chapter on the VAE/GAN measures what share of the push on a picture it leaves to L_GAN. May be changed when an
    unfinished training is resumed."""
    feature_layer: int = 3
    """The discriminator's convolution, 1 to 4, in whose output likeness is measured (paper's code: the last)."""
    feature_weight: float = 200.0
    """Gaussian observations that all standardised features together count as. Unused by the paper's variant."""
    pixel_weight: float = 1.0
    """Weight of the squared pixel error inside L_llike: keeps colours and the road in place while the discriminator
    still knows nothing (paper: 0; 1 is the VAE's own)."""
    margin: float = 0.35
    """The discriminator waits while its cross-entropy, on frames or on fakes, is this far below that of a guess, log 2
    (authors' code); 1 means it never waits. In the paper's variant the decoder waits as far above it."""
    kl_floor: float = 0.5
    """Free nats per latent dimension, as ``vae.kl_floor`` (paper: 0)."""
    batch_size: int = 100
    """Frames per update; as many prior samples (paper: 64)."""
    updates: int = 12000
    """Gradient steps of each network, as ``vae.updates``."""
    learning_rate: float = 1e-3
    """Rate of encoder and decoder (paper: 3e-4). May be changed on resuming."""
    discriminator_learning_rate: float = 2e-4
    """Rate of the discriminator (paper: 3e-4). May be changed on resuming."""
    final_learning_rate: float = 1e-4
    """Encoder's and decoder's rate in the last ``final_share`` of the updates; the discriminator's falls by the same
    factor. May be changed on resuming."""
    final_share: float = 0.3
    """Share of the updates made at the final rate."""
    compute: str = "float32"
    """Arithmetic of training: float32, or bfloat16 where the processor multiplies it natively."""
    checkpoint_every: int = 500
    """Updates between checkpoints."""
    patience: int = 10
    """Metric records in a row (one every 50 updates) that may show a collapse before the training stops."""

    RESUMABLE: ClassVar[tuple[str, ...]] = (
        "gamma",
        "learning_rate",
        "discriminator_learning_rate",
        "final_learning_rate",
    )

    def __post_init__(self):
        one_of("vaegan.variant", self.variant, ("recommended", "paper"))
        one_of("vaegan.feature_layer", self.feature_layer, (1, 2, 3, 4))
        one_of("vaegan.compute", self.compute, ("float32", "bfloat16"))
        for name in ("batch_size", "updates", "patience"):
            at_least(f"vaegan.{name}", getattr(self, name), 1)
        for name in ("learning_rate", "discriminator_learning_rate", "final_learning_rate"):
            positive(f"vaegan.{name}", getattr(self, name))

    @property
    def as_published(self) -> bool:
        """Whether this is the authors' own recipe."""
        return self.variant == "paper"


@dataclass(frozen=True)
class MemoryConfig:
    """M, the mixture density recurrent network (paper appendix A.2)."""

    hidden_size: int = 256
    """LSTM units (paper: 256 for CarRacing)."""
    mixtures: int = 5
    """Gaussians per latent dimension (paper: 5)."""
    trained: bool = True
    """False keeps the random initial weights: the arm that asks what training M adds."""
    batch_size: int = 64
    """Sequences per update (code: 100)."""
    sequence_length: int = 100
    """Steps per training sequence (code: 999, the whole episode)."""
    updates: int = 4000
    """Gradient steps (code: 4,000)."""
    learning_rate: float = 1e-3
    """Adam's rate (code: 1e-3)."""
    final_learning_rate: float = 1e-4
    """Rate of the last ``final_share`` of the updates."""
    final_share: float = 0.3
    """Share of the updates made at the final rate."""
    clip: float = 1.0
    """Each gradient component is clipped to [-clip, clip] (code: 1.0)."""
    whole_ends: bool = later(False)
    """Whether sequences are cut from all episodes in a row, across their ends (code, Doom), so that an end is seen as
    often as it happens and at any place of a sequence. Otherwise it is the last step of one sequence among hundreds."""
    lost_ends: bool = later(False)
    """Whether the done head learns, in hindsight, that a car has lost the road, so that a dream ends there. This is no
    rare event: it does not count tenfold, as an episode's end does otherwise."""
    later_updates: int = later(0)
    """Gradient steps of each iteration after the first, which then goes on with the weights of the one before; 0 trains
    a new M with ``updates``."""
    later_rate: float = later(0.0)
    """Adam's rate in such an iteration, all through; 0: as in the first. A low one leaves h what C knows it as."""
    late_updates: int = later(0)
    """Gradient steps of each iteration from ``controller.late_from`` on, with all sequences as often as they happen and
    a rate that falls at the end: who drives well must be foretold exactly. 0: as in those before."""
    late_rate: float = later(4e-4)
    """Adam's rate in such an iteration, a quarter of it at the end."""
    own_share: float = later(0.0)
    """Share of the sequences of such an iteration that C's own episodes give, at least that of the steps they are."""
    loss_share: float = later(0.0)
    """Share of C's own sequences in which it loses the road, at any place; 0: as often as it does."""
    beginnings: float = later(0.0)
    """Share of the sequences that begin where an episode does, where M's memory really is empty; 0: as often as it
    happens, which is one in hundreds. A dream that begins there needs them."""
    reward_share: float = later(0.1)
    """Weight of the squared reward error in the loss, whose unit is nats per latent dimension."""
    reward_spread: int = later(0)
    """Steps to either side over which a step's reward is shared out before M learns it (Lee et al. 2023, DreamSmooth).
    A tile pays all of its reward at once: which step pays is mostly luck, and hides how fast the car is."""
    latent_noise: float = later(0.0)
    """Standard deviation of the noise in the z that M learns to predict; 0: V's own (paper). A drive shows M and C V's
    mean alone, and V's noise hides what one step of gas changes."""
    checkpoint_every: int = 500
    """Updates between checkpoints."""

    def __post_init__(self):
        for name in ("own_share", "loss_share", "beginnings"):
            share(f"memory.{name}", getattr(self, name))
        for name in ("reward_share", "late_rate"):
            positive(f"memory.{name}", getattr(self, name))
        for name in ("beginnings", "loss_share"):
            if self.whole_ends and getattr(self, name):
                raise UserError(f"memory.{name}: with whole_ends, sequences do not know one episode from the next")
        at_least("memory.hidden_size", self.hidden_size, 1)
        at_least("memory.mixtures", self.mixtures, 1)
        at_least("memory.sequence_length", self.sequence_length, 2)
        at_least("memory.updates", self.updates, 1)


@dataclass(frozen=True)
class RolloutConfig:
    """How the machine is used while driving; results do not depend on it."""

    workers: int = 0
    """Worker processes, on all machines together; 0 means one per core (of the cluster, for ray)."""
    lanes: int = 64
    """Cars each worker drives in lockstep."""
    executor: str = "processes"
    """serial, processes or ray (a cluster)."""
    address: str = later("")
    """Ray's head, host:port; empty: RAY_ADDRESS, else a cluster that runs here, else one started for the command."""

    def __post_init__(self):
        at_least("rollout.lanes", self.lanes, 1)
        one_of("rollout.executor", self.executor, ("serial", "processes", "ray"))
        if self.address and not re.fullmatch(r"[^/\s]+:\d+", self.address):
            raise UserError(f"rollout.address={self.address!r}: write it as host:port, for example head:6379")


@dataclass(frozen=True)
class EvaluateConfig:
    """The score: unmodified Gymnasium, tracks nothing was selected on."""

    tracks: int = 100
    """Test tracks (paper: 100)."""

    def __post_init__(self):
        at_least("evaluate.tracks", self.tracks, 1)
