"""The command line: help, exit codes, one clear line for bad input."""

import subprocess
import sys

import pytest

from wmlib.cli import STAGES, build_parser, main


@pytest.mark.parametrize("command", [*STAGES, "run", "report", "play", "bench", "info", "show-config", "notebooks"])
def test_every_command_explains_itself_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as error:
        build_parser().parse_args([command, "--help"])
    assert error.value.code == 0
    assert f"example:  wmlib {command}" in capsys.readouterr().out


def test_help_needs_no_heavy_import():
    code = "import sys, wmlib.cli; wmlib.cli.build_parser().format_help(); print(sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("tensorflow", "numpy", "gymnasium", "numba"):
        assert f"'{heavy}'" not in modules


@pytest.mark.parametrize(
    "arguments, part",
    [
        (["collect", "--scale", "huge"], "invalid choice"),
        (["show-config", "--set", "memory.update=3"], "no such key"),
        (["vision", "--scale", "smoke"], "has not finished"),
        (["report"], "--run"),
        (["report", "--run", "nowhere"], "not found"),
        (["evaluate", "--pretrained", "nothing"], "not shipped"),
        (["play", "--record", "x.mp4"], "--agent"),
        (["play", "--record", "x.mp4", "--run", "nowhere"], "not found"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert part in message and "Traceback" not in message


def test_python_dash_m():
    result = subprocess.run([sys.executable, "-m", "wmlib", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("wmlib ")


def test_unexpected_failures_keep_their_traceback(monkeypatch):
    monkeypatch.setattr("wmlib.cli.execute", lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["show-config"])
