"""Every kind of file in a run folder, and the shipped weights, damaged in every way, against the commands that read it.

A command on a damaged file must refuse it: exit code 2, one line that names the file, the file left as it is and no
result written. Or the damage must have done nothing: the results are those of the undamaged folder, bit by bit.

    python tests/fuzz/fuzz.py [--each N] [--seed S] [--out JSON]
"""

import argparse
import collections
import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from unittest.mock import patch

import numpy as np
from damage import Payload, damages
from folders import BESIDE, EXTRA, SETTINGS, build, copy, place, short_episodes
from readers import Readers

import wmbook.cli
import wmlib.cli
from wmlib.config import RolloutConfig
from wmlib.runs import machine, stage
from wmlib.stages import agents
from wmlib.stages.adopt import adopt

LIMIT = 300  # seconds after which a command counts as hanging
RUN = "RUN"  # stands for the run folder in a command
ARM, SEED = "vae-zh", "0"
STAGE = ("DONE", "config.json")  # of a finished stage
# state of the run folder -> command -> the files it may find damaged
READERS = {
    "done": [
        (("wmlib", "info"), ("config.json", "collect/DONE", "vision-vae/DONE", "evaluate-vae-zh/DONE")),
        (("wmlib", "run"), ("config.json", "encode-vae/DONE", "memory-vae/config.json", "memory-vae/memory.npz",
                            "controller-vae-zh/DONE", "evaluate-vae-zh/episodes.csv")),
        (("wmlib", "show-config"), ("config.json",)),
        (("wmlib", "play", "--record", "RUN/film.gif", "--steps", "2"),
         ("config.json", "evaluate-vae-zh/DONE", "vision-vae/encoder.npz", "memory-vae/memory.npz",
          "controller-vae-zh/controller.npz", "controller-vae-zh/config.json")),
        (("wmbook", "report", "--results", "RUN/results"),
         ("config.json", "evaluate-vae-zh/DONE", "evaluate-vae-zh/episodes.csv", "memory-vae/metrics.jsonl",
          "controller-vae-zh/learning_curve.csv", "controller-vae-zh/chosen.json", "vision-vae/config.json",
          "controller-vae-zh/provenance.json", "memory-vae/DONE")),
    ],
    "collect": [(("wmlib", "collect"), ("config.json", "collect/config.json", "collect/rollouts/000000.npz"))],
    "vision": [(("wmlib", "vision"), ("collect/DONE", "collect/config.json", "collect/rollouts/000001.npz",
                                      "vision-vae/config.json", "vision-vae/checkpoint.npz", "vision-vae/elapsed.json",
                                      "vision-vae/metrics.jsonl"))],
    "encode": [(("wmlib", "encode"), ("vision-vae/DONE", "vision-vae/encoder.npz", "collect/rollouts/000004.npz",
                                      "encode-vae/config.json", "encode-vae/latents/000001.npz"))],
    "memory": [(("wmlib", "memory"), ("encode-vae/DONE", "encode-vae/latents/000001.npz", "memory-vae/config.json",
                                      "memory-vae/checkpoint.npz", "memory-vae/elapsed.json",
                                      "memory-vae/metrics.jsonl"))],
    "controller": [(("wmlib", "controller"),
                    ("vision-vae/encoder.npz", "memory-vae/memory.npz", "memory-vae/DONE",
                     "controller-vae-zh/config.json", "controller-vae-zh/search.npz",
                     "controller-vae-zh/learning_curve.csv", "controller-vae-zh/means/00001.npz",
                     "controller-vae-zh/elapsed.json", "controller-vae-zh/metrics.jsonl"))],
    "evaluate": [(("wmlib", "evaluate"),
                  ("controller-vae-zh/controller.npz", "controller-vae-zh/DONE", "vision-vae/encoder.npz",
                   "memory-vae/memory.npz"))],
    "actor": [(("wmlib", "controller", *(
        word for text in BESIDE["actor"][1] for word in ("--set", text))),
        ("controller-dream-ac/search.npz", "controller-dream-ac/learning_curve.csv",
         "encode-vae/latents/000001.npz", "memory-vae/memory.npz", "controller-dream-ac/elapsed.json"))],
    "dreamt": [(("wmlib", "controller", *(
        word for text in BESIDE["dreamt"][1] for word in ("--set", text))),
        ("controller-dream-cma/search.npz", "controller-dream-cma/learning_curve.csv",
         "encode-vae/latents/000001.npz", "memory-vae/memory.npz"))],
    "taught": [(("wmlib", "controller", "--set", BESIDE["taught"][1][0]), tuple(
        f"controller-vae-zh-taught/{file}" for file in (
            "teacher.npz", "teacher.csv", "standard.npz", "lessons/000001.npz", "rounds/000.npz", "means/00001.npz",
            "learning_curve.csv", "config.json", "elapsed.json", "metrics.jsonl")))],
    "vaegan": [(("wmlib", "vision", "--set", "vision=vaedis"),
                ("vision-vaegan/discriminator.npz", "vision-vaegan/DONE"))],
    "shipped": [
        (("wmlib", "evaluate", "--pretrained", ARM, "--train-seed", SEED, "--tracks", "1", "--renderer", "wmlib"),
         ("manifest.json", "encoder.npz", "memory.npz", "controller.npz")),
        (("wmlib", "play", "--agent", ARM, "--train-seed", SEED, "--record", "RUN/film.gif", "--steps", "2",
          "--side-by-side"),
         ("manifest.json", "encoder.npz", "decoder.npz", "memory.npz")),
    ],
    "adopted": [(("wmlib", "run", "--pretrained", ARM, "--train-seed", SEED, "--run", "RUN", *(
        word for text in ("generations=1", "population=4", "tracks=1", "validation_tracks=1", "validate_every=1")
        for word in ("--set", f"controller.{text}")), "--set", "evaluate.tracks=1", "--set", "rollout.executor=serial"),
                 ("adopted.json", "config.json", "memory-vae-2/DONE"))],
}  # fmt: skip


