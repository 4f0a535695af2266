"""Parameter names of notebooks are checked, whoever runs them."""

import nbformat
import pytest

from wmbook.press.notebooks import check_parameters, clean, execute
from wmlib.errors import UserError


def namespace(*cells, scale="smoke"):
    return {"In": ["", *cells], "scale": scale, "run": "", "seed": 0}


def test_known_parameters_pass():
    check_parameters(namespace("scale = 'quick'", '# Parameters\nscale = "smoke"\n'))


def test_mistyped_parameters_are_errors():
    with pytest.raises(UserError, match="-p sclae: this notebook's parameters are scale, run, seed"):
        check_parameters(namespace('# Parameters\nsclae = "smoke"\n'))
    with pytest.raises(UserError, match="-p scale='tiny'"):
        check_parameters(namespace(scale="tiny"))


def notebook(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata.tags = ["parameters"]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


def test_execution_refuses_unknown_names_before_running(tmp_path):
    source = notebook(tmp_path / "a.ipynb", "scale = 'quick'")
    with pytest.raises(UserError, match="a.ipynb: no parameter 'size'"):
        execute(source, tmp_path / "out.ipynb", {"size": 1})
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.slow
def test_executed_copy_appears_whole_or_not_at_all(tmp_path):
    source = notebook(tmp_path / "a.ipynb", "scale = 'quick'\nrun = ''", "print(scale)")
    words = {"mystnb": {"image": {"alt": "the book's"}}, "with_run": {"alt": "the reader's"}}
    changed = nbformat.read(source, as_version=4)
    changed.cells[-1].metadata.update(words)
    nbformat.write(changed, source)
    for run, whose in (("", "the book's"), ("mine", "the reader's")):
        execute(source, tmp_path / "out.ipynb", {"scale": "smoke", "run": run})
        written = nbformat.read(tmp_path / "out.ipynb", as_version=4)
        assert written.cells[-1].outputs[0].text == "smoke\n"
        assert written.cells[-1].metadata.mystnb.image.alt == whose
    assert "papermill" not in written.metadata
    clean(written)
    broken = notebook(tmp_path / "b.ipynb", "scale = 'quick'", "1 / 0")
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute(broken, tmp_path / "bad.ipynb", {})
    assert not (tmp_path / "bad.ipynb").exists()
