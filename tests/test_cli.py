"""The command line: help, exit codes, one clear line for bad input."""

import subprocess
import sys

import pytest

import wmbook.cli
import wmlib.cli
from wmbook.press.reference import _subcommands
from wmlib.config import SCALES

PROGRAMS = {"wmlib": wmlib.cli, "wmbook": wmbook.cli}
COMMANDS = [(program, name) for program, cli in PROGRAMS.items() for name in _subcommands(cli.build_parser())]


@pytest.mark.parametrize("program, command", COMMANDS)
def test_every_command_explains_itself_with_an_example(program, command, capsys):
    with pytest.raises(SystemExit) as error:
        PROGRAMS[program].build_parser().parse_args([command, "--help"])
    assert error.value.code == 0
    assert f"example:  {program} {command}" in capsys.readouterr().out


@pytest.mark.parametrize("scale", SCALES)
def test_the_help_says_what_every_preset_is_for(scale):
    options = _subcommands(wmlib.cli.build_parser())["run"]._actions
    text = next(option.help for option in options if option.dest == "scale")
    assert f"{scale}: " in text


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_needs_no_heavy_import(program):
    code = f"import sys, {program}.cli as cli; cli.build_parser().format_help(); print(sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("tensorflow", "numpy", "gymnasium", "numba"):
        assert f"'{heavy}'" not in modules


@pytest.mark.parametrize(
    "program, arguments, part",
    [
        ("wmlib", ["collect", "--scale", "huge"], "invalid choice"),
        ("wmlib", ["show-config", "--set", "memory.update=3"], "no such key"),
        ("wmlib", ["vision", "--scale", "smoke"], "has not finished"),
        ("wmbook", ["report"], "--run"),
        ("wmbook", ["report", "--run", "nowhere"], "not found"),
        ("wmlib", ["evaluate", "--pretrained", "nothing"], "not shipped"),
        ("wmlib", ["play", "--record", "x.mp4"], "--agent"),
        ("wmlib", ["play", "--record", "x.mp4", "--run", "nowhere"], "not found"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(program, arguments, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        PROGRAMS[program].main(arguments)
    assert error.value.code == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith(program)
    assert part in message and "Traceback" not in message


@pytest.mark.parametrize("program", PROGRAMS)
def test_python_dash_m(program):
    result = subprocess.run([sys.executable, "-m", program, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith(f"{program} ")


def test_unexpected_failures_keep_their_traceback(monkeypatch):
    monkeypatch.setattr("wmlib.cli.resolve", lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        wmlib.cli.main(["show-config"])
