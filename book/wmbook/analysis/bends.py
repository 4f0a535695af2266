"""``wmbook bends``: how a driver meets a bend, and whether it could know, for ``results/bends.json``.

One speed for everything, or fast on the straight and slow in the bend? Speed, gas and brake are measured on three kinds
of road and on the way into a bend; read-outs tell what z and h hold of the bend ahead, whichever way it turns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmbook.analysis.copies import copies
from wmbook.analysis.drives import Drive, drive_tracks
from wmbook.analysis.readout import EMPTY, FOLDS, NEAR, STRIDE, ridge_guess, score
from wmbook.show.bends import PLACES, TURNS
from wmlib.config import ACTION_SIZE
from wmlib.errors import UserError
from wmlib.models.controller import input_size
from wmlib.stages.agents import Agent, shipped_agent
from wmlib.stats import bootstrap_interval, describe

FIRST = 95_000  # position of the first track in the validation range: not one that chose a generation
HALF, SHARP = 2, 0.28  # a tile lies in a bend if the road turns so many rad between two tiles before it and two after
SEEN = 10  # tiles ahead in the picture
AHEAD = (3, 8)  # tiles between which the turn ahead is read out: about half a second from now
APPROACH = np.arange(-12, 9)  # tiles from the first of a bend
TEACHER = "teacher"  # its name among the record's arms
GATHERING = 20  # tiles from the start on which the car gathers speed: they say nothing about how it drives
MEASURES = ("speed", "gas", "brake")  # m/s; both controls from 0 to 1


def turn(track: np.ndarray, first: int, last: int) -> np.ndarray:
    """How far the road turns between two tiles counted from each one, rad, positive to the left: (N,)."""
    change = np.roll(track[:, 1], -last) - np.roll(track[:, 1], -first)
    return (change + np.pi) % (2 * np.pi) - np.pi


def in_bend(track: np.ndarray) -> np.ndarray:
    """Which tiles of a track (N, 4) lie in a bend: bool (N,)."""
    return np.abs(turn(track, -HALF, HALF)) > SHARP


def kinds(track: np.ndarray) -> np.ndarray:
    """Each tile's kind as an index into ``PLACES``: int (N,)."""
    bend = in_bend(track)
    soon = np.any([np.roll(bend, -ahead) for ahead in range(1, SEEN + 1)], axis=0)
    return np.where(bend, 2, np.where(soon, 1, 0))


def entries(track: np.ndarray) -> np.ndarray:
    """First tiles of bends that come after a straight no shorter than the approach."""
    bend = in_bend(track)
    clear = ~np.any([np.roll(bend, behind) for behind in range(1, -APPROACH[0] + 1)], axis=0)
    return np.flatnonzero(bend & clear)


def measured(drive: Drive) -> np.ndarray:
    """``MEASURES`` of every frame, (T, 3)."""
    return np.column_stack([drive.states[:, 0], drive.actions[:, 1], drive.actions[:, 2]])


def by_place(drives: list[Drive]) -> dict:
    """Share of frames and mean measures on each kind of road, every track weighing the same, with its interval."""
    kept = [np.flatnonzero(drive.place >= GATHERING) for drive in drives]
    found = [kinds(drive.track)[drive.place[k] % len(drive.track)] for drive, k in zip(drives, kept, strict=True)]
    result = {}
    for kind, name in enumerate(PLACES):
        rows = [measured(d)[k][f == kind] for d, k, f in zip(drives, kept, found, strict=True)]
        means = np.array([row.mean(0) for row in rows if len(row)])
        frames = sum(len(row) for row in rows)
        result[name] = {"share": round(frames / sum(map(len, kept)), 3)}
        for index, measure in enumerate(MEASURES):
            low, high = bootstrap_interval(means[:, index])
            mean = float(means[:, index].mean())
            result[name][measure] = {"mean": round(mean, 4), "ci95": [round(low, 4), round(high, 4)]}
    return result


def approach(drives: list[Drive]) -> dict:
    """Mean measures at each tile of ``APPROACH`` on the way into a bend, every passage weighing the same: a car that is
    stuck counts once."""
    sums, passages = np.zeros((len(APPROACH), len(MEASURES))), np.zeros(len(APPROACH))
    for drive in drives:
        values = measured(drive)
        for entry in entries(drive.track):
            at = drive.place - entry - APPROACH[0]  # the lap is not closed: a place counts tiles from the start
            on = (at >= 0) & (at < len(APPROACH)) & (drive.place >= GATHERING)
            frames, here = np.zeros(len(APPROACH)), np.zeros_like(sums)
            np.add.at(here, at[on], values[on])
            np.add.at(frames, at[on], 1)
            sums += here / np.maximum(frames, 1)[:, None]
            passages += frames > 0
    means = (sums / np.maximum(passages, 1)[:, None]).round(4)
    columns = {measure: means[:, index].tolist() for index, measure in enumerate(MEASURES)}
    return {"tiles": APPROACH.tolist(), "passages": passages.astype(int).tolist(), **columns}


