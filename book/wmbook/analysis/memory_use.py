"""What h adds to z: how actions change, on the same frames, when C is shown another h."""

from __future__ import annotations

import numpy as np

from wmbook.analysis.drives import Drive
from wmlib.config import ControllerConfig
from wmlib.models.controller import act
from wmlib.seeds import generator
from wmlib.stats import bootstrap_interval

CONTROLS = ("steer", "gas", "brake")


def action_changes(drives: list[Drive], config: ControllerConfig, parameters: np.ndarray, seed: int) -> dict:
    """Mean absolute change of each control when h is replaced: by ``zeros``, or by h of ``another`` moment.

    Returns:
        kind of replacement -> control -> ``mean`` and ``ci95`` over tracks; ``spread`` is each control's own mean
        absolute deviation from its average, the scale to read the changes on.
    """
    z, h = (np.concatenate([getattr(drive, name) for drive in drives]) for name in ("z", "h"))
    rows = np.broadcast_to(parameters, (len(z), len(parameters)))
    owner = np.repeat(np.arange(len(drives)), [len(drive.z) for drive in drives])
    seen = act(config, rows, z, h)
    other = generator(seed, "analysis", "another moment").permutation(len(h))
    changes = {"zeros": act(config, rows, z, np.zeros_like(h)), "another": act(config, rows, z, h[other])}
    result = {kind: _per_control(np.abs(changed - seen), owner) for kind, changed in changes.items()}
    return result | {"spread": _per_control(np.abs(seen - seen.mean(0)), owner)}


def _per_control(values: np.ndarray, owner: np.ndarray) -> dict:
    """Mean of ``values`` (n, 3) per control, every track weighing the same, with the interval over tracks."""
    counts = np.bincount(owner)
    found = {}
    for index, name in enumerate(CONTROLS):
        per_track = np.bincount(owner, values[:, index]) / counts
        low, high = bootstrap_interval(per_track)
        found[name] = {"mean": round(float(per_track.mean()), 4), "ci95": [round(low, 4), round(high, 4)]}
    return found