class Fuzz:
    """The cases, and the undamaged folders they begin with, in a temporary folder.

    Args:
        states: names of :data:`READERS` to use.
    """

    def __init__(self, root: Path, states: tuple[str, ...] = tuple(READERS), seed: int = 0):
        self.root, self.random = root, np.random.default_rng(seed)
        self.readers = {name: READERS[name] for name in states}
        self.folders = build(root / "states", tuple(name for name in EXTRA if name in states))
        self.expected, self.reports = {}, []
        self.marker = Payload.marker = root / "code has run"
        if "shipped" in states or "adopted" in states:
            self.folders["shipped"] = root / "states" / "shipped"
            shutil.copytree(agents.FOLDER / ARM / f"seed{SEED}", self.folders["shipped"])
            manifest = json.loads((agents.FOLDER / "manifest.json").read_text())
            runs = manifest["arms"][ARM]["train_seeds"]
            manifest["arms"] = {ARM: {"headline": int(SEED), "train_seeds": {SEED: runs[SEED]}}}
            (self.folders["shipped"] / "manifest.json").write_text(json.dumps(manifest))
        if "adopted" in states:
            self.folders["adopted"] = root / "states" / "adopted"
            adopt(agents.shipped_agent(ARM, int(SEED)), self.folders["adopted"])

    def cases(self, each: int) -> list[tuple]:
        """(state, command, file, kind of damage, what makes it): for every file that a command reads, ``each``."""
        found = []
        for state, readers in self.readers.items():
            for command, files in readers:
                for name in files:
                    kinds = list(damages(self.folders[state] / name, self.random))
                    chosen = sorted(self.random.permutation(len(kinds))[:each])
                    found += [(state, command, name, *kinds[index]) for index in chosen]
        return found

    def run(self, cases: list[tuple], say=lambda text: None) -> dict:
        """Carry out cases; counts by outcome, and every case that is neither refused nor harmless."""
        counts, by_file, began = collections.Counter(), collections.defaultdict(collections.Counter), time.monotonic()
        for number, case in enumerate(cases):
            outcome, said = self.case(*case)
            counts[outcome] += 1
            by_file[re.sub(r"\d{3,}", "N", case[2])][outcome] += 1
            if outcome not in ("refused", "harmless"):
                state, command, name, kind, _ = case
                fault = {"outcome": outcome, "command": " ".join(command), "file": name, "damage": kind, "said": said}
                self.reports.append(fault)
                say(f"{outcome}: {' '.join(command[:2])} on {name}, {kind}: {said}")
            if (number + 1) % 25 == 0:
                say(f"{number + 1}/{len(cases)} cases, {time.monotonic() - began:.0f} s, {dict(counts)}")
        return {
            "cases": len(cases),
            "outcomes": dict(sorted(counts.items())),
            "files": {name: dict(sorted(found.items())) for name, found in sorted(by_file.items())},
            "seconds": round(time.monotonic() - began),
        }

    def case(self, state: str, command: tuple, name: str, kind: str, bad) -> tuple[str, str]:
        """One damaged file, one command: the outcome, and what the command said last."""
        code, said, results, untouched = self._command(state, command, name, bad)
        if self.marker.exists():
            self.marker.unlink()
            return "code has run", said
        if code == 0:
            return ("harmless" if results == self._undamaged(state, command) else "silent"), said
        if code != 2:
            return ("hangs" if "Hanging" in said else "traceback"), said
        if Path(name).name not in said or len(said) > 500:
            return "vague", said
        return ("refused" if untouched else "leaves state"), said

    def _undamaged(self, state: str, command: tuple) -> dict:
        """What the command gives on undamaged files."""
        if (state, command) not in self.expected:
            code, said, results, _ = self._command(state, command, None, None)
            assert code == 0, f"{command} fails on undamaged files: {said}"
            self.expected[state, command] = results
        return self.expected[state, command]

    def _command(self, state: str, command: tuple, name: str | None, bad) -> tuple[int, str, dict, bool]:
        """Exit code, last line on standard error, results, and whether a refusal left the folder as it was."""
        folder = self.root / "case"
        shutil.rmtree(folder, ignore_errors=True)
        copy(self.folders[state], folder)
        if name is not None:
            place(folder / name, bad())
        before = inventory(folder)
        words = [word.replace(RUN, str(folder)) for word in command[1:]]
        if state != "shipped" and "--run" not in words:
            words += ["--run", str(folder)]
        if state not in ("shipped", "adopted") and command[0] == "wmlib" and command[1] != "play":
            words += [part for text in SETTINGS for part in ("--set", text)]
        program = wmlib.cli if command[0] == "wmlib" else wmbook.cli
        out, error = io.StringIO(), io.StringIO()
        code, said = 0, ""
        with self._surroundings(folder if state == "shipped" else None):
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
                try:
                    program.main(words)
                except SystemExit as end:
                    code = end.code
                except BaseException as fault:
                    frames = traceback.extract_tb(fault.__traceback__)
                    frames = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "/wm" in f.filename]
                    said = f"{type(fault).__name__}: {fault} ({' < '.join(frames[:-6:-1])})"[:300]
                    code = 1
        said = said or (error.getvalue().strip().splitlines() or [""])[-1]
        after = inventory(folder)
        results = {file: content for file, content in after.items() if before.get(file) != content and not noise(file)}
        results = {file: figures(folder / file) for file in results}
        if command[1] in ("info", "show-config", "play"):
            results["said"] = re.sub(r"\S*case\S*", "", out.getvalue())
        left = [file for file in results if Path(file).name in ("DONE", "controller.npz", "episodes.csv")]
        return code, said, results, not left and before.get(name) == after.get(name)

    @contextlib.contextmanager
    def _surroundings(self, shipped: Path | None):
        """Episodes end early, a command that hangs is ended, and shipped weights are read from another folder."""

        def hanging(*_):
            raise TimeoutError("Hanging")

        def layout(arm: str, train_seed: int | None = None, folder: Path | None = None):
            with tempfile.TemporaryDirectory(dir=self.root) as place:
                os.symlink(shipped / "manifest.json", Path(place) / "manifest.json")
                (Path(place) / ARM).mkdir()
                os.symlink(shipped, Path(place) / ARM / f"seed{SEED}")
                agent = real(arm, train_seed, Path(place))
            return agents.replace(agent, files={part: shipped / file.name for part, file in agent.files.items()})

        real = agents.shipped_agent
        before = signal.signal(signal.SIGALRM, hanging)
        signal.alarm(LIMIT)
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(short_episodes())
                stack.enter_context(patch.object(machine, "_git_revision", lambda: None))
                if shipped is not None:
                    stack.enter_context(patch("wmlib.config.RolloutConfig", lambda: RolloutConfig(executor="serial")))
                    for owner in ("wmlib.stages.agents", "wmlib.stages.evaluate"):  # play takes it from the first
                        stack.enter_context(patch(f"{owner}.shipped_agent", layout))
                yield
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
            stage._owned.clear()


