"""A trained agent, V + M + C ready to drive: found in a run folder, or among the shipped weights.

Shipped weights are ``wmlib/pretrained/ARM/SEED/*.npz`` (float16) and ``manifest.json`` (hash, config, provenance).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wmlib.config import VISIONS, Config, ControllerConfig
from wmlib.config.settings import from_dict
from wmlib.errors import UserError
from wmlib.models.controller import parameter_count
from wmlib.models.weights import load_weights, set_model_weights
from wmlib.rollout.teacher import Teacher, read_teacher
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import DONE, digest, present, read_arrays, read_record
from wmlib.stages.chain import Chain, plan

FOLDER = Path(__file__).resolve().parent.parent / "pretrained"


def worker_spec(
    config: Config, encoder: Path, memory: Path | None, lanes: int | None = None, renderer: str | None = None
) -> WorkerSpec:
    """How an agent of these settings drives: M only if C looks at h. ``renderer`` None is the fastest."""
    return WorkerSpec(
        lanes or config.rollout.lanes,
        config.controller.samples,
        renderer or config.numbers.renderers[-1],
        encoder,
        None if config.controller.inputs == "z" else memory,
        config.controller,
        config.encoder_compute,
        max_steps=config.numbers.max_steps,
        task=config.task,
    )


@dataclass(frozen=True)
class Agent:
    """One training run of one arm.

    Attributes:
        arm: its name in the records, see :func:`label`.
        files: part (encoder, decoder, memory, controller, teacher) -> its weights; one that is not there is left out.
        stages: stage name -> figures and costs, up to M.
        source: where it comes from, in words.
    """

    arm: str
    train_seed: int
    config: Config
    files: dict[str, Path]
    stages: dict
    source: str

    def path(self, part: str) -> Path | None:
        """Weights of one part, or None if there are none."""
        return self.files.get(part)

    @property
    def parameters(self) -> np.ndarray:
        """C's parameters, float64 (P,). Raises :class:`UserError` if their file is missing, damaged or another C's."""
        task, hidden_size = self.config.numbers, self.config.memory.hidden_size
        count = parameter_count(self.config.controller, hidden_size, task.latent_size, task.action_size)
        size = {"parameters": (count,)}
        return read_arrays(self.files["controller"], ("parameters",), size)["parameters"].astype(np.float64)

    @property
    def teacher(self) -> Teacher | None:
        """The teacher C learnt from, or None. Raises :class:`UserError` if its file is damaged."""
        return read_teacher(self.files["teacher"]) if self.path("teacher") else None

    def networks(self) -> tuple:
        """V and M as Keras models with this agent's weights, ready to look into or to train on: (VAE, MDNRNN).

        Raises:
            UserError: a part is not there, see :meth:`with_picture`.
        """
        from wmlib.models.mdnrnn import MDNRNN
        from wmlib.models.vae import VAE

        self.with_picture("networks()")
        task, seed = self.config.numbers, self.train_seed
        v = VAE(self.config.vae, latent_size=task.latent_size, seed=seed)
        m = MDNRNN(self.config.memory, latent_size=task.latent_size, action_size=task.action_size, seed=seed)
        encoder = load_weights(self.files["encoder"])
        for network, weights in ((v.encoder, encoder), (v.decoder, load_weights(self.files["decoder"]))):
            set_model_weights(network, weights)
        set_model_weights(m.network, load_weights(self.files["memory"]))
        return v, m

    def worker_spec(self, lanes: int, renderer: str | None = None) -> WorkerSpec:
        """How this agent drives."""
        return worker_spec(self.config, self.files["encoder"], self.path("memory"), lanes, renderer)

    def playing(self, task: str, option: str) -> Agent:
        """The agent itself, if this task is what it learnt. Raises :class:`UserError` that names ``option``."""
        if self.config.task != task:
            raise UserError(f"{option} {self.arm}: has learnt {self.config.task}, not {task}")
        return self

    def with_picture(self, option: str) -> Agent:
        """The agent itself, if it can draw what it sees and dreams. Raises :class:`UserError` that names ``option``."""
        if self.path("decoder") is None or self.path("memory") is None:
            raise UserError(f"{option}: {self.arm} has no decoder and memory here; try vae-zh")
        return self


def label(config: Config) -> str:
    """Name of an arm in the records: small scales carry theirs, so that they never stand for the full run."""
    own = ("full", "paper", *(("dream",) if config.controller.world == "dream" else ()))
    return config.arm if config.scale in own else f"{config.arm}-{config.scale}"


# --- from a run folder ---------------------------------------------------------------------------------------------


def variants(config: Config, folder: Path) -> Iterator[Config]:
    """The configuration with every C that a run folder remembers, every V and both kinds of M: whatever its arms can
    be. Its own kind of M comes last: it is that of an arm whose name says nothing of M."""
    own = config.memory.trained
    for file in sorted(folder.glob("controller-*/config.json")):
        key = read_record(file, key=dict)["key"]
        try:
            controller = from_dict(ControllerConfig, key.get("controller"), "controller")
            for vision, trained in itertools.product(VISIONS, (not own, own)):
                memory = replace(config.memory, trained=trained)
                yield replace(config, vision=vision, controller=controller, memory=memory)
        except UserError as error:
            raise UserError(f"{file}: {error}") from None


def finished(folder: Path) -> list[Chain]:
    """A chain for each evaluated arm of a run folder. Raises :class:`UserError` if there is none."""
    base = Config.from_dict(read_record(folder / "config.json"), folder / "config.json")
    known = {variant.arm: variant for variant in variants(base, folder)}
    arms = [read_record(done, arm=str)["arm"] for done in sorted(folder.glob(f"evaluate-*/{DONE}"))]
    unknown = [arm for arm in arms if arm not in known]
    if unknown:
        raise UserError(f"{folder}: {DONE} of evaluate-* names {unknown[0]!r}, which is no arm; redo stage evaluate")
    if not arms:
        raise UserError(f"{folder}: nothing evaluated yet; run `wmlib run --run {folder}` first")
    return [Chain(as_trained(Chain(known[arm], folder)), folder) for arm in arms]


def as_trained(chain: Chain) -> Config:
    """The chain's configuration with the settings V, M and C were made with, which ``--set`` may have changed."""
    groups = ((chain.vision, VISIONS[chain.config.vision]), (chain.memory, "memory"), (chain.controller, "controller"))
    files = [(stage / "config.json", group) for stage, group in groups]
    config = chain.config
    for file, group in files:
        if present(file):
            key = read_record(file, key=dict)["key"]
            made_with = {name: key.get(name) for name in (group, "teaching") if name == group or name in key}
            config = Config.from_dict({**config.to_dict(), **made_with}, file)
    return config


