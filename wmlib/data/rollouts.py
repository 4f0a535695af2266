"""The rollout store: one compressed ``.npz`` per episode, written atomically, so workers never collide.

An episode of T steps holds ``frames`` uint8 (T + 1, 64, 64, 3), where ``frames[t]`` is what the driver saw before
``actions[t]`` float32 (T, 3; in Take Cover T, 1); ``rewards`` float32 (T,); ``terminated`` bool; ``track_seed`` int.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmlib.config import FRAME_SHAPE
from wmlib.errors import UserError
from wmlib.runs import DAMAGE, present, read_arrays, write_arrays


@dataclass(frozen=True)
class Rollout:
    """One episode, see the module's text for shapes."""

    frames: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminated: bool
    track_seed: int

    def __len__(self) -> int:
        return len(self.actions)


class RolloutStore:
    """A folder of episodes, listed by name, read one at a time."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.npz"

    def __contains__(self, index: int) -> bool:
        return present(self.path(index))

    def files(self) -> list[Path]:
        """Episode files in order. Raises :class:`UserError` when there are none."""
        files = sorted(self.folder.glob("[0-9]*.npz"))
        if not files:
            raise UserError(f"{self.folder}: no rollouts; run `wmlib collect` first")
        return files

    def write(self, index: int, rollout: Rollout) -> None:
        """Store an episode under its number, replacing nothing half-way."""
        write_arrays(self.path(index), vars(rollout))

    @staticmethod
    def read(path: Path) -> Rollout:
        """Read and check one episode. Raises :class:`UserError` naming the file and what is wrong with it."""
        names = ("frames", "actions", "rewards", "terminated", "track_seed")
        arrays = read_arrays(path, names, {"terminated": (), "track_seed": ()})
        frames, actions, rewards = arrays["frames"], arrays["actions"], arrays["rewards"]
        steps = rewards.size
        expected = ((steps + 1, *FRAME_SHAPE), (steps,), 2, steps)
        found = (frames.shape, rewards.shape, actions.ndim, len(actions))
        if found != expected or frames.dtype != np.uint8 or not steps:
            raise UserError(
                f"{path}: shapes {frames.shape}, {actions.shape}, {rewards.shape} are not a rollout's; "
                "move the file away"
            )
        return Rollout(frames, actions, rewards, bool(arrays["terminated"]), int(arrays["track_seed"]))

    @staticmethod
    def length(path: Path) -> int:
        """Steps of an episode, read from the headers of its rewards and frames alone."""

        def shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
            with archive.open(f"{name}.npy") as member:
                if np.lib.format.read_magic(member) != (1, 0):
                    raise ValueError("not written by this module")
                return np.lib.format.read_array_header_1_0(member)[0]

        try:
            with zipfile.ZipFile(path) as archive:
                (steps,) = shape(archive, "rewards")
                if shape(archive, "frames") != (steps + 1, *FRAME_SHAPE):
                    raise ValueError("not as many frames as steps")
                return steps
        except (KeyError, *DAMAGE):
            raise UserError(f"{path}: truncated or foreign; delete it and run `wmlib collect` again") from None


def encoded(rollout: Rollout, encode: Callable) -> dict[str, np.ndarray]:
    """An episode as stage encode writes it: ``mu``, ``log_variance`` float16 (T + 1, latent), ``actions`` (T, 3),
    ``rewards``, ``done`` float32 (T,); ``encode`` is V's encoder (:class:`wmlib.models.inference.FrameEncoder`)."""
    mu, log_variance = (codes.astype(np.float16) for codes in encode(rollout.frames))
    done = np.zeros(len(rollout), np.float32)
    done[-1] = rollout.terminated
    return {
        "mu": mu,
        "log_variance": log_variance,
        "actions": rollout.actions,
        "rewards": rollout.rewards,
        "done": done,
    }


def read_encoded(path: Path, noise: float = 0.0) -> dict[str, np.ndarray]:
    """An :func:`encoded` episode. Raises :class:`UserError` naming a file that holds anything else.

    Args:
        noise: standard deviation of z about V's mean, instead of V's own; 0: V's own.
    """
    names = ("mu", "log_variance", "actions", "rewards", "done")
    shapes = {"mu": (None, None), "actions": (None, None), "rewards": (None,)}
    episode = read_arrays(path, names, shapes)
    (frames, size), steps = episode["mu"].shape, len(episode["actions"])
    shapes = {"log_variance": (frames, size), "rewards": (steps,), "done": (steps,)}
    if frames != steps + 1 or not steps or any(episode[name].shape != shape for name, shape in shapes.items()):
        raise UserError(f"{path}: its arrays are not those of one encoded episode; delete it and run `wmlib encode`")
    if noise:
        episode["log_variance"] = np.full_like(episode["log_variance"], 2 * np.log(noise))
    return episode


def split(files: list[Path], holdout: float) -> tuple[list[Path], list[Path]]:
    """Training and held-out episodes: every k-th file is held out, so that the choice never depends on content."""
    every = max(2, round(1 / holdout))
    return [f for i, f in enumerate(files) if i % every], [f for i, f in enumerate(files) if i % every == 0]
