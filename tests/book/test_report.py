"""The report's figures are those that the records give; its numbers are traced by test_numbers.py."""

from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"


def test_figures_are_those_of_the_records(tmp_path):
    """The film strip is left out: a decoder may round otherwise elsewhere."""
    pytest.importorskip("matplotlib").use("Agg")
    from wmbook.show.paper_figures import write

    for file in write(tmp_path):
        if file.stem != "report-strip":
            assert file.read_bytes() == (BOOK / "figures" / file.name).read_bytes(), f"{file.name}: run make report"
