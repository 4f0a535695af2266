"""Every function that reads a file of a run, or of the shipped weights, on every damage: thousands of cases in seconds.

The files are made here, small, without a simulator or a training; what is read from damaged ones is either refused, in
one line that names the file, or it is what the undamaged file says.
"""

import collections
import json
import shutil
from pathlib import Path

import numpy as np
from damage import Payload, damages
from folders import place

from wmlib.config import Config
from wmlib.data.rollouts import Rollout, RolloutStore, read_encoded
from wmlib.envs.dream import Dream
from wmlib.errors import UserError
from wmlib.models.imitation import build_student, parameters_of
from wmlib.models.inference import FrameEncoder
from wmlib.models.weights import load_weights
from wmlib.rollout.teacher import beginner, read_teacher
from wmlib.rollout.worker import make_driver
from wmlib.runs import (
    Stage,
    Stopwatch,
    read_csv,
    read_metrics,
    stored_config,
    write_arrays,
    write_csv,
    write_json,
    write_text,
)
from wmlib.search.cmaes import CMAES
from wmlib.stages import imitate, info
from wmlib.stages.actor import DreamLearner
from wmlib.stages.adopt import adopt
from wmlib.stages.agents import FOLDER, Agent, shipped_agent
from wmlib.stages.chain import Chain
from wmlib.stages.curve import COLUMNS, read_curve
from wmlib.stages.evaluate import COLUMNS as EPISODE
from wmlib.stages.evaluate import read_rows

ARM = "vae-zh"
CONFIG = Config.preset("smoke")
TAUGHT = CONFIG.override(["controller.search=imitation", "controller.inputs=z"])
FRAMES = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


