"""Workers that die, stop or hang, at any moment, are noticed; those that only wait are left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wmlib.errors import UserError
from wmlib.runs import pool
from wmlib.runs.pool import Lost, Pool

BEATS = "import time, wmlib.runs.pool as p\nfor _ in range(40): time.sleep(0.1), p.beat()"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(pool, "SILENT", 1.5)
    monkeypatch.setattr(pool, "STARTING", 6.0)


def lost(workers: Pool, function, *arguments) -> bool:
    try:
        list(workers.run(function, [arguments]))
    except Lost:
        return True
    finally:
        workers.close(kill=True)
    return False


def test_a_worker_that_hangs_while_it_starts(capsys):
    assert lost(Pool(1, time.sleep, 1000), os.getpid)
    assert "made no step for 1.5 s" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_worker_that_stops_or_dies_at_work(number):
    assert lost(Pool(1, int), signal.raise_signal, number)


def test_a_worker_that_stops_while_it_waits(monkeypatch, capsys):
    monkeypatch.setattr(pool, "STARTING", 120.0)
    workers = Pool(1, int)
    (found,) = [number for numbers in workers.run(os.getpid, [()]) for number in numbers]
    os.kill(found, signal.SIGSTOP)
    assert lost(workers, os.getpid)
    assert "worker that should take work made no step" in capsys.readouterr().err


def test_a_worker_that_only_waits_is_not_silent(monkeypatch):
    monkeypatch.setattr(pool, "STARTING", 120.0)
    assert not lost(Pool(2, int), exec, BEATS)


def test_what_goes_wrong_while_a_worker_starts_is_said(monkeypatch):
    monkeypatch.setattr(pool, "STARTING", 120.0)
    with pytest.raises(ZeroDivisionError):
        lost(Pool(1, exec, "1 / 0"), os.getpid)


def test_a_worker_without_memory_is_one_line(monkeypatch):
    monkeypatch.setattr(pool, "STARTING", 120.0)
    with pytest.raises(UserError, match="no memory left"):
        lost(Pool(1, int), exec, "raise MemoryError")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_what_a_worker_started_ends_with_it_when_the_command_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, subprocess, sys, time\n"
        "from wmlib.runs.pool import Pool\n"
        "def start(): pass\n"
        "def work(_):\n"
        "    game = subprocess.Popen(['sleep', '600'])\n"
        f"    open({str(tmp_path / 'game')!r}, 'w').write(str(game.pid))\n"
        "    time.sleep(600)\n"
        "if __name__ == '__main__':\n"
        "    list(Pool(1, start).run(work, [(1,)]))\n"
    )
    process, file = subprocess.Popen([sys.executable, str(program)]), tmp_path / "game"
    until = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    game = Path("/proc") / file.read_text()
    assert game.exists()
    process.kill()
    process.wait()
    while game.exists() and game.joinpath("stat").read_text().split()[2] != "Z" and time.monotonic() < until:
        time.sleep(0.05)
    assert not game.exists() or game.joinpath("stat").read_text().split()[2] == "Z"
