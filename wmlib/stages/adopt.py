"""A run folder that starts from shipped weights: V and M are taken over, only C is learnt and evaluated."""

from __future__ import annotations

from pathlib import Path

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.models.weights import load_weights, save_weights
from wmlib.runs import read_json, write_json
from wmlib.stages.chain import plan
from wmlib.stages.pretrained import Pretrained

PARTS = {"vision": ("encoder", "decoder"), "memory": ("memory",)}


def adopt(agent: Pretrained, folder: Path) -> Config:
    """Fill a new run folder with an agent's V and M as finished stages; returns its configuration.

    Stages whose data are not shipped (rollouts, latents) are marked as finished too, with the figures and costs of the
    run they come from, so that what follows reports its whole cost. Calling it again changes nothing.

    Raises:
        UserError: the folder belongs to another run.
    """
    folder = Path(folder)
    marker = folder / "adopted.json"
    origin = {"arm": agent.arm, "train_seed": agent.train_seed}
    if marker.exists() and read_json(marker) == origin:
        return agent.config
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: is not empty; choose a new --run folder to start from shipped weights")
    if agent.path("memory") is None:
        raise UserError(f"--pretrained {agent.arm}: ships no M; start from an arm that has one, such as vae-zh")
    for chain, name in plan(agent.config, folder, last="memory"):
        stage = chain.stage(name)
        write_json(stage / "config.json", {"identity": stage.identity, "key": stage.key})
        if chain.iteration == agent.config.iterations:
            for part in PARTS.get(name, ()):
                if agent.path(part) is not None:
                    save_weights(stage / f"{part}.npz", load_weights(agent.path(part)))
        figures = {"seconds": 0.0, **agent.stages.get(stage.name, {})}
        write_json(stage / "DONE", {"identity": stage.identity, **figures, "adopted": True})
    write_json(folder / "config.json", agent.config.to_dict())
    write_json(marker, origin)
    return agent.config