class Readers:
    """File -> what reads it, in a folder where all of them are."""

    def __init__(self, folder: Path):
        self.folder, self.agent = Path(folder), shipped_agent(ARM)
        self.stage = Stage(self.folder / "collect", {"seed": 0})
        self.search = lambda: CMAES(5, 4, 0.1, 1)
        self.learner = lambda: DreamLearner(CONFIG, np.zeros(15), 1)
        self.student = build_student(TAUGHT.controller, np.zeros(32), np.ones(32))
        chain, taught = Chain(TAUGHT, self.folder), self.folder / "taught"
        self._write()
        self.readers = {
            "rollouts/000000.npz": (lambda file: vars(RolloutStore.read(file)), RolloutStore.length),
            "latents/000000.npz": (read_encoded,),
            "encoder.npz": (lambda file: FrameEncoder(load_weights(file), "int8")(FRAMES),),
            "memory.npz": (
                lambda file: bool(make_driver(self._with(memory=file).worker_spec(1))),
                lambda file: Dream(load_weights(file)).weights,
            ),
            "controller.npz": (lambda file: self._with(controller=file).parameters,),
            "learning_curve.csv": (read_curve,),
            "episodes.csv": (read_rows,),
            "collect/metrics.jsonl": (lambda file: (self.stage.check_done(), read_metrics(file)),),
            "elapsed.json": (lambda file: Stopwatch(Stage(file.parent, {})).before,),
            "collect/DONE": (lambda _: self.stage.check_done(),),
            "evaluate-vae-zh/DONE": (lambda _: info.table(CONFIG, self.folder),),
            "config.json": (lambda file: Config.from_dict(stored_config(file.parent), file),),
            "started/config.json": (lambda file: Stage(file.parent, {"seed": 0, "updates": 3}).open(),),
            "adopted/adopted.json": (lambda file: adopt(self.agent, file.parent),),
            "shipped/manifest.json": (self._shipped,),
            "search.npz": (lambda file: self._resumed(file, self.search()),),
            "learner.npz": (lambda file: self._resumed(file, self.learner()),),
            "taught/teacher.npz": (lambda file: read_teacher(file).weights,),
            "taught/teacher.csv": (lambda file: read_csv(file, imitate.TEACHER),),
            "taught/standard.npz": (lambda _: imitate.read_standard(taught, 32),),
            "taught/lessons/000000.npz": (lambda _: imitate._said(chain, taught, 0, 1),),
            "taught/rounds/000.npz": (
                lambda _: imitate._row(chain, taught, 0),
                lambda _: imitate._weights(taught, 0, self.student),
            ),
            "taught/learning_curve.csv": (lambda _: imitate._rounds_so_far(taught, 2),),
        }

    def run(self, each: int | None = None, seed: int = 0) -> tuple[dict, list[dict]]:
        """All cases, or ``each`` at random for every file; counts by file and outcome, and the faults."""
        random, counts, faults = np.random.default_rng(seed), collections.defaultdict(collections.Counter), []
        Payload.marker = self.folder / "code has run"
        for name, readers in self.readers.items():
            file = self.folder / name
            kinds = list(damages(file, random))
            chosen = sorted(random.permutation(len(kinds))[:each])
            expected, whole = [plain(read(file)) for read in readers], file.read_bytes()
            for kind, make in (kinds[index] for index in chosen):
                place(file, make())
                for read, right in zip(readers, expected, strict=True):
                    outcome, said = self._outcome(read, file, right)
                    counts[name][outcome] += 1
                    if outcome not in ("refused", "harmless"):
                        faults.append({"outcome": outcome, "file": name, "damage": kind, "said": said})
                shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
                file.write_bytes(whole)
        return {name: dict(sorted(found.items())) for name, found in counts.items()}, faults

    def _outcome(self, read, file: Path, right) -> tuple[str, str]:
        try:
            found = plain(read(file))
        except UserError as error:
            said = str(error)
            return ("refused" if file.name in said and "\n" not in said and len(said) < 500 else "vague"), said[:200]
        except BaseException as error:
            return "traceback", f"{type(error).__name__}: {error}"[:200]
        if Payload.marker.exists():
            Payload.marker.unlink()
            return "code has run", ""
        return ("harmless" if found == right else "silent"), ""

    def _with(self, **files: Path) -> Agent:
        agent = self.agent
        return Agent(agent.arm, 0, agent.config, {**agent.files, **files}, {}, "")

    def _shipped(self, manifest: Path) -> tuple:
        agent = shipped_agent(ARM, 0, manifest.parent)
        return agent.config, agent.files, agent.train_seed

    def _resumed(self, file: Path, search) -> np.ndarray:
        search.resume(file)
        return search.mean

    def _write(self) -> None:
        folder, random = self.folder, np.random.default_rng(1)
        steps = 4
        actions, rewards = random.uniform(0, 1, (steps, 3)).astype(np.float32), np.ones(steps, np.float32)
        frames = random.integers(0, 256, (steps + 1, 64, 64, 3), dtype=np.uint8)
        RolloutStore(folder / "rollouts").write(0, Rollout(frames, actions, rewards, True, 7))
        mu = random.standard_normal((steps + 1, 32)).astype(np.float16)
        episode = {"mu": mu, "log_variance": -mu, "actions": actions, "rewards": rewards, "done": rewards}
        write_arrays(folder / "latents" / "000000.npz", episode)
        for part in ("encoder", "memory", "controller"):
            shutil.copyfile(self.agent.path(part), folder / f"{part}.npz")
        numbers = dict.fromkeys(COLUMNS, 1)
        for where in (folder, folder / "taught"):
            write_csv(where / "learning_curve.csv", COLUMNS, [numbers, {**numbers, "generation": 2}])
        centre, spread, taught = np.zeros(32), np.ones(32), folder / "taught"
        write_arrays(taught / "teacher.npz", {"weights": beginner()})
        write_csv(taught / "teacher.csv", tuple(imitate.TEACHER), [dict.fromkeys(imitate.TEACHER, 1)] * 2)
        write_arrays(taught / "standard.npz", {"centre": centre, "spread": spread})
        write_arrays(taught / "lessons" / "000000.npz", {"inputs": mu, "wanted": np.ones((steps + 1, 3), np.float32)})
        learnt = {f"w{index}": array for index, array in enumerate(self.student.get_weights())}
        row = parameters_of(self.student, TAUGHT.controller, centre, spread)
        write_arrays(taught / "rounds" / "000.npz", {"parameters": row, **learnt})
        row = dict.fromkeys(EPISODE, 1) | {"task": "CarRacing-v3", "arm": ARM, "renderer": "gymnasium"}
        write_csv(folder / "episodes.csv", EPISODE, [row, {**row, "track_seed": 2}])
        write_json(folder / "elapsed.json", {"seconds": 1.5, "updates": 3})
        write_json(folder / "config.json", CONFIG.to_dict())
        self.stage.open()
        lines = [json.dumps({"step": step, "loss": 1.5}) + "\n" for step in range(3)]
        write_text(self.stage / "metrics.jsonl", "".join(lines))
        write_arrays(self.stage / "payload.npz", {"x": np.arange(3)})
        self.stage.finish(1.5, frames=40)
        score = {"mean": 1.5, "std": 0.5, "n": 2, "ci95": [1.0, 2.0]}
        write_json(folder / "evaluate-vae-zh" / "DONE", {"identity": "x", "seconds": 1.5, **score})
        Stage(folder / "started", {"seed": 0, "updates": 3}).open()
        adopt(self.agent, folder / "adopted")
        manifest = json.loads((FOLDER / "manifest.json").read_text())
        run = manifest["arms"][ARM]["train_seeds"]["0"]
        manifest["arms"] = {ARM: {**manifest["arms"][ARM], "train_seeds": {"0": {**run, "stages": {}}}}}
        write_json(folder / "shipped" / "manifest.json", manifest)
        shutil.copytree(FOLDER / ARM / "seed0", folder / "shipped" / ARM / "seed0")
        search = self.search()
        for _ in range(2):
            search.tell(search.ask().sum(1))
        search.save(folder / "search.npz")
        learner = self.learner()
        learner.told.append(np.ones(1))  # nothing is saved before the first generation
        learner.save(folder / "learner.npz")


def plain(value):
    """What two readings are compared by: arrays as shape, type and bytes."""
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), value.tobytes()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
