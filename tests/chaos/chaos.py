"""A run that is killed again and again ends where an undisturbed one ends, bit by bit, and leaves nothing behind.

Runs of the smallest scale, each in a folder of its own, are continued until they are finished: the chain with C found
by evolution, then C found by imitation, then C found in dreams. Meanwhile

- ``renames``: the command is killed (SIGKILL) just before or after a rename, a random few renames on;
- ``moments``: the command is killed at a random moment;
- ``workers``: a worker process is killed, or stopped (SIGSTOP) for good, in one batch after the other of a longer
  search. Three losses in one batch end a run by design: each hit waits for the batch of the last one to end.

After every kill no process of the run may be left. At the end all arrays, tables, metrics and figures are compared.

    python tests/chaos/chaos.py [--kills N] [--seed S] [--only KIND] [--task NAME] [--out JSON]
"""

import argparse
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SMOKE = ("--scale", "smoke", "--set", "rollout.workers=2")
COMMANDS = {
    "carracing": (
        ("run", *SMOKE),
        ("run", *SMOKE, "--set", "controller.search=imitation"),
        ("run", *SMOKE, "--set", "controller.world=dream", "--set", "controller.dream_steps=40"),
    ),
    "takecover": (("run", *SMOKE, "--set", "task=takecover", "--set", "iterations=2"),),
}
LONG = ("run", *SMOKE, "--set", "controller.generations=60", "--set", "controller.tracks=4")  # for workers to be hit in
TAG = "WMLIB_CHAOS"  # in the environment of every process of a run: how orphans are found
KINDS = ("renames", "moments", "workers")
ORPHANS = 10.0  # seconds that workers have to end after their parent was killed
TIMES = re.compile(r', "[a-z_]*(seconds|per_second)": [-0-9.e+]+|"[a-z_]*(seconds|per_second)": [-0-9.e+]+,? ?')


class Disturbed:
    """Commands in one run folder, each started again until it is finished.

    Args:
        commands: words of each ``wmlib`` command, without ``--run``.
    """

    def __init__(self, folder: Path, *commands: tuple[str, ...], silent: float = 120.0):
        self.folder, self.commands, self.finished, self.tag = folder, commands, 0, uuid.uuid4().hex
        self.environment = {**os.environ, TAG: self.tag, "SILENT": str(silent), "CUDA_VISIBLE_DEVICES": ""}
        self.kills, self.faults, self.said = 0, [], folder.with_name(f"{folder.name}.log")

    def start(self, number: int = 0, when: str = "after") -> subprocess.Popen:
        """The next command, killed by itself at a rename."""
        words = self.commands[self.finished]
        command = [sys.executable, str(HERE / "killed.py"), str(number), when, *words, "--run", str(self.folder)]
        with self.said.open("wb") as said:  # no pipe: an orphan would hold its end, and the harness wait for it
            return subprocess.Popen(command, env=self.environment, stdout=said, stderr=subprocess.STDOUT)

    def ended(self, process: subprocess.Popen) -> bool:
        """Wait for the end, and for its workers; True if it finished the last command rather than being killed."""
        process.wait()
        said = self.said.read_text(errors="replace")
        if process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(f"exit code {process.returncode}: {said[-2000:]}")
        self.kills += process.returncode != 0
        self.finished += process.returncode == 0
        until = time.monotonic() + ORPHANS
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.1)
        if left:
            self.faults.append(f"after kill {self.kills}: {len(left)} processes left")
            for number in left:
                os.kill(number, signal.SIGKILL)
        return self.finished == len(self.commands)

    def processes(self) -> list[int]:
        """Numbers of all processes of this run that are alive."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                alive = entry.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
                if alive and f"{TAG}={self.tag}".encode() in entry.joinpath("environ").read_bytes():
                    found.append(int(entry.name))
            except (OSError, IndexError):
                continue
        return found

    def workers(self, parent: int) -> list[int]:
        """Numbers of the worker processes that the command started."""
        found = []
        for number in self.processes():
            try:
                stat = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
                command = Path(f"/proc/{number}/cmdline").read_bytes()
            except OSError:
                continue
            if int(stat[1]) == parent and b"spawn_main" in command:
                found.append(number)
        return found


def at_renames(run: Disturbed, random: np.random.Generator, kills: int) -> None:
    """Killed ``kills`` times, one to nine renames after each start; then left to finish."""
    while run.kills < kills:
        if run.ended(run.start(int(random.integers(1, 10)), str(random.choice(["before", "after"])))):
            return
    while not run.ended(run.start()):
        pass


def at_moments(run: Disturbed, random: np.random.Generator, kills: int, longest: float) -> None:
    """Killed ``kills`` times, up to ``longest`` seconds after each start; then left to finish."""
    while run.kills < kills:
        process = run.start()
        try:
            process.wait(random.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
        if run.ended(process):
            return
    while not run.ended(run.start()):
        pass


def batches(folder: Path) -> dict[Path, int]:
    """What grows when a batch of episodes has been driven: finished stages and the rows of learning curves."""
    return {path: path.stat().st_size for name in ("DONE", "learning_curve.csv") for path in folder.glob(f"*/{name}")}


def at_workers(run: Disturbed, random: np.random.Generator, kills: int, pause: float) -> tuple[int, int]:
    """One run, whose workers are killed or stopped ``kills`` times; returns how many of each."""
    killed, stopped, process = 0, 0, run.start()
    while killed + stopped < kills:
        time.sleep(random.uniform(0, pause))
        if process.poll() is not None:
            if run.ended(process):
                return killed, stopped
            process = run.start()
        workers, seen = run.workers(process.pid), batches(run.folder)
        if workers:
            number = signal.SIGSTOP if stopped < killed else signal.SIGKILL
            try:
                os.kill(int(random.choice(workers)), number)
            except ProcessLookupError:
                continue
            killed, stopped = killed + (number == signal.SIGKILL), stopped + (number == signal.SIGSTOP)
            while process.poll() is None and batches(run.folder) == seen:
                time.sleep(0.05)
    while not run.ended(process):
        process = run.start()
    return killed, stopped


def results(folder: Path) -> dict:
    """All that must come out the same: arrays by their bits, tables, metrics and figures without their times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or "tensorboard" in name or path.name in (".owner", "elapsed.json", "provenance.json"):
            continue
        data = path.read_bytes()
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                data = {key: (arrays[key].shape, arrays[key].tobytes()) for key in arrays.files}
        elif path.suffix == ".csv":
            rows = csv.DictReader(io.StringIO(data.decode()))
            data = [{key: cell for key, cell in row.items() if key != "wall_seconds"} for row in rows]
        elif path.name == "DONE":
            record = json.loads(data)
            record["payload"] = record["payload"]["files"]  # the digits of times have lengths
            data = {key: value for key, value in record.items() if "second" not in key and key != "digest"}
        else:
            data = TIMES.sub("", re.sub(r"\s+", " ", data.decode()))
        found[name] = data
    return found


