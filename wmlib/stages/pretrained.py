"""Shipped weights: ``wmlib/pretrained/ARM/SEED/*.npz`` (float16) and ``manifest.json`` (hash, config, provenance)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import read_json, write_text

FOLDER = Path(__file__).resolve().parent.parent / "pretrained"


@dataclass(frozen=True)
class Pretrained:
    """One shipped training run of one arm."""

    arm: str
    train_seed: int
    folder: Path
    config: Config
    stages: dict  # stage name to figures and costs, up to M

    def path(self, name: str) -> Path | None:
        """Weights of one part (encoder, decoder, memory, controller), or None if it is not shipped."""
        file = self.folder / f"{name}.npz"
        return file if file.exists() else None

    @property
    def parameters(self) -> np.ndarray:
        """C's parameters, float64 (P,)."""
        with np.load(self.folder / "controller.npz", allow_pickle=False) as arrays:
            return arrays["parameters"].astype(np.float64)

    def worker_spec(self, lanes: int, renderer: str = "wmlib") -> WorkerSpec:
        """How this agent drives."""
        memory = self.path("memory") if self.config.controller.inputs == "zh" else None
        return WorkerSpec(
            lanes,
            self.config.controller.samples,
            renderer,
            self.path("encoder"),
            memory,
            self.config.controller,
            self.config.encoder_compute,
        )


def sha256(path: Path) -> str:
    """Hash of a file, as the manifest keeps it."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def find(arm: str, train_seed: int | None = None, folder: Path = FOLDER) -> Pretrained:
    """Look a shipped arm up and check its files against the manifest.

    Args:
        train_seed: which training run; None takes the one with the best validation score.

    Raises:
        UserError: no such arm or seed, or a file that is not what was shipped.
    """
    manifest = folder / "manifest.json"
    arms = read_json(manifest)["arms"] if manifest.exists() else {}
    if arm not in arms:
        raise UserError(f"--pretrained {arm}: not shipped; there is: {', '.join(sorted(arms)) or 'nothing yet'}")
    runs = arms[arm]["train_seeds"]
    chosen = str(arms[arm]["headline"] if train_seed is None else train_seed)
    if chosen not in runs:
        raise UserError(f"--train-seed {chosen}: arm {arm} is shipped for train seeds {', '.join(runs)}")
    place = folder / arm / f"seed{chosen}"
    for name, expected in runs[chosen]["sha256"].items():
        if not (place / name).exists() or sha256(place / name) != expected:
            raise UserError(f"{place / name}: missing or changed; restore it from the repository")
    return Pretrained(arm, int(chosen), place, Config.from_dict(runs[chosen]["config"]), runs[chosen].get("stages", {}))


def evaluate_pretrained(arguments) -> None:
    """``wmlib evaluate --pretrained``: drive shipped weights (or ``random``) and print the score."""
    from wmlib.config import RolloutConfig
    from wmlib.seeds import TRACK_SEEDS
    from wmlib.stages.evaluate import GYMNASIUM_LANES, evaluate, format_rows
    from wmlib.stats import describe

    count = arguments.tracks or 100
    first = TRACK_SEEDS["test"].start if arguments.first_seed is None else arguments.first_seed
    if count < 1 or first < 0:
        raise UserError("--tracks must be at least 1 and --first-seed at least 0")
    lanes = GYMNASIUM_LANES if arguments.renderer == "gymnasium" else 32
    if arguments.pretrained == "random":
        spec, parameters, train_seed = WorkerSpec(lanes, renderer=arguments.renderer), None, 0
    else:
        agent = find(arguments.pretrained, arguments.train_seed)
        spec, parameters, train_seed = agent.worker_spec(lanes, arguments.renderer), agent.parameters, agent.train_seed
    seeds = list(range(first, first + count))
    rows = evaluate(arguments.pretrained, train_seed, spec, parameters, seeds, RolloutConfig())
    if arguments.out:
        write_text(arguments.out, format_rows(rows))
        print(f"{arguments.out}: {len(rows)} episodes")
    score = describe([row["return"] for row in rows])
    print(
        f"{arguments.pretrained} on {score['n']} tracks, {arguments.renderer} renderer: {score['mean']:.1f} ± "
        f"{score['std']:.1f}, 95 % interval of the mean {score['ci95'][0]:.1f} to {score['ci95'][1]:.1f}, "
        f"{100 * score['share_solved']:.0f} % at 900 or more"
    )
