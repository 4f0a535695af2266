"""The book built from the chapters of a run: what a reader executed stands in the place of what is committed."""

from __future__ import annotations

import shutil
from pathlib import Path

from wmbook.records.records import find_root
from wmlib.errors import UserError

COPIED = ("_config.yml", "_toc.yml", "book")


def sources(run: Path, folder: Path) -> Path:
    """A folder to build the book from: the repository's pages, and the run's executed chapters.

    Raises:
        UserError: a chapter has not been executed for this run.
    """
    root = find_root()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / "wmlib").symlink_to(root / "wmlib")  # the library's page lists its files
    (folder / "notebooks").mkdir()
    for chapter in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        executed = run / "notebooks" / chapter.name
        if not executed.exists():
            raise UserError(f"{executed}: not executed yet; run `wmbook notebooks --run {run}` first")
        shutil.copy(executed, folder / "notebooks" / chapter.name)
    return folder
