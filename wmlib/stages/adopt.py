"""A new run folder that begins with shipped V and M as finished stages, so that only C is learnt."""

from __future__ import annotations

from pathlib import Path

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.models.weights import load_weights, save_weights
from wmlib.runs import DONE, OWNER, differences, present, read_json, write_json
from wmlib.runs.stage import first_change
from wmlib.stages.agents import Agent
from wmlib.stages.chain import plan

MARKER = "adopted.json"
PARTS = {"vision": ("encoder", "decoder"), "memory": ("memory",)}  # weights that a stage leaves


def begun(agent: Agent, folder: Path, config: Config) -> bool:
    """Whether a folder has begun with an agent's V and M already. Writes nothing.

    Raises:
        UserError: it has not and cannot: it belongs to another run, the agent has no M, or ``config``, which the run is
            to go on with, asks for another V or M.
    """
    marker = folder / MARKER
    if present(marker):
        if read_json(marker) != _origin(agent):
            raise UserError(f"{marker}: this folder was begun from other weights; choose a new --run folder")
        return True
    if folder.exists() and any(path.name != OWNER for path in folder.iterdir()):
        raise UserError(f"{folder}: is not empty; choose a new --run folder to start from shipped weights")
    if agent.path("memory") is None:
        raise UserError(f"--pretrained {agent.arm}: ships no M; start from an arm that has one, such as vae-zh")
    shipped = [chain.stage(name) for chain, name in plan(agent.config, folder, "memory")]
    wanted = {stage.name: stage for stage in (chain.stage(name) for chain, name in plan(config, folder))}
    for stage in shipped:
        other = wanted.get(stage.name, stage)
        if other.identity != stage.identity:
            change = first_change(differences(stage.key, other.key))
            raise UserError(f"--pretrained {agent.arm}: {stage.name} was made with another configuration ({change})")
    return False


def adopt(agent: Agent, folder: Path) -> Config:
    """Fill a new run folder with an agent's V and M as finished stages; its configuration.

    Stages whose data are not shipped (rollouts, latents) are marked as finished too, with the figures and costs of the
    run they come from, so that what follows reports its whole cost. Calling it again changes nothing.

    Raises:
        UserError: see :func:`begun`.
    """
    folder = Path(folder)
    if begun(agent, folder, agent.config):
        return agent.config
    for chain, name in plan(agent.config, folder, last="memory"):
        stage = chain.stage(name)
        write_json(stage / "config.json", {"identity": stage.identity, "key": stage.key})
        if chain.iteration == agent.config.iterations:
            for part in PARTS.get(name, ()):
                if agent.path(part) is not None:
                    save_weights(stage / f"{part}.npz", load_weights(agent.path(part)))
        recorded = {"seconds": 0.0, **agent.stages.get(stage.name, {})}
        write_json(stage / DONE, {"identity": stage.identity, **recorded, "adopted": True})
    write_json(folder / "config.json", agent.config.to_dict())
    write_json(folder / MARKER, _origin(agent))
    return agent.config


def _origin(agent: Agent) -> dict:
    return {"arm": agent.arm, "train_seed": agent.train_seed}
