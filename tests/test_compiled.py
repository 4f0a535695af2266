"""Machine code is kept only while no source of its folder changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wmlib import kernels, simulator
from wmlib.compiled import digest, spare_cache
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


def test_without_a_writable_package_or_a_home_machine_code_has_a_place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert spare_cache() is None
    monkeypatch.setattr("os.access", lambda *_: False)
    folder = spare_cache()
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="not yours alone; set NUMBA_CACHE_DIR"):
        spare_cache()


def test_the_first_use_says_that_it_compiles(tmp_path):
    """In a process of its own, whose cache is empty, as a user without rights or a home has it."""
    code = "import os; os.access = lambda *_: False\nimport wmlib.simulator.lens, wmlib.seeds\n"
    code += "from wmlib.compiled import compiled\n@compiled\ndef twice(x):\n    return 2 * x\n"
    code += "twice.py_func.__module__ = 'wmlib.trial'\nprint(twice(2), twice(2.0))"
    (tmp_path / "trial.py").write_text(code)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "trial.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["4", "4.0"], done.stderr
    assert done.stderr.count("compiles its inner loops") == 1
    assert list((tmp_path / f"wmlib-{os.getuid()}").rglob("*.nbc"))
