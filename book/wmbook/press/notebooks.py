"""Executing the book's notebooks with papermill, with parameter names checked and no trace of this machine left."""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import sys
from pathlib import Path

from wmbook.records.records import find_root
from wmlib.config import SCALES, Config
from wmlib.config.settings import one_of
from wmlib.errors import UserError
from wmlib.runs import Progress


def execute_notebooks(config: Config, folder: Path, in_place: bool = False, only: str | None = None) -> None:
    """Execute every chapter of the book in order, which is the experiment: each makes its part of the run and shows it.

    Args:
        folder: run folder; executed copies go to its ``notebooks/``, and finished ones are not run again.
        in_place: refresh the committed notebooks instead (always at their own default parameters).
        only: start of one notebook's name.

    Raises:
        UserError: no such notebook.
    """
    source = find_root() / "notebooks"
    notebooks = sorted(source.glob("[0-9]*.ipynb"))
    chosen = [path for path in notebooks if path.name.startswith(only or "")]
    if not chosen:
        raise UserError(f"--only {only}: no such notebook in {source}; there is {', '.join(p.stem for p in notebooks)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with Progress("notebooks", len(chosen), "notebooks") as progress:
        for path in chosen:
            target = path if in_place else folder / "notebooks" / path.name
            if in_place or not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
                parameters = {"scale": config.scale, "seed": config.seed, "run": str(folder.resolve())}
                own = not in_place and task_of(path) == config.task
                execute(path, target, parameters if own else {})
            progress.advance(note=path.stem)


def task_of(notebook: Path) -> str:
    """What the run learns that a chapter makes and shows; one of another task shows the book's."""
    return json.loads(notebook.read_text(encoding="utf-8"))["metadata"].get("task", "carracing")


def execute(source: Path, target: Path, parameters: dict) -> None:
    """Run one notebook; the target appears only if every cell succeeded.

    Raises:
        UserError: a parameter the notebook does not have (papermill itself would only warn).
    """
    import nbformat
    import papermill

    known = papermill.inspect_notebook(str(source))
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise UserError(f"{source.name}: no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}")
    try:
        papermill.execute_notebook(
            str(source), str(temporary), parameters, cwd=str(source.parent), kernel_name="python3", progress_bar=False,
            stderr_file=sys.stderr,  # progress of the stages
            iopub_timeout=600,  # seconds; a busy machine may need more than the four that are allowed
        )  # fmt: skip
        notebook = nbformat.read(temporary, as_version=4)
        clean(notebook)
        for cell in notebook.cells:
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.metadata.tags.append("remove-input")  # the line below it says whose run is on the page
            if parameters.get("run") and "with_run" in cell.metadata:  # words for what the reader's run draws
                cell.metadata.setdefault("mystnb", {})["image"] = cell.metadata["with_run"]
        nbformat.write(notebook, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_parameters(namespace: dict, known: tuple[str, ...] = ("scale", "run", "seed")) -> None:
    """Called by each notebook right after its parameters: papermill itself only warns about a mistyped ``-p`` name.

    Args:
        namespace: the notebook's ``globals()``.

    Raises:
        UserError: a name papermill injected that the notebook does not have, or a scale that does not exist.
    """
    cells = [text for text in namespace.get("In", []) if text.startswith("# Parameters")]  # papermill's own heading
    given = [target.id for text in cells for node in ast.parse(text).body for target in getattr(node, "targets", [])]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UserError(f"-p {unknown[0]}: this notebook's parameters are {', '.join(known)}")
    one_of("-p scale", namespace["scale"], SCALES)


def clean(notebook) -> None:
    """Drop what would differ on every machine: execution times, paths, versions. Pictures get as small as PNG goes."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smallest(output.data["image/png"])


def _smallest(picture: str) -> str:
    """A PNG in base64, the same pixels in fewer bytes where there is a way."""
    from PIL import Image

    best, image = io.BytesIO(), Image.open(io.BytesIO(base64.b64decode(picture)))
    if image.mode == "RGBA" and image.getextrema()[3] == (255, 255):  # nothing shines through: three channels will do
        image = image.convert("RGB")
    image.save(best, "png", optimize=True)
    return min(picture, base64.b64encode(best.getvalue()).decode(), key=len)
