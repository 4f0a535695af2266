"""``wmbook analyse``: look at how a driver drives, on validation tracks, and write it to ``results/analysis.json``.

The test tracks play no part: whoever looks at them would next be tempted to change the driver.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.stages.agents import Agent, shipped_agent, trained_agent

FIRST = 80_000  # position of the first track in the validation range: not one that chose a generation
NOISY = 85_000  # and of the drives for read-outs
NUDGED = 90_000  # and of the drives with C's parameters moved by hand, which are twice as many
NOISE = 0.4  # their action noise, so that the same place on the road is met at many speeds


def analyse(arguments) -> None:
    """Drive, measure, and put the arm's entry into the record; then film, if asked to."""
    from wmbook.records.records import find_root
    from wmlib.runs import check_writable, read_record, write_json

    if arguments.tracks < 8:
        raise UserError("--tracks: at least 8, so that read-outs can be fitted on some and tested on others")
    if arguments.pretrained is None and arguments.run is None:
        raise UserError("name a driver: --pretrained ARM, or --run DIR and --arm ARM")
    check_writable(arguments.out, "--out")
    arm = arguments.pretrained or arguments.arm or "vae-zh"
    agent = shipped_agent(arm, arguments.train_seed) if arguments.pretrained else trained_agent(arguments.run, arm)
    agent.playing("carracing", "--pretrained" if arguments.pretrained else "--arm")
    if arguments.films and arguments.pretrained is None:
        raise UserError("--films needs shipped weights with a decoder: give --pretrained ARM instead of --run")
    path = arguments.out or find_root() / "book" / "results" / "analysis.json"
    record = read_record(path) if path.exists() else {}
    record[agent.arm] = entry = examine(agent, arguments.tracks)
    if arguments.pretrained and arguments.run:
        entry["float16"] = _precision(agent, trained_agent(arguments.run, arm), entry)
    write_json(path, dict(sorted(record.items())))
    print(f"{path}: {agent.arm}, mean return {entry['score']['mean']:.0f} on {arguments.tracks} validation tracks")
    if arguments.films:
        _films(agent, arguments.films, entry)


def examine(agent: Agent, tracks: int) -> dict:
    """Everything the record holds about one driver."""
    from dataclasses import replace

    from wmbook.analysis.drives import drive_tracks
    from wmbook.analysis.losses import account, bends
    from wmbook.analysis.memory_use import action_changes
    from wmbook.analysis.nudges import try_nudges
    from wmbook.analysis.readout import read_outs
    from wmbook.records.intervals import paired_difference
    from wmlib.config import RolloutConfig
    from wmlib.runs import Progress
    from wmlib.seeds import track_seeds
    from wmlib.stats import describe

    spec, parameters, controller = agent.worker_spec(1), agent.parameters, agent.config.controller
    seeds = track_seeds("validation", 0, FIRST, tracks)
    remembers, linear = controller.inputs == "zh", not controller.hidden_units
    with Progress(f"analyse {agent.arm}", 2 + linear + 2 * remembers, "rounds of drives") as progress:
        drives = drive_tracks(spec, parameters, seeds)
        progress.advance()
        noisy = drive_tracks(replace(spec, noise=NOISE), parameters, track_seeds("validation", 0, NOISY, tracks))
        progress.advance()
        views = {"z": lambda drive: drive.z}
        if remembers:
            views |= {"h": lambda drive: drive.h, "z and h": lambda drive: np.concatenate([drive.z, drive.h], 1)}
        entry = {
            "train_seed": agent.train_seed,
            "source": agent.source,
            "first_track": seeds[0],
            "score": describe([drive.episode.total for drive in drives]),
            "tracks": [account(drive) for drive in drives],
            "bends": bends(drives),
            "read_out": {"noise": NOISE, "r2": read_outs(noisy, views)},
        }
        if linear:
            more = track_seeds("validation", 0, NUDGED, 2 * tracks)
            entry["nudges"] = try_nudges(spec, parameters, more, RolloutConfig())
            progress.advance()
        if remembers:
            entry["action_change"] = action_changes(drives, controller, parameters, agent.train_seed)
            average = np.concatenate([drive.h for drive in drives]).mean(0)
            entry["without_h"] = {}
            for name, held in (("zeros", np.zeros_like(average)), ("average", average)):
                blind = drive_tracks(spec, parameters, seeds, lambda h, held=held: np.broadcast_to(held, h.shape))
                ours, theirs = ([drive.episode.total for drive in d] for d in (blind, drives))
                entry["without_h"][name] = describe(ours) | {"difference": paired_difference(ours, theirs)}
                progress.advance()
    return entry


def _precision(agent: Agent, original: Agent, entry: dict) -> dict:
    """What shipping float16 weights costs: their returns minus those of the weights as they were trained."""
    from wmbook.analysis.drives import drive_tracks
    from wmbook.records.intervals import paired_difference

    if agent.train_seed != original.train_seed:
        raise UserError(f"--run holds training seed {original.train_seed}, shipped is seed {agent.train_seed}")
    seeds = [track["track_seed"] for track in entry["tracks"]]
    full = [drive.episode.total for drive in drive_tracks(original.worker_spec(1), original.parameters, seeds)]
    return paired_difference([track["return"] for track in entry["tracks"]], full)


def _films(agent: Agent, folder: Path, entry: dict) -> None:
    """The easiest and the hardest of the analysed tracks, filmed with the shipped weights."""
    from wmbook.analysis.films import film

    agent.with_picture("--films")
    ranked = sorted(entry["tracks"], key=lambda track: track["return"])
    for name, track in (("easy", ranked[-1]), ("hard", ranked[0])):
        path = Path(folder) / f"{agent.arm}-{name}.mp4"
        total = film(agent, track["track_seed"], path)
        print(f"{path}: track {track['track_seed']}, return {total:.0f}, {path.stat().st_size / 1000:.0f} kB")