def inventory(folder: Path) -> dict[str, str]:
    """Name of every file -> hash of what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = "link"
        elif path.is_dir():
            found[name] = "folder"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def noise(name: str) -> bool:
    """Files whose contents differ from run to run, or whose folder is enough to know."""
    return "tensorboard" in name or Path(name).name in (".owner", "elapsed.json", "provenance.json", "film.gif")


TIMES = re.compile(r'"[a-z_]*(seconds|per_second|total_seconds)": *[-0-9.e]+|"digest": *"[0-9a-f]*"')


def figures(path: Path):
    """What a file says, without the times in it."""
    if not path.is_file():
        return None
    data = path.read_bytes()
    if path.suffix in ("", ".json", ".jsonl"):
        return TIMES.sub("", data.decode())
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        return [{name: cell for name, cell in row.items() if name != "wall_seconds"} for row in rows]
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=12, help="cases for each file that a command reads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--states", default=",".join(READERS))
    parser.add_argument("--out", type=Path, default=None, help="JSON to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        by_file, faults = Readers(Path(root) / "files").run(seed=arguments.seed)
        print(f"readers: {sum(map(sum, (found.values() for found in by_file.values())))} cases, {faults}", flush=True)
        fuzz = Fuzz(Path(root), tuple(arguments.states.split(",")), arguments.seed)
        commands = fuzz.run(fuzz.cases(arguments.each), lambda text: print(text, flush=True))
    outcomes = collections.Counter(commands["outcomes"])
    for found in by_file.values():
        outcomes.update(found)
    faults += fuzz.reports
    record = {
        "cases": sum(outcomes.values()),
        "outcomes": dict(sorted(outcomes.items())),
        "fault_count": len(faults),
        "faults": faults,
        "readers": by_file,
        "commands": commands,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps({name: record[name] for name in ("cases", "outcomes", "fault_count")}))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
