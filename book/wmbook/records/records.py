"""The committed records of full runs in ``book/results/``: read here, written only by ``wmbook report``."""

from __future__ import annotations

import csv
import json
from functools import cached_property
from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.runs import present
from wmlib.stages.evaluate import read_rows

MISSING = "No record of this yet. These two commands write it: wmlib run --scale full; wmbook report --run runs/full"


def find_root(start: Path | None = None) -> Path:
    """The project folder at or above ``start`` (default: the working directory), else the one this file lies in.

    Another Jupyter Book, which has a ``_toc.yml`` too, is none: what it holds is never written.

    Raises:
        UserError: this package is installed without the project around it.
    """
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / "_toc.yml").exists() and (folder / "book" / "wmbook" / "cli.py").exists():
            return folder
    raise UserError("the book's sources are not here: go into a clone of its repository")


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of one of these CSV files, as text; none where there is no file yet."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Records:
    """``Records()`` reads the book's own results; every attribute is empty where a file is not there yet."""

    def __init__(self, folder: Path | None = None):
        self.folder = Path(folder) if folder else find_root() / "book" / "results"

    def _json(self, name: str) -> dict:
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    @cached_property
    def scores(self) -> dict[str, dict]:
        """Arm to its entry of ``summary.json``."""
        return self._json("summary.json").get("arms", {})

    @cached_property
    def runs(self) -> dict[str, dict]:
        """``ARM/seedN`` to configuration, stages and costs."""
        return self._json("runs.json")

    @cached_property
    def evaluations(self) -> list[dict]:
        """One row per evaluated episode, numbers parsed."""
        file = self.folder / "evaluations.csv"
        return read_rows(file) if file.exists() else []

    @cached_property
    def learning_curves(self) -> list[dict[str, str]]:
        """One row per generation of every search, as text."""
        return read_table(self.folder / "learning_curves.csv")

    @cached_property
    def comparison(self) -> dict:
        """``comparison.json``, which :mod:`wmbook.show.comparison` turns into a table and figures."""
        return self._json("comparison.json")

    def headline_seed(self, arm: str) -> int:
        """The training run that stands for an arm, chosen by validation score."""
        return self.scores[arm]["headline_seed"]

    def returns(self, arm: str, renderer: str = "gymnasium", train_seed: int | None = None) -> np.ndarray:
        """Returns of one training run (by default the headline one), sorted by track seed."""
        if arm not in self.scores:
            return np.array([])
        seed = self.headline_seed(arm) if train_seed is None else train_seed
        wanted = (arm, renderer, seed)
        rows = [row for row in self.evaluations if (row["arm"], row["renderer"], row["train_seed"]) == wanted]
        return np.array([row["return"] for row in sorted(rows, key=lambda row: row["track_seed"])])

    @cached_property
    def searches(self) -> list[tuple[str, int]]:
        """(arm, training seed) of every learning curve on record."""
        return sorted({(row["arm"], int(row["train_seed"])) for row in self.learning_curves})

    @cached_property
    def analysis(self) -> dict[str, dict]:
        """Arm to what ``wmbook analyse`` found out about its driver."""
        return self._json("analysis.json")

    @cached_property
    def bends(self) -> dict[str, dict]:
        """Arm to training seed to what ``wmbook bends`` measured of its driver."""
        return self._json("bends.json")

    def curve(self, arm: str, train_seed: int | None = None, iteration: int | None = None) -> dict[str, np.ndarray]:
        """Columns of one search's learning curve; NaN where a generation was not validated. Empty if unknown.

        Args:
            iteration: which pass through the chain; None takes the last, whose driver is the one evaluated.
        """
        rows = [row for row in self.learning_curves if row["arm"] == arm]
        seed = self.headline_seed(arm) if train_seed is None and arm in self.scores else train_seed or 0
        rows = [row for row in rows if int(row["train_seed"]) == seed]
        passes = {int(row.get("iteration", 1)) for row in rows}
        wanted = max(passes, default=1) if iteration is None else iteration
        return columns([row for row in rows if int(row.get("iteration", 1)) == wanted])

    def iterations(self, arm: str, train_seed: int) -> list[int]:
        """Passes through the chain whose searches are on record."""
        rows = [row for row in self.learning_curves if row["arm"] == arm]
        return sorted({int(row.get("iteration", 1)) for row in rows if int(row["train_seed"]) == train_seed})

    def returns_by_run(self, arm: str, renderer: str = "gymnasium") -> np.ndarray:
        """Returns (runs, tracks) of every training run of an arm, tracks sorted by seed.

        Raises:
            ValueError: the runs did not drive the same tracks.
        """
        runs: dict[int, dict[int, float]] = {}
        for row in self.evaluations:
            if (row["arm"], row["renderer"]) == (arm, renderer):
                runs.setdefault(row["train_seed"], {})[row["track_seed"]] = row["return"]
        tracks = {tuple(sorted(run)) for run in runs.values()}
        if len(tracks) > 1:
            raise ValueError(f"{arm}: its training runs were evaluated on different tracks")
        return np.array([[run[track] for track in sorted(run)] for run in runs.values()])

    def stages(self, arm: str, train_seed: int | None = None) -> dict[str, dict]:
        """Stage name to figures of one training run (by default the headline one), in the order they ran. Empty if
        unknown."""
        seed = self.headline_seed(arm) if train_seed is None and arm in self.scores else train_seed
        return self.runs.get(f"{arm}/seed{seed}", {}).get("stages", {})

    def training(self, arm: str, part: str, train_seed: int | None = None) -> dict[str, np.ndarray]:
        """Logged metrics of the last training of ``vision`` or ``memory`` in one run (by default the headline one)."""
        names = [name for name in self.stages(arm, train_seed) if name.startswith(f"{part}-")]
        seed = self.headline_seed(arm) if names and train_seed is None else train_seed
        if not names:
            return {}
        own = self.folder / f"training/{names[-1]}-{arm}-seed{seed}.csv"  # where another arm's training has the name
        return columns(read_table(own if present(own) else self.folder / f"training/{names[-1]}-seed{seed}.csv"))

    @cached_property
    def visions(self) -> dict[str, dict]:
        """V's that no driver was made with: name to training seed to settings and figures."""
        return self._json("visions.json")

    def vision_training(self, name: str, train_seed: int = 0) -> dict[str, np.ndarray]:
        """Logged metrics of one of :attr:`visions`. Empty if unknown."""
        return columns(read_table(self.folder / f"training/vision-{name}-seed{train_seed}.csv"))


def columns(rows: list[dict[str, str]]) -> dict[str, np.ndarray]:
    """Rows of text to one array per numeric column; an empty field is NaN."""
    if not rows:
        return {}
    names = [name for name in rows[0] if name != "arm"]
    return {name: np.array([float(row[name]) if row[name] != "" else np.nan for row in rows]) for name in names}
