"""Shipped weights: what of a finished run goes into ``wmlib/pretrained/``, and what the manifest there says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.runs import present, provenance, read_arrays, read_record, write_arrays, write_json
from wmlib.stages.agents import FOLDER, entry_digest, figures, label, sha256
from wmlib.stages.chain import Chain
from wmlib.stages.curve import COLUMNS

HEADLINE_ARMS = ("vae-zh", "vaegan-zh", "dream-cma")  # the best run's decoder is shipped too, for pictures and dreams


def publish_weights(chain: Chain, folder: Path = FOLDER) -> None:
    """Copy what evaluation needs as float16 and record it in the manifest.

    A decoder, most of the bytes, goes only with a run that is the best so far, and stays when it is no longer.
    """
    from wmlib.models.weights import load_weights, save_weights

    config, arm, seed = chain.config, label(chain.config), chain.config.seed
    place = folder / arm / f"seed{seed}"
    manifest = folder / "manifest.json"
    record = read_record(manifest, arms=dict) if present(manifest) else {"arms": {}}
    entry = record["arms"].setdefault(arm, {"headline": seed, "train_seeds": {}})
    chosen = chosen_row(chain)
    others = [run["validation_mean"] for other, run in entry["train_seeds"].items() if other != str(seed)]
    parts = {"encoder": chain.vision / "encoder.npz"}
    if config.controller.inputs != "z":
        parts["memory"] = chain.eyes / "memory.npz"
    best = chosen["validation_mean"] >= max(others, default=-np.inf)
    drawn = config.task == "takecover" or config.arm in HEADLINE_ARMS
    if drawn and (best or "decoder.npz" in _hashes(entry, seed)):
        parts["decoder"] = chain.vision / "decoder.npz"
    for name, source in parts.items():
        save_weights(place / f"{name}.npz", load_weights(source), dtype="float16")
    learns_beside = config.controller.world == "dream" or config.controller.taught
    written = {f"{name}.npz": sha256(place / f"{name}.npz") for name in parts}
    shared = _shared(record["arms"], arm, seed, written) if learns_beside else {}
    for name in shared:
        (place / name).unlink()
    parameters = read_arrays(chain.controller / "controller.npz", ("parameters",))["parameters"]
    write_arrays(place / "controller.npz", {"parameters": parameters.astype(np.float32)}, level=9)
    if config.controller.search == "imitation":
        write_arrays(place / "teacher.npz", read_arrays(chain.controller / "teacher.npz", ("weights",)), level=9)
    run = {
        "sha256": {
            **{file.name: sha256(file) for file in sorted(place.glob("*.npz"))},
            **{name: sha256(folder / file) for name, file in shared.items()},
        },
        **({"shared": shared} if shared else {}),
        "config": config.to_dict(),
        "stages": figures(chain, "memory"),
        "validation_mean": chosen["validation_mean"],
        "generation": chosen["generation"],
        "renderer": "wmlib",
        "provenance": provenance(),
    }
    entry["train_seeds"][str(seed)] = {"digest": entry_digest(run), **run}
    entry["headline"] = int(max(entry["train_seeds"], key=lambda s: entry["train_seeds"][s]["validation_mean"]))
    write_json(manifest, record)


def _hashes(entry: dict, seed: int) -> dict[str, str]:
    """Name to hash of what an arm has shipped for a training seed."""
    return entry["train_seeds"].get(str(seed), {}).get("sha256", {})


def _shared(arms: dict, arm: str, seed: int, written: dict[str, str]) -> dict[str, str]:
    """Of the files (name to hash), those that another arm has shipped for the same seed: name to where it lies."""
    shared = {}
    for other, entry in arms.items():
        theirs, borrowed = _hashes(entry, seed), entry["train_seeds"].get(str(seed), {}).get("shared", {})
        same = [name for name in written if theirs.get(name) == written[name] and name not in borrowed]
        shared |= {name: f"{other}/seed{seed}/{name}" for name in same if other != arm}
    return shared


def chosen_row(chain: Chain) -> dict:
    """The row of the learning curve whose mean is the answer, every figure of its type."""
    whole = dict.fromkeys(("generation", "env_steps", "cores", "validation_n"), int)
    return read_record(chain.controller / "chosen.json", **{**dict.fromkeys(COLUMNS, float), **whole})