def different(expected: dict, found: dict) -> list[str]:
    """Names of files that are missing, left over, or say something else."""
    return sorted(name for name in {**expected, **found} if expected.get(name) != found.get(name))


def undisturbed(folder: Path, commands: tuple) -> tuple[float, dict]:
    """Seconds a command takes in peace, and what it leaves."""
    run, began = Disturbed(folder, *commands), time.monotonic()
    while not run.ended(run.start()):
        assert not run.kills
    return (time.monotonic() - began) / len(commands), results(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, default=None, help="this kind; figures of the others in --out stay")
    parser.add_argument("--task", choices=COMMANDS, default="carracing")
    parser.add_argument("--out", type=Path, default=None, help="JSON to write")
    arguments = parser.parse_args()
    random, record, out = np.random.default_rng(arguments.seed), {}, arguments.out
    if arguments.only and out and out.exists():
        record = json.loads(out.read_text())
    kinds = (arguments.only,) if arguments.only else KINDS
    with tempfile.TemporaryDirectory() as root:
        for kind in kinds:
            commands = (LONG,) if kind == "workers" and arguments.task == "carracing" else COMMANDS[arguments.task]
            length, expected = undisturbed(Path(root) / f"{kind}-undisturbed", commands)
            print(f"undisturbed: {length:.0f} s a command, {len(expected)} files", flush=True)
            began, runs, extra = time.monotonic(), [], {}
            while sum(run.kills for run in runs) + sum(extra.values()) < arguments.kills:
                run = Disturbed(Path(root) / f"{kind}-{len(runs)}", *commands, silent=10.0)
                left = arguments.kills - sum(run.kills for run in runs) - sum(extra.values())
                if kind == "renames":
                    at_renames(run, random, left)
                elif kind == "moments":
                    at_moments(run, random, left, length)
                else:
                    killed, stopped = at_workers(run, random, left, 1.0)
                    extra = {"killed": extra.get("killed", 0) + killed, "stopped": extra.get("stopped", 0) + stopped}
                wrong = different(expected, results(run.folder))
                run.faults += [f"differs: {', '.join(wrong)}"] if wrong else []
                runs.append(run)
                print(f"{kind}: {run.kills} kills {extra}, {run.faults or 'nothing amiss'}", flush=True)
            record[kind] = {
                "runs": len(runs),
                "kills": sum(run.kills for run in runs),
                **extra,
                "fault_count": sum(len(run.faults) for run in runs),
                "faults": [fault for run in runs for fault in run.faults],
                "files_compared": len(expected),
                "seconds": round(time.monotonic() - began),
            }
            if out:  # after each kind: this takes long
                out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record))
    sys.exit(any(record[kind]["faults"] for kind in kinds))


if __name__ == "__main__":
    main()
