"""Every number an experiment depends on, as one frozen tree, with five presets and dotted overrides.

``Config.preset("quick")`` gives a tree; ``config.override(["memory.updates=500"])`` gives a changed copy. The tree's
branches are the groups of :mod:`wmlib.config.groups`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from wmlib.config.actor import ActorConfig
from wmlib.config.groups import (
    CollectConfig,
    EvaluateConfig,
    MemoryConfig,
    RolloutConfig,
    VaeGanConfig,
    VisionConfig,
)
from wmlib.config.presets import PAPER_VAEGAN, PRESETS, TASK_PRESETS
from wmlib.config.searching import ControllerConfig
from wmlib.config.settings import assign, at_least, check_numbers, from_dict, later, one_of, positive, share
from wmlib.config.tasks import TASKS, Task
from wmlib.config.teaching import TeachingConfig
from wmlib.errors import UserError

TASK, VARIANT = "task", "vaegan.variant"  # presets: of everything, and of their group
SCALES = ("smoke", "quick", "full", "long", "paper", "dream")

VISIONS = {"vae": "vae", "vaegan": "vaegan", "vaematched": "vae", "vaedis": "vaegan"}  # V -> its group of settings


@dataclass(frozen=True)
class Config:
    """One experiment. ``vision`` names V; an arm is one way to build the agent."""

    scale: str = "full"
    """Preset this tree started from."""
    seed: int = 0
    """Seed of the whole chain: data, initial weights, batches, search."""
    task: str = later("carracing")
    """What is learnt: carracing, or takecover (Doom; needs the extra ``doom``). A preset: it sets what is its own, and
    those given beside it count."""
    vision: str = "vae"
    """Which V: vae, or vaegan; or a control that tells causes apart and needs a finished vaegan in the same run folder:
    vaematched, a VAE that spends as many nats on z as it (settings of ``vae``), or vaedis, a VAE whose likeness is
    measured in the features of its finished discriminator (settings of ``vaegan``)."""
    encoder_compute: str = "int8"
    """Arithmetic of V's encoder whenever frames become z, the same in encoding, searching and evaluating: float32,
    int8 (several times as fast, mu off by about a hundredth of its spread), or bfloat16 (only fast on processors that
    multiply it natively)."""
    iterations: int = 1
    """Passes through collect, V, M, C; each after the first adds on-policy rollouts (paper section 5)."""
    keep_vision: bool = later(False)
    """Whether the first iteration's V serves in all of them: where the random driver sees all there is to see."""
    rehearsal: str = later("")
    """Scale of the iterations before the last, which only have to drive well enough to collect data; empty: the same
    settings as the last."""
    replicas: int = later(1)
    """Devices (graphics processors, else TensorFlow's CPU devices) that share every update of V and M, each with its
    part of the batch and noise of its own: ``tf.distribute.MirroredStrategy``. A VAE/GAN trains on one."""
    collect: CollectConfig = field(default_factory=CollectConfig)
    vae: VisionConfig = field(default_factory=VisionConfig)
    vaegan: VaeGanConfig = field(default_factory=VaeGanConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    controller: ControllerConfig = field(default_factory=ControllerConfig)
    teaching: TeachingConfig = field(default_factory=TeachingConfig)
    actor: ActorConfig = field(default_factory=ActorConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)

    def __post_init__(self):
        check_numbers("", self)
        for group in dataclasses.fields(self):
            if dataclasses.is_dataclass(getattr(self, group.name)):
                check_numbers(f"{group.name}.", getattr(self, group.name))
        for name in ("vae", "vaegan", "memory"):
            group = getattr(self, name)
            at_least(f"{name}.checkpoint_every", group.checkpoint_every, 1)
            for rate in ("learning_rate", "final_learning_rate"):
                positive(f"{name}.{rate}", getattr(group, rate))
            share(f"{name}.final_share", group.final_share)
        for name in ("samples", "validate_every", "validation_tracks"):
            at_least(f"controller.{name}", getattr(self.controller, name), 1)
        at_least("memory.batch_size", self.memory.batch_size, 1)
        at_least("collect.on_policy_episodes", self.collect.on_policy_episodes, 1)
        one_of("scale", self.scale, SCALES)
        one_of("task", self.task, tuple(TASKS))
        one_of("vision", self.vision, tuple(VISIONS))
        one_of("encoder_compute", self.encoder_compute, ("float32", "int8", "bfloat16"))
        at_least("iterations", self.iterations, 1)
        at_least("replicas", self.replicas, 1)
        one_of("rehearsal", self.rehearsal, ("", *SCALES))
        if not 0 <= self.seed < 1000:
            raise UserError(f"seed={self.seed}: choose 0 to 999, so that seed ranges stay disjoint")

    @staticmethod
    def preset(scale: str) -> Config:
        """The tree of a named scale. Raises :class:`UserError` for an unknown name."""
        one_of("scale", scale, SCALES)
        return Config(scale=scale).override(PRESETS[scale])

    def of_iteration(self, iteration: int) -> Config:
        """The settings of one iteration. Before the last all arms share theirs, so that they learn from the same
        rollouts: ``rehearsal``'s, a V, an M and a linear C; a C that learns in dreams does so at its task's ``tau``."""
        config, last = self, iteration == self.iterations
        if not last and self.task == "carracing":
            kept = ("seed", "iterations", "rehearsal", "keep_vision", "replicas", "rollout")
            earlier = Config.preset(self.rehearsal) if self.rehearsal else self
            search = "evolution" if earlier.controller.taught else earlier.controller.search
            config = dataclasses.replace(
                earlier,
                **{name: getattr(self, name) for name in kept},
                vision="vae",
                controller=dataclasses.replace(earlier.controller, inputs="zh", hidden_units=0, search=search),
                memory=dataclasses.replace(earlier.memory, trained=True),
            )
        memory, controller = config.memory, config.controller
        if iteration == 1:
            memory = dataclasses.replace(memory, later_updates=0, later_rate=0.0, own_share=0.0, loss_share=0.0)
            controller = dataclasses.replace(controller, begins_at="zeros", reads="newest")
        elif memory.later_updates:
            rate = memory.later_rate
            rates = {"learning_rate": rate, "final_learning_rate": rate} if rate else {}
            memory = dataclasses.replace(memory, updates=memory.later_updates, **rates)
        if not last and controller.early_generations:
            controller = dataclasses.replace(controller, generations=controller.early_generations)
        one_search = self.controller.begins_at == "search"  # it has one temperature
        if not last and controller.world == "dream" and not one_search:
            controller = dataclasses.replace(controller, tau=self.numbers.tau)
        if controller.late_from and iteration >= controller.late_from:
            late = {
                "tau": controller.late_tau,
                "dream_steps": controller.late_steps,
                "caution": controller.late_caution,
            }
            controller = dataclasses.replace(controller, **late, calibrated=True)
            if memory.late_updates:
                rates = {"learning_rate": memory.late_rate, "final_learning_rate": memory.late_rate / 4}
                shares = {"own_share": 0.0, "loss_share": 0.0}
                memory = dataclasses.replace(memory, updates=memory.late_updates, **rates, **shares)
        done_with = {"early_generations": 0, "late_from": 0, "late_tau": 1.0, "late_steps": 0, "late_caution": 1.0}
        controller = dataclasses.replace(controller, **done_with)
        memory = dataclasses.replace(memory, late_updates=0, late_rate=MemoryConfig.late_rate)
        return dataclasses.replace(config, memory=memory, controller=controller)

    @property
    def numbers(self) -> Task:
        """Sizes, time limit and score of its task."""
        return TASKS[self.task]

    @property
    def vision_settings(self) -> VisionConfig | VaeGanConfig:
        """The settings of the V that ``vision`` names."""
        return getattr(self, VISIONS[self.vision])

    @property
    def arm(self) -> str:
        """Name of what is compared in the report, for example ``vae-zh``, ``vae-z-hidden``, or ``dream-cma``."""
        if self.controller.world == "dream":
            own = Config.preset(self.scale).controller
            usual = self.task == "carracing" and self.controller.tau in (own.tau, own.late_tau)
            method = "ac" if self.controller.search == "actor-critic" else "cma"
            name = f"dream-{method}" if usual else f"dream-tau-{self.controller.tau:.2f}"
            name = name if self.vision == "vae" else f"{self.vision}-{name}"
        else:
            name = f"{self.vision}-{self.controller.inputs}"
        if self.controller.hidden_units:
            name += "-hidden"
        if self.controller.inputs == "zh" and not self.memory.trained and self.controller.world == "real":
            name += "-untrained-m"
        if self.controller.taught:
            name += "-taught"
        if self.controller.search == "imitation+evolution":
            name += "-evolved"
        return name

    def override(self, assignments: list[str]) -> Config:
        """Apply ``dotted.key=value`` strings.

        Raises:
            UserError: unknown key, or a value of the wrong type.
        """
        values = {}
        for text in assignments:
            key, separator, value = text.partition("=")
            if not separator:
                raise UserError(f"--set {text}: write it as key=value, for example --set memory.updates=500")
            values[key.strip()] = value.strip()
        tree = self
        if TASK in values and values[TASK] != tree.task:  # a preset comes before values
            tree = assign(tree, {TASK: values[TASK]})
            own = TASK_PRESETS.get(tree.task, {})
            tree = tree.override([*own.get("", ()), *own.get(tree.scale, ())])
        if VARIANT in values:
            tree = assign(tree, {VARIANT: values[VARIANT]})
            usual, paper = Config.preset(tree.scale).vaegan, tree.vaegan.as_published
            own = {k: v if paper else getattr(usual, k) for k, v in PAPER_VAEGAN.items()}
            tree = dataclasses.replace(tree, vaegan=dataclasses.replace(tree.vaegan, **own))
        tree = assign(tree, values)
        if tree.rollout.address and tree.rollout.executor != "ray":
            raise UserError(f"rollout.address={tree.rollout.address}: only rollout.executor=ray goes there")
        if tree.keep_vision and tree.iterations > 1 and tree.vision != "vae":
            raise UserError(f"keep_vision=true: the first iteration's V is a vae, not vision={tree.vision}")
        if tree.controller.begins_at == "search" and tree.rehearsal and tree.iterations > 1:
            raise UserError("controller.begins_at=search: a rehearsal's search is another one; add --set rehearsal=")
        if tree.memory.late_updates and not tree.controller.late_from:
            raise UserError("memory.late_updates: no iteration is late; add --set controller.late_from=7, or give 0")
        if tree.controller.taught and tree.task != "carracing":
            raise UserError(f"controller.search={tree.controller.search}: there is no teacher for task={tree.task}")
        if tree.replicas > 1 and tree.vision == "vaegan":
            raise UserError("replicas: the networks of vision=vaegan wait for each other; they train on one device")
        for name in (VISIONS[tree.vision], "memory"):
            if getattr(tree, name).batch_size % tree.replicas:
                raise UserError(f"replicas={tree.replicas}: {name}.batch_size must be a multiple of it")
        return tree

    def to_dict(self) -> dict:
        """Plain nested dictionary, ready for JSON."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(values: dict, source: object = "config") -> Config:
        """Inverse of :meth:`to_dict`; a group it lacks, having been written before there was one, is its scale's.

        Raises:
            UserError: keys this version does not know, or values that are none; the message names ``source``.
        """
        try:
            if not isinstance(values, dict):
                raise UserError(f"expected groups of settings, not {values!r}")
            if "scale" not in values:
                raise UserError("has no scale; it was not written by wmlib")
            preset = Config.preset(values["scale"]).to_dict()
            groups = {name: group for name, group in preset.items() if isinstance(group, dict)}
            return from_dict(Config, {**groups, **values}, "config")
        except UserError as error:
            raise UserError(f"{source}: {error}") from None
