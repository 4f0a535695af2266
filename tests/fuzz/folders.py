"""Run folders at every state in which a command may find one: finished, and interrupted in each stage."""

import os
import shutil
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from damage import FOLDER, LOOP

from wmlib.config import Config
from wmlib.rollout import worker
from wmlib.runs import Stopwatch
from wmlib.stages import encode
from wmlib.stages.chain import Chain, plan, run_stage

SETTINGS = ["rollout.executor=serial"]
BESIDE = {"dreamt": ("controller", ["controller.world=dream", "controller.dream_steps=8"]),
          "actor": ("controller", ["controller.world=dream", "controller.search=actor-critic",
                                   "controller.dream_steps=4"]),
          "taught": ("controller", ["controller.search=imitation"]),
          "vaegan": ("vision", ["vision=vaegan"])}  # fmt: skip
STEPS = 40  # frames of an episode, whatever its stage asks for
EXTRA = ("actor", "dreamt", "taught", "vaegan")  # stages beside the chain


@contextmanager
def short_episodes():
    """Every episode ends after :data:`STEPS` frames."""

    def drive(simulator, driver, next_job, population, patience, steps, *more):
        return real(simulator, driver, next_job, population, patience, min(steps, STEPS), *more)

    real = worker.drive
    with patch.object(worker, "drive", drive):
        yield


@contextmanager
def interrupted(owner, function: str, after: int):
    """Ctrl-C right after the ``after``-th call of a function."""
    calls, real = [], getattr(owner, function)

    def called(*arguments, **options):
        calls.append(real(*arguments, **options))
        if len(calls) == after:
            raise KeyboardInterrupt
        return calls[-1]

    with patch.object(owner, function, called):
        try:
            yield
        except KeyboardInterrupt:
            return
    raise AssertionError(f"{function} was called {len(calls)} times")


def copy(source: Path, target: Path) -> Path:
    """A copy of a run folder that shares its files' bytes: nothing in a run folder is changed in place."""
    ignore = shutil.ignore_patterns(".owner", "tensorboard")
    return Path(shutil.copytree(source, target, copy_function=os.link, ignore=ignore))


def build(root: Path, extra: tuple[str, ...] = EXTRA) -> dict[str, Path]:
    """State -> run folder: ``done``, and ``collect``, ``vision``, ... for a run interrupted there."""
    config = Config.preset("smoke").override(SETTINGS)
    run, found = root / "run", {}
    stops = {"collect": (worker.Recorder, "end", 3), "encode": (encode, "write_arrays", 3)}
    with short_episodes(), redirect_stderr(StringIO()):
        for chain, name in plan(config, run):
            if name != "evaluate":
                with interrupted(*stops.get(name, (Stopwatch, "save", 1))):
                    run_stage(chain, name)
            found[name] = copy(run, root / name) if run.exists() else root / name
            run_stage(chain, name)
        found["done"] = copy(run, root / "done")
        for name in extra:
            there = copy(run, root / name)
            stage, settings = BESIDE.get(name, (name, []))
            chain = Chain(config.override(settings), there)
            if name == "vaegan":
                run_stage(chain, stage)
            else:
                with interrupted(Stopwatch, "save", 2 if name == "taught" else 1):  # the first is its teacher's
                    run_stage(chain, stage)
            found[name] = there
    shutil.rmtree(run)
    return found


def place(path: Path, bad) -> None:
    """Put damage where a file is, under its name; other links to the old contents keep them."""
    path.unlink()
    if bad is FOLDER:
        path.mkdir()
    elif bad is LOOP:
        path.symlink_to(path.name)
    else:
        path.write_bytes(bad)