def read_outs(drives: list[Drive]) -> dict:
    """R² of the turn ahead and of its size, guessed from z, h and both linearly, and from both with their squares."""
    kept = [np.arange(EMPTY, len(d.z), STRIDE) for d in drives]
    kept = [k[np.abs(d.states[k, 3]) < NEAR] for k, d in zip(kept, drives, strict=True)]
    turns = [turn(d.track, *AHEAD)[d.place[k] % len(d.track)] for k, d in zip(kept, drives, strict=True)]
    truths = [np.column_stack([each, np.abs(each)]) for each in turns]
    both = [np.concatenate([d.z, d.h], 1)[k].astype(float) for k, d in zip(kept, drives, strict=True)]
    latent = drives[0].z.shape[1]
    everything = np.concatenate(both)
    centre, spread = everything.mean(0), everything.std(0) + 1e-9
    squares = [np.concatenate([x, np.square((x - centre) / spread)], 1) for x in both]
    views = {"z": [x[:, :latent] for x in both], "h": [x[:, latent:] for x in both]}
    views |= {"z and h": both, "z and h, squares too": squares}
    result = {"correlation of the two": round(float(np.corrcoef(*np.concatenate(truths).T)[0, 1]), 3)}
    for name, seen in views.items():
        guesses = [None] * len(drives)
        for fold in range(FOLDS):
            known = [i for i in range(len(drives)) if i % FOLDS != fold]
            features, target = (np.concatenate([part[i] for i in known]) for part in (seen, truths))
            for i in range(fold, len(drives), FOLDS):
                guesses[i] = ridge_guess(features, target, seen[i])
        result[name] = {
            label: score([t[:, k] for t in truths], [g[:, k] for g in guesses]) for k, label in enumerate(TURNS)
        }
    return result


def brake_pedal(agent: Agent, drives: list[Drive]) -> dict:
    """A linear C's pre-activation of the brake, which acts above zero only: mostly, and how high it comes."""
    inputs = input_size(agent.config.controller, drives[0].h.shape[1], drives[0].z.shape[1])
    weights = agent.parameters.reshape(inputs + 1, ACTION_SIZE)[:, 2]  # the last row is the bias
    seen = np.concatenate([np.concatenate([d.z, d.h], 1)[EMPTY:, :inputs] for d in drives])
    median, high, highest = np.quantile(seen @ weights[:-1] + weights[-1], [0.5, 0.99, 1.0])
    return {"median": round(float(median), 2), "99 %": round(float(high), 2), "highest": round(float(highest), 2)}


def examine(agent: Agent, seeds: list[int]) -> dict:
    """The record's entry of one driver."""
    drives = drive_tracks(agent.worker_spec(1), agent.parameters, seeds)
    entry = {
        "source": agent.source,
        "first_track": seeds[0],
        "score": describe([drive.episode.total for drive in drives]),
        "places": by_place(drives),
        "approach": approach(drives),
        "read_out": read_outs(drives),
    }
    linear = not agent.config.controller.hidden_units
    return entry | ({"brake_pedal": brake_pedal(agent, drives)} if linear else {})


def examine_teacher(agent: Agent, seeds: list[int]) -> dict:
    """The entry of the teacher of a taught driver, who senses the simulator's state, and who can copy it."""
    drives = drive_tracks(agent.worker_spec(1), agent.parameters, seeds, teacher=agent.teacher)
    return {
        "source": f"teacher of {agent.arm}, {agent.source}",
        "first_track": seeds[0],
        "score": describe([drive.episode.total for drive in drives]),
        "places": by_place(drives),
        "approach": approach(drives),
        "copies": copies(agent, seeds),
    }


def bends(arguments) -> None:
    """Drive, measure, and put the driver's entry into the record."""
    from wmbook.records.records import find_root
    from wmlib.runs import check_writable, read_record, write_json
    from wmlib.seeds import track_seeds

    check_writable(arguments.out, "--out")
    agent = shipped_agent(arguments.pretrained, arguments.train_seed).playing("carracing", "--pretrained")
    if agent.path("memory") is None:
        raise UserError(f"--pretrained {agent.arm}: has no M, so that there is no h to read a bend from; try vae-zh")
    path = Path(arguments.out or find_root() / "book" / "results" / "bends.json")
    record = {agent.arm: {}} | (read_record(path) if path.exists() else {})
    if not isinstance(record[agent.arm], dict):
        raise UserError(f"{path}: {agent.arm} is no record of training seeds; move it away")
    tracks = track_seeds("validation", 0, FIRST, arguments.tracks)
    record[agent.arm][str(agent.train_seed)] = entry = examine(agent, tracks)
    if agent.teacher is not None:
        record.setdefault(TEACHER, {})[str(agent.train_seed)] = examine_teacher(agent, tracks)
    write_json(path, dict(sorted(record.items())))
    speeds = ", ".join(f"{entry['places'][name]['speed']['mean']:.1f} m/s {name}" for name in PLACES)
    print(f"{path}: {agent.arm}, training seed {agent.train_seed}: {speeds}")