def agent_of(chain: Chain) -> Agent:
    """The agent that a chain's finished stages make."""
    places = {"encoder": chain.vision, "decoder": chain.vision, "memory": chain.eyes}
    places |= dict.fromkeys(("controller", "teacher"), chain.controller)
    files = {part: stage / f"{part}.npz" for part, stage in places.items()}
    files = {part: file for part, file in files.items() if present(file)}
    return Agent(label(chain.config), chain.config.seed, chain.config, files, figures(chain, "memory"), "training run")


def trained_agent(folder: Path, arm: str | None = None) -> Agent:
    """One evaluated arm of a run folder, by its :func:`label`; None takes the first.

    Raises:
        UserError: nothing evaluated yet, or no such arm.
    """
    chains = {label(chain.config): chain for chain in finished(folder)}
    if arm is not None and arm not in chains:
        raise UserError(f"{folder} holds no {arm}; there is: {', '.join(chains)}")
    return agent_of(chains[arm or next(iter(chains))])


def figures(chain: Chain, last: str = "evaluate") -> dict[str, dict]:
    """Stage name to what each stage up to ``last`` recorded."""
    stages = [part.stage(name) for part, name in plan(chain.config, chain.folder, last)]
    return {stage.name: stage.summary() for stage in stages}


# --- shipped -------------------------------------------------------------------------------------------------------


def sha256(path: Path) -> str:
    """Hash of a file, as the manifest keeps it."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def entry_digest(run: dict) -> str:
    """Hash of what the manifest says of one training run's files and settings, as it keeps it beside them."""
    return digest({name: run.get(name) for name in ("sha256", "shared", "config")})


def shipped_agent(arm: str, train_seed: int | None = None, folder: Path = FOLDER) -> Agent:
    """A shipped arm, its files checked against the manifest.

    Args:
        train_seed: which training run; None takes the one with the best validation score.

    Raises:
        UserError: no such arm or seed, or a file that is not what was shipped.
    """
    manifest = folder / "manifest.json"
    arms = read_record(manifest, arms=dict)["arms"] if present(manifest) else {}
    if arm not in arms:
        raise UserError(
            f"--pretrained {arm}: not shipped; there is: {', '.join(sorted(arms)) or 'nothing yet'} ({manifest})"
        )
    try:
        runs = arms[arm]["train_seeds"]
        chosen = str(arms[arm]["headline"] if train_seed is None else train_seed)
        if not isinstance(runs, dict):
            raise TypeError
        if chosen not in runs:
            raise UserError(
                f"--train-seed {chosen}: arm {arm} is shipped for train seeds {', '.join(runs)} ({manifest})"
            )
        run, seed = runs[chosen], int(chosen)
        if run["digest"] != entry_digest(run):
            raise ValueError
        hashes, stages = dict(run["sha256"]), {name: dict(stage) for name, stage in run.get("stages", {}).items()}
        places = dict(run.get("shared", {}))  # V and M that lie with another arm that learnt in the same M
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{manifest}: damaged where it tells of {arm}; restore it from the repository") from None
    files = {}
    for name, expected in hashes.items():
        file = folder / places.get(name, f"{arm}/seed{seed}/{name}")
        if not file.is_file() or sha256(file) != expected:
            raise UserError(f"{file}: missing, or not what manifest.json lists; restore both from the repository")
        files[file.stem] = file
    if not {"encoder", "controller"} <= set(files):
        raise UserError(f"{manifest}: names no encoder or no controller of {arm}; restore it from the repository")
    config = Config.from_dict(run.get("config"), manifest)
    if config.controller.inputs != "z" and "memory" not in files:
        raise UserError(f"{manifest}: names no M of {arm}, whose C needs it; restore it from the repository")
    return Agent(arm, seed, config, files, stages, "shipped weights")
