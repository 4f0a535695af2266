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


GAME = """import subprocess
with open({file!r}, "w") as file: file.write(str(subprocess.Popen(["sleep", "600"]).pid))
{then}"""
PROGRAM = """from wmlib.runs.pool import Pool
if __name__ == "__main__":
    list(Pool(1, int).run(exec, [({work!r},)]))
"""
in_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def game_ended(file: Path, seconds: float = 10.0) -> bool:
    """Whether the process that a worker has started, and noted in a file, ends soon."""
    stat, until = Path("/proc") / file.read_text() / "stat", time.monotonic() + seconds
    while time.monotonic() < until:
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@in_proc
def test_what_a_worker_started_ends_with_it_when_the_command_is_killed(tmp_path):
    program, file = tmp_path / "program.py", tmp_path / "game"
    program.write_text(PROGRAM.format(work=GAME.format(file=str(file), then="import time; time.sleep(600)")))
    process, until = subprocess.Popen([sys.executable, str(program)]), time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not game_ended(file, 0.2)
    process.kill()
    process.wait()
    assert game_ended(file)


@in_proc
@pytest.mark.parametrize("number", ["SIGSTOP", "SIGKILL"])
def test_what_a_worker_started_ends_with_it_when_the_worker_is_hit(tmp_path, number):
    file = tmp_path / "game"
    work = GAME.format(file=str(file), then=f"import os, signal; os.kill(os.getpid(), signal.{number})")
    assert lost(Pool(1, int), exec, work)
    assert game_ended(file)
