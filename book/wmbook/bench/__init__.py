"""``wmbook bench``: speeds side by side with what a user would pick instead, all in one interleaved run."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from wmlib.errors import UserError


def bench(arguments) -> None:
    """Measure the chosen groups, print their tables, and write the record.

    Args:
        arguments: ``repetitions``; ``only``, comma-separated groups or None for all; ``out``, JSON file or None for
            the book's, which only a run of all groups writes.

    Raises:
        UserError: an unknown group, or fewer than one repetition.
    """
    from wmbook.bench.groups import GROUPS

    names = [name.strip() for name in arguments.only.split(",")] if arguments.only else list(GROUPS)
    for name in names:
        if name not in GROUPS:
            raise UserError(f"--only {name}: no such group; choose from {', '.join(GROUPS)}")
    if arguments.repetitions < 1:
        raise UserError(f"--repetitions {arguments.repetitions}: must be at least 1")
    from wmbook.bench.measure import table
    from wmbook.records.records import find_root
    from wmlib.runs import check_writable, write_json

    check_writable(arguments.out, "--out")
    record = run([GROUPS[name]() for name in names], arguments.repetitions)
    whole = len(names) == len(GROUPS)
    out = arguments.out or (find_root() / "book" / "results" / "bench.json" if whole else None)
    for comparison in record["comparisons"].values():
        print(table(comparison) + "\n")
    if "profile" in record:
        print("A step of one car, by part (µs): " + ", ".join(f"{k} {v['text']}" for k, v in record["profile"].items()))
    if "projection" in record:
        rows = record["projection"]["cores"].items()
        print("Projection, not measured: " + ", ".join(f"{n} cores {r['steps_per_second']:,} steps/s" for n, r in rows))
    about = record["about"]
    print(f"{about['processor']['model']}, {about['cores']} cores, {about['amx']}; {about['seconds']:.0f} s")
    if out:
        write_json(Path(out), record)
        print(f"written: {out}")
        if arguments.out is None:
            from wmbook.bench.figures import write

            write(record)


def run(groups: list, repetitions: int) -> dict:
    """Measure groups one after the other; contenders of a group take turns. Returns what :func:`assemble` makes."""
    from wmbook.bench.hosts import Hosts, available
    from wmbook.bench.measure import interleave
    from wmlib.runs import Progress, provenance

    began, load = time.monotonic(), os.getloadavg()[0]
    if load > 0.5:
        print(f"bench: load is {load:.1f} before the start; medians suffer on a busy machine", file=sys.stderr)
    rounds = {}
    for group in groups:
        present = [contender for contender in group.contenders if available(contender)]
        with Progress(f"bench {group.key}", repetitions * len(present), "measurements") as progress:
            with Hosts(present) as hosts:
                rounds |= interleave(hosts.measures(), repetitions, lambda key: progress.advance(note=key))
    about = {**provenance(), "repetitions": repetitions, "load_before": round(load, 2)}
    about["amx"] = "with AMX" if "amx_bf16" in about["processor"]["extensions"] else "without AMX"
    about["seconds"] = round(time.monotonic() - began, 1)
    return assemble(groups, rounds, about)


def assemble(groups: list, rounds: dict[str, list[dict[str, float]]], about: dict) -> dict:
    """The record: ``about``, ``comparisons``, and with the groups that give them ``profile`` and ``projection``.

    Args:
        rounds: contender to one dictionary of metrics per repetition.
        about: processor, AMX or not, versions, load before, seconds.
    """
    from wmbook.bench.groups import SHARE
    from wmbook.bench.lockstep import PARTS
    from wmbook.bench.measure import compare, spread, text
    from wmbook.bench.projection import parts, project
    from wmbook.bench.rollout import EPISODE

    record = {"about": about, "comparisons": {}}
    for group in groups:
        labels = {contender.key: contender.label for contender in group.contenders}
        record["comparisons"] |= {each.key: compare(each, labels, rounds) for each in group.comparisons}
    if "profile" in rounds:
        each = {part: spread([row[part] for row in rounds["profile"]]) for part in (*PARTS, "whole", "reset")}
        record["profile"] = {part: values | {"text": text(values["median"])} for part, values in each.items()}
    if {"profile", "search"} <= set(rounds):
        record["projection"] = project(parts(rounds, about["cores"], SHARE, EPISODE))
    return record
