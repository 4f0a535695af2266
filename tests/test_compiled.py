"""Machine code is kept only while no source of its folder changes."""

from pathlib import Path

import pytest

from wmlib import kernels, simulator
from wmlib.compiled import digest
from wmlib.kernels.float32 import lstm_step
from wmlib.simulator.physics import sweep


@pytest.mark.parametrize("function, package", [(sweep, simulator), (lstm_step, kernels)])
def test_the_stamp_covers_the_folder(function, package):
    assert digest(Path(package.__file__).parent) in function._cache._cache_file._source_stamp


def test_any_change_in_the_folder_changes_the_stamp(tmp_path):
    (tmp_path / "one.py").write_text("x = 1")
    before = digest(tmp_path)
    digest.cache_clear()
    (tmp_path / "one.py").write_text("x = 2")
    assert digest(tmp_path) != before
