"""``import wmlib`` makes the environment known, in either order, without importing Gymnasium itself."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("imports", ["import wmlib, gymnasium", "import gymnasium, wmlib"])
def test_registered_in_either_order(imports):
    code = f"{imports}; print('wmlib/CarRacing-v3' in gymnasium.registry, 'CarRacing-v3' in gymnasium.registry)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "True"]


def test_importing_wmlib_imports_neither_gymnasium_nor_tensorflow():
    code = "import sys, wmlib; print({'gymnasium', 'tensorflow', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
