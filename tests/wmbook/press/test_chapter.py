"""A chapter shows the book's run, or makes and shows the reader's; the book is built from executed chapters."""

import pytest

from wmbook.compare import measure
from wmbook.press import site
from wmbook.press.chapter import Chapter
from wmbook.records.records import find_root
from wmbook.show import own
from wmlib.errors import UserError


def namespace(**given):
    return {"In": [], "scale": "smoke", "run": "", "seed": 0} | given


def test_without_a_run_it_is_the_books_and_nothing_is_made():
    chapter = Chapter(namespace(), last="collect")
    assert "the book's run" in chapter.run().data and not chapter.mine and chapter.agent() is None
    doom = Chapter(namespace(), last="evaluate", task="takecover").run().data
    assert "runs/quick" in chapter.run().data and "runs/doom" in doom, "a run is of one task"
    assert "run" not in Chapter(namespace()).run().data.split(", with or without")[0], "no run takes part"


def test_with_a_run_its_stages_are_made_once_and_shown(tmp_path, capsys):
    chapter = Chapter(namespace(run=str(tmp_path / "mine")), last="collect")
    assert "your run" in chapter.run().data and chapter.chain.collect.done
    own.data(chapter)
    assert "6 episodes" in capsys.readouterr().out
    before = chapter.chain.collect.path.stat().st_mtime_ns
    Chapter(namespace(run=str(tmp_path / "mine")), last="collect").run()
    assert chapter.chain.collect.path.stat().st_mtime_ns == before
    with pytest.raises(UserError, match="was made with scale=smoke"):
        Chapter(namespace(run=str(tmp_path / "mine"), scale="quick"))


def test_a_run_without_a_vaegan_says_how_to_get_one(tmp_path, capsys):
    chapter = Chapter(namespace(run=str(tmp_path / "mine")), overrides=("vision=vaegan",))
    own.compared(chapter, measure.gain)
    assert "wmlib run --run DIR --set vision=vaegan" in capsys.readouterr().out


def test_the_site_is_made_of_the_runs_chapters(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(UserError, match="not executed yet"):
        site.sources(run, tmp_path / "source")
    (run / "notebooks").mkdir(parents=True)
    for chapter in (find_root() / "notebooks").glob("[0-9]*.ipynb"):
        (run / "notebooks" / chapter.name).write_text("mine")
    source = site.sources(run, tmp_path / "source")
    assert {path.read_text() for path in (source / "notebooks").iterdir()} == {"mine"}
    assert (source / "_toc.yml").exists() and (source / "book" / "index.md").exists()
