"""Which folders a run has, what each depends on, and how to run what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path

from wmlib.config import VISIONS, Config
from wmlib.config.settings import key as settings_key
from wmlib.errors import UserError
from wmlib.runs import Stage, owned, present, write_json

FRAME_BYTES, LATENT_BYTES = 2_000, 150  # on disk, per frame: a compressed picture; mean and variance in float16
LESSON_BYTES = 600  # C's inputs in float16
KEPT = {"collect": "rollouts", "encode": "latents", "controller": "lessons"}  # what is not written again on resuming
EVOLUTION = ("population", "tracks", "double_tracks_every", "sigma", "generations", "patience")
ORDER = ("collect", "vision", "encode", "memory", "controller", "evaluate")


class Chain:
    """Stages of one configuration in one run folder.

    Folders are named by what makes them differ: ``collect``, ``vision-vae``, ``encode-vae``, ``memory-vae``,
    ``controller-vae-zh``, ``evaluate-vae-zh`` (with ``vaegan`` for that V); later iterations end in ``-2``, ``-3``.
    """

    def __init__(self, config: Config, folder: Path, iteration: int | None = None):
        self.run_config, self.folder = config, Path(folder)
        self.iteration = iteration or config.iterations
        self.config = config.of_iteration(self.iteration)
        self._iterations = {self.iteration: self}  # each has its stages once: they name one another, over and over

    def at(self, iteration: int) -> Chain:
        """The same run at another iteration, with that iteration's settings."""
        if iteration not in self._iterations:
            other = self._iterations[iteration] = Chain(self.run_config, self.folder, iteration)
            other._iterations = self._iterations
        return self._iterations[iteration]

    @property
    def data_driver(self) -> Chain:
        """The chain whose controller drives this iteration's on-policy data."""
        return self.at(self.iteration - 1)

    def _stage(self, name: str, key: dict, inputs: list[Stage], resumable: tuple[str, ...] = ()) -> Stage:
        suffix = "" if self.iteration == 1 else f"-{self.iteration}"
        return Stage(self.folder / (name + suffix), {"seed": self.config.seed, **key}, inputs, resumable)

    @property
    def _replicas(self) -> dict:
        """Each device draws noise of its own, so that results depend on how many there are."""
        return {} if self.config.replicas == 1 else {"replicas": self.config.replicas}

    @cached_property
    def collect(self) -> Stage:
        settings = settings_key(self.config.collect)
        inputs = []
        if self.iteration == 1:
            settings = {k: v for k, v in settings.items() if not k.startswith("on_policy")}
            settings |= {} if self.config.task == "carracing" else {"task": self.config.task}
        else:
            driver = self.data_driver
            inputs = [self.at(self.iteration - 1).collect, driver.vision, driver.controller]
        return self._stage("collect", settings, inputs)

    @cached_property
    def collections(self) -> list[Stage]:
        """All collect stages up to this iteration: what V and M learn from."""
        return [self.at(i).collect for i in range(1, self.iteration + 1)]

    @cached_property
    def vision(self) -> Stage:
        if self.config.keep_vision and self.iteration > 1:
            return self.at(1).vision
        name, settings = self.config.vision, self.config.vision_settings
        group = VISIONS[name]
        key = {"vision": name, group: settings_key(settings), "holdout": self.config.collect.holdout, **self._replicas}
        resumable = tuple(f"{group}.{setting}" for setting in getattr(settings, "RESUMABLE", ()))
        inputs = [*self.collections, *([] if name == group else [self.vaegan])]
        return self._stage(f"vision-{name}", key, inputs, resumable)

    @cached_property
    def vaegan(self) -> Stage:
        """V as a VAE/GAN, which the controls take their discriminator or their rate from."""
        return Chain(replace(self.run_config, vision="vaegan"), self.folder, self.iteration).vision

    @cached_property
    def encode(self) -> Stage:
        key = {"encoder_compute": self.config.encoder_compute}
        return self._stage(f"encode-{self.config.vision}", key, [*self.collections, self.vision])

    @cached_property
    def memory(self) -> Stage:
        name = f"memory-{self.config.vision}" + ("" if self.config.memory.trained else "-untrained")
        key = {"memory": settings_key(self.config.memory), "holdout": self.config.collect.holdout, **self._replicas}
        goes_on = self.iteration > 1 and self.config.memory.later_updates > 0
        return self._stage(name, key, [self.encode, *([self.at(self.iteration - 1).memory] if goes_on else [])])

    @property
    def eyes(self) -> Stage:
        """The M whose h C sees."""
        return self.at(1).memory if self.config.controller.reads == "first" else self.memory

    @cached_property
    def controller(self) -> Stage:
        key = {"controller": settings_key(self.config.controller), "encoder_compute": self.config.encoder_compute}
        if self.config.controller.taught:
            key["teaching"] = settings_key(self.config.teaching)
        if self.config.controller.search == "actor-critic":
            key["actor"] = settings_key(self.config.actor)
        inputs = [self.vision] if self.config.controller.inputs == "z" else [self.vision, self.memory]
        inputs += [self.eyes] if self.memory in inputs and self.eyes is not self.memory else []
        inputs += [self.pupil.controller] if self.goes_on else []
        inputs += [self.data_driver.controller] if self.config.controller.begins_at != "zeros" else []
        return self._stage(f"controller-{self.config.arm}", key, inputs)

    @property
    def goes_on(self) -> bool:
        """Whether C's search begins where another ended."""
        return self.config.controller.search == "imitation+evolution"

    @cached_property
    def pupil(self) -> Chain:
        """The same with a C that only its teacher made; what evolution alone looks at is then the scale's own."""
        usual = Config.preset(self.run_config.scale).controller
        controller = replace(
            self.run_config.controller, search="imitation", **{name: getattr(usual, name) for name in EVOLUTION}
        )
        return Chain(replace(self.run_config, controller=controller), self.folder, self.iteration)

    @cached_property
    def evaluate(self) -> Stage:
        return self._stage(f"evaluate-{self.config.arm}", settings_key(self.config.evaluate), [self.controller])

    def stage(self, name: str) -> Stage:
        """Stage by its command name."""
        return getattr(self, name)


