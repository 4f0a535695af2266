"""The record of a comparison: arm, training seed, measurement, and what is computed from them over the seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmbook.records.ratios import pooled, ratio, ratio_interval
from wmlib.errors import UserError
from wmlib.runs import read_record, write_text


@dataclass(frozen=True)
class Settings:
    """How much is measured; the same for every arm and seed of a record."""

    training_episodes: int = 300
    """Training episodes from which probes, baselines and standardisation learn."""
    training_frames: int = 15_000
    """Frames of them."""
    held_out_episodes: int = 60
    """Held-out episodes, at most."""
    held_out_frames: int = 4_000
    """Frames of them: half are reconstructed and compared with the other half as a distribution."""
    blocks: int = 10
    """Disjoint parts of the frames on which each distance between distributions is measured."""
    networks: int = 3
    """Random networks whose features the distances are measured in."""
    warm_up: int = 40
    """Steps that M sees before it continues alone."""
    horizon: int = 100
    """Steps that M continues alone."""
    windows: int = 2
    """Places of each held-out episode from which M continues, at most."""
    samples: int = 16
    """Continuations drawn at each place."""
    decoded: int = 4
    """Of these, how many are decoded to pictures."""
    probe_epochs: int = 60
    """Passes of the small network probe over its data, at most."""
    supervised_updates: int = 800
    """Updates of the supervised baseline, 100 frames each."""


SMOKE = Settings(6, 60, 4, 40, 2, 2, 8, 4, 2, 2, 1, 2, 2)


def measurement(sums, counts) -> dict:
    """A ratio of sums over episodes (or blocks of frames): value, 95 % interval, number of episodes, and the sums."""
    sums, counts = np.asarray(sums, float), np.asarray(counts, float)
    low, high = ratio_interval(sums, counts)
    return {
        "value": _short(ratio(sums, counts)),
        "ci95": [_short(low), _short(high)],
        "n": int((counts != 0).sum()),
        "sums": [_short(v) for v in sums],
        "counts": [_short(v) for v in counts],
    }


def curve(horizons, sums: np.ndarray, counts: np.ndarray) -> dict:
    """A ratio at each horizon with its interval: ``sums`` and ``counts`` (episodes, horizons)."""
    points = [(ratio(s, c), *ratio_interval(s, c)) for s, c in zip(np.transpose(sums), np.transpose(counts))]
    value, low, high = ([_short(v) for v in column] for column in zip(*points))
    return {"horizon": [int(h) for h in horizons], "value": value, "low": low, "high": high}


def _short(value: float) -> float | None:
    """Six significant digits; JSON has no NaN."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


def merge(path: Path, settings: dict, entries: dict[tuple[str, int], dict]) -> dict:
    """Put new entries into the record at ``path``, which is made if it is not there, and compute its summaries again.

    Args:
        settings: the scale of the runs and what :class:`Settings` says.
        entries: (arm, training seed) to ``about``, ``episodes``, ``measurements`` and ``curves``; they replace
            what was there of the same arm and seed.

    Raises:
        UserError: the record was measured with other settings, or at another scale.
    """
    record = read_record(path, settings=dict, arms=dict) if path.exists() else {"settings": settings, "arms": {}}
    if record["settings"] != settings:
        raise UserError(f"{path}: was measured at another scale or with other settings; choose another --out")
    for (arm, seed), entry in entries.items():
        record["arms"].setdefault(arm, {})[str(seed)] = entry
    record["arms"] = {arm: dict(sorted(seeds.items())) for arm, seeds in sorted(record["arms"].items())}
    record["over_seeds"] = {arm: _over_seeds(seeds) for arm, seeds in record["arms"].items()}
    record["differences"] = differences(record["arms"])
    write_text(path, to_text(record) + "\n")
    return record


def _over_seeds(seeds: dict[str, dict]) -> dict:
    """Each measurement that every seed has, as its mean over the seeds."""
    first, *others = seeds.values()
    names = [name for name in first["measurements"] if all(name in other["measurements"] for other in others)]
    return {name: _rounded(pooled([_sums(entry, name) for entry in seeds.values()])) for name in names}


def differences(arms: dict, reference: str = "vae") -> dict:
    """Every arm minus the reference, on the training seeds and episodes that both have: ``arm`` to measurement."""
    found = {}
    for arm, seeds in arms.items():
        base = arms.get(reference, {})
        both = [seed for seed in seeds if seed in base and seeds[seed]["episodes"] == base[seed]["episodes"]]
        if arm == reference or not both:
            continue
        shared = [
            name
            for name in seeds[both[0]]["measurements"]
            if all(name in entry[seed]["measurements"] for entry in (seeds, base) for seed in both)
        ]
        found[arm] = {
            name: _rounded(pooled([_sums(seeds[s], name) for s in both], [_sums(base[s], name) for s in both]))
            for name in shared
        }
    return found


def _sums(entry: dict, name: str) -> tuple[list, list]:
    return entry["measurements"][name]["sums"], entry["measurements"][name]["counts"]


def _rounded(summary: dict) -> dict:
    return summary | {"value": _short(summary["value"]), "ci95": [_short(v) for v in summary["ci95"]]}


def to_text(value, indent: int = 0) -> str:
    """JSON with one line per measurement: dictionaries are spread out, lists and what holds only them are not."""
    leaf = not isinstance(value, dict) or not value or not any(isinstance(v, dict) for v in value.values())
    if leaf:
        return json.dumps(value, allow_nan=False)
    inner = ",\n".join(f"{' ' * (indent + 1)}{json.dumps(k)}: {to_text(v, indent + 1)}" for k, v in value.items())
    return "{\n" + inner + "\n" + " " * indent + "}"
