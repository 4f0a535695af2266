"""Static hygiene of the committed notebooks: executed in order, without errors, warnings, paths or widgets."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 2_000_000  # bytes

pytestmark = pytest.mark.skipif(not NOTEBOOKS, reason="no notebooks yet")


@pytest.fixture(params=NOTEBOOKS or [None], ids=lambda p: getattr(p, "stem", "none"))
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def test_notebook_is_valid_and_portable(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "papermill" not in notebook.metadata
    assert "widgets" not in notebook.metadata


def test_cells_were_executed_once_and_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_stored_outputs_hold_no_error_and_no_warning(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", cell.source


def test_parameters_are_plain_and_in_one_tagged_cell(notebook):
    tagged = [cell for cell in code_cells(notebook) if "parameters" in tags(cell)]
    assert len(tagged) == 1
    assert not any("injected-parameters" in tags(cell) for cell in code_cells(notebook))
    names = [n.id for n in ast.walk(ast.parse(tagged[0].source)) if isinstance(n, ast.Name)]
    assert names == ["scale", "run", "seed"]
    assert 'scale = "quick"' in tagged[0].source, "what -p run alone starts must end in minutes, in every chapter alike"


def test_one_exercise_builds_something_and_its_check_tells_right_from_wrong(notebook):
    """The stub is not yet an answer, and the folded solution is one, by the same check."""
    cells = {cell.id: cell for cell in notebook.cells if cell.id.startswith("build-")}
    assert list(cells) == ["build-title", "build-answer", "build-check", "build-solution"]
    assert "raise NotImplementedError" in cells["build-answer"].source and not cells["build-answer"].outputs
    told = [cells[name].outputs[0].text for name in ("build-check", "build-solution")]
    assert told[0] == "not solved yet\n" and told[1].startswith("solved")
    assert "hide-cell" in tags(cells["build-solution"])
    after = notebook.cells[notebook.cells.index(cells["build-solution"]) + 1]
    assert after.source.startswith("## "), "what belongs to the text before the exercise stands before it"


def test_every_picture_is_described(notebook):
    for cell in code_cells(notebook):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            words = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(words.split()) > 8, cell.id


def test_what_a_readers_own_run_draws_is_described_too(notebook):
    for cell in code_cells(notebook):
        if re.search(r"^own\.(?!score)", cell.source, re.MULTILINE):
            assert len(cell.metadata["with_run"]["alt"].split()) > 8, cell.id


def test_it_begins_with_a_title(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"(\(.+\)=\n)?# \S", first.source)


def written_words(node: ast.AST) -> int:
    """Words of a string that stands in code, its numbers left out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return len(node.value.split())
    parts = node.values if isinstance(node, ast.JoinedStr) else ()
    parts = (node.left, node.right) if isinstance(node, ast.BinOp) else parts
    return sum(map(written_words, parts))


def test_people_write_the_sentences_and_code_chooses_none(notebook):
    for cell in code_cells(notebook):
        for node in ast.walk(ast.parse("\n".join(line for line in cell.source.splitlines() if line[:1] not in "%!"))):
            chosen = (node.body, node.orelse) if isinstance(node, ast.IfExp) else ()
            if isinstance(node, ast.If):
                chosen = [line.value for line in (*node.body, *node.orelse) if isinstance(line, ast.AugAssign)]
            for text in chosen:
                assert written_words(text) < 4, f"a branch chooses between sentences: {ast.unparse(text)}"


def test_nothing_names_this_machine(notebook):
    text = nbformat.writes(notebook)
    assert not re.search(r"/(home|root|tmp|work|Users)/\w+", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_size_stays_readable(path):
    assert path.stat().st_size < LARGEST