def bytes_needed(chain: Chain, name: str) -> int:
    """About how much a stage writes, checkpoints and what replaces them included."""

    def frames(iteration: int) -> int:
        collect = chain.at(iteration).config.collect
        usual = collect.on_policy_episodes * chain.config.numbers.max_steps
        return collect.episodes * (collect.steps + 1) if iteration == 1 else max(usual, 3 * collect.on_policy_steps)

    if name == "collect":
        return FRAME_BYTES * frames(chain.iteration)
    if name == "encode":
        return LATENT_BYTES * sum(frames(iteration) for iteration in range(1, chain.iteration + 1))
    if name == "controller" and chain.config.controller.search == "imitation":
        taught = chain.config.teaching
        return taught.rounds * taught.episodes * chain.config.numbers.max_steps // taught.every * LESSON_BYTES
    return {"vision": 250_000_000, "memory": 30_000_000}.get(name, 20_000_000)


def check_space(chain: Chain, name: str) -> None:
    """Raise :class:`UserError` unless what a stage has still to write fits on the disk."""
    stage = chain.stage(name)
    written = (stage / KEPT[name]).glob("*.npz") if name in KEPT else ()
    needed = bytes_needed(chain, name) - sum(path.lstat().st_size for path in written)
    there = next(folder for folder in (stage.path.absolute(), *stage.path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UserError(
            f"{stage.path}: this stage will write about {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; "
            "free space, or choose another --run folder"
        )


def run_stage(chain: Chain, name: str, force: bool = False) -> Stage:
    """Run one stage, resume it, or do nothing if it is done. Its inputs must be done."""
    stage = chain.stage(name)
    stage.check_inputs()  # what is refused writes nothing
    if stage.done and not force:
        stage.check_done()
        return stage
    check_space(chain, name)
    with owned(chain.folder):
        if stage.open(force):
            if not present(chain.folder / "config.json"):
                write_json(chain.folder / "config.json", chain.run_config.to_dict())
            run: Callable = import_module(f"wmlib.stages.{name}").run
            run(chain, stage)
    return stage


def plan(config: Config, folder: Path, last: str = "evaluate") -> list[tuple[Chain, str]]:
    """Every (chain, stage name) from nothing to ``last``, in order."""
    steps: list[tuple[Chain, str]] = []
    for iteration in range(1, config.iterations + 1):
        chain = Chain(config, folder, iteration)
        names = ORDER[: ORDER.index(last if iteration == config.iterations else "controller") + 1]
        if config.keep_vision and iteration > 1:
            names = tuple(name for name in names if name != "vision")
        if chain.config.controller.inputs == "z":
            names = tuple(name for name in names if name not in ("encode", "memory"))
        for name in names:
            steps += [(chain.pupil, name)] if name == "controller" and chain.goes_on else []
            steps.append((chain, name))
    return steps


def run_all(config: Config, folder: Path, last: str = "evaluate") -> Stage:
    """Run everything up to ``last`` that is not done yet."""
    stage = None
    for chain, name in plan(config, folder, last):
        stage = run_stage(chain, name)
    return stage
