"""What is not a result is never taken for one: every test here is a fault that once passed for success."""

import copy
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import gymnasium
import numpy as np
import pytest

import wmbook.cli
import wmlib
import wmlib.cli
from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.models.weights import load_weights, save_weights
from wmlib.rollout.lanes import Job, drive
from wmlib.runs import Stage, read_csv, read_json, write_arrays, write_json
from wmlib.simulator.simulator import Simulator

NOT_FINITE = (np.nan, np.inf, -np.inf)


@pytest.mark.parametrize("bad", NOT_FINITE)
@pytest.mark.parametrize("part", range(3))
def test_an_action_that_is_not_finite_is_refused(bad, part):
    action = np.zeros((2, 3))
    action[1, part] = bad
    simulator = Simulator(2)
    simulator.reset(0, 1), simulator.reset(1, 2)
    with pytest.raises(UserError, match="lane 1: action .* is not finite"):
        simulator.step(action)
    wmlib.register()
    env = gymnasium.make("wmlib/CarRacing-v3").unwrapped
    env.reset(seed=1)
    with pytest.raises(ValueError, match="finite"):
        env.step(action[1])

    class Driver:
        def begin(self, *_):
            pass

        def act(self, frames, active):
            return action

    jobs = iter([Job(0, 0, 1), Job(1, 3, 2)])
    with pytest.raises(UserError, match="candidate 3 on track 2, frame 0: action .* is not finite"):
        list(drive(simulator, Driver(), lambda: next(jobs, None), np.zeros((4, 1))))


def test_diverged_physics_is_a_failed_episode_never_a_lap():
    simulator = Simulator(1)
    simulator.reset(0, 1)
    simulator._cars.body[0, 0, :] = np.nan
    rewards, ended, _ = simulator.step(np.zeros((1, 3)))
    assert rewards[0] == -100 and ended[0] and not simulator.lap_finished[0]


def test_weights_that_are_not_finite_are_neither_written_nor_read(tmp_path):
    file = tmp_path / "w.npz"
    np.savez(file, kernel=np.array([1, np.nan], np.float32))
    with pytest.raises(UserError, match="w.npz: kernel holds numbers that are not finite"):
        load_weights(file)
    before = file.read_bytes()
    for write in (save_weights, write_arrays):
        with pytest.raises(UserError, match="not finite"):
            write(file, {"kernel": np.array([np.inf])})
    assert file.read_bytes() == before
    with pytest.raises(UserError, match="not finite"):
        write_json(tmp_path / "DONE", {"mean": float("nan")})
    assert list(tmp_path.iterdir()) == [file]


def test_no_step_before_reset_nor_in_a_copy():
    with pytest.raises(UserError, match="reset it"):
        Simulator(1).step(np.zeros((1, 3)))
    wmlib.register()
    env = gymnasium.make("wmlib/CarRacing-v3").unwrapped
    env.reset(seed=1)
    with pytest.raises(gymnasium.error.ResetNeeded):
        copy.deepcopy(env).step(np.zeros(3))


def test_discrete_actions_of_any_integer_type():
    wmlib.register()
    env = gymnasium.make("wmlib/CarRacing-v3", continuous=False).unwrapped
    for action in (3, np.int8(3), np.uint64(3), np.array(3)):
        env.reset(seed=1)
        assert env.step(action)[1] == pytest.approx(6.9, abs=20)
    for action in (-1, 5, 1.0, [1], True, None):
        with pytest.raises(gymnasium.error.InvalidAction):
            env.step(action)


# --- stages ----------------------------------------------------------------------------------------------------------


def finished(path, key=None, inputs=()):
    stage = Stage(path, key or {"n": 1}, list(inputs))
    stage.open()
    write_arrays(stage / "payload.npz", {"a": np.arange(3)})
    stage.finish(1.0, score=1)
    return stage


def test_a_kill_while_force_removes_leaves_no_done(tmp_path, monkeypatch):
    stage = finished(tmp_path / "s")

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shutil.rmtree", killed)
        stage.open(force=True)
    assert not stage.done
    assert stage.open() and [path.name for path in tmp_path.iterdir()] == ["s"], "what was left is removed"


def test_what_done_counted_must_be_there(tmp_path):
    stage = finished(tmp_path / "s")
    (stage / "payload.npz").unlink()
    for refused in (stage.open, Stage(tmp_path / "next", {}, [stage]).open):
        with pytest.raises(UserError, match="DONE counted 1 files of .* bytes, now there are 0 files"):
            refused()


def test_inputs_made_with_other_settings_are_refused(tmp_path):
    finished(tmp_path / "v", {"updates": 20})
    other = Stage(tmp_path / "v", {"updates": 7})
    with pytest.raises(UserError, match="v: made with another configuration .updates: 20 there, 7 now"):
        Stage(tmp_path / "encode", {}, [other]).open()
    assert not (tmp_path / "encode").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "nul", "3", '{"identity": 1}', '{"identity": NaN, "seconds": 1}'])
def test_done_itself_is_checked(tmp_path, text):
    stage = finished(tmp_path / "s")
    (stage / "DONE").write_text(text)
    for refused in (stage.open, stage.summary):
        with pytest.raises(UserError, match="DONE: "):
            refused()


@pytest.mark.parametrize("text", ["", "n\n", "m\n1\n", "n\nx\n", "n\nnan\n", "n\n1\n\x00", 'n\n"1'])
def test_a_damaged_table_names_its_file(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match="t.csv: "):
        read_csv(tmp_path / "t.csv", {"n": float})


def test_one_folder_has_one_owner_and_a_dead_one_does_not_count(tmp_path):
    code = f"from wmlib.runs import owned; import time\nwith owned({str(tmp_path)!r}):"
    code += " print(1, flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    other.stdout.readline()
    from wmlib.runs import owned

    with pytest.raises(UserError, match=f"process {other.pid} on .* is working there"), owned(tmp_path):
        pass
    other.kill(), other.wait()
    with owned(tmp_path), owned(tmp_path):
        pass


# --- commands --------------------------------------------------------------------------------------------------------


def refused(program, arguments, capsys) -> str:
    with pytest.raises(SystemExit) as error:
        program.main(arguments)
    assert error.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "Traceback" not in line
    return line


def test_a_refused_command_leaves_no_state(tmp_path, capsys):
    for name in ("vision", "encode", "memory", "controller", "evaluate"):
        refused(wmlib.cli, [name, "--run", str(tmp_path / "x")], capsys)
    refused(wmlib.cli, ["run", "--scale", "smoke", "--run", str(tmp_path / "x"), "--set", "seed=-1"], capsys)
    refused(wmlib.cli, ["info", "--run", str(tmp_path / "x")], capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("more", ["--scale smoke", "--seed 5", "--set vae.updates=7", "--set iterations=1"])
def test_shipped_weights_that_the_options_contradict_leave_no_folder(more, tmp_path, capsys):
    refused(wmlib.cli, ["run", "--pretrained", "vae-zh", "--run", str(tmp_path / "x"), *more.split()], capsys)
    refused(wmlib.cli, ["run", "--pretrained", "vae-z", "--run", str(tmp_path / "x")], capsys)
    assert not list(tmp_path.iterdir())


VALUES = {
    **{"run": "R", "scale": "smoke", "overrides": "seed=1", "pretrained": "vae-zh", "agent": "vae-zh"},
    **{"record": "x.gif", "renderer": "wmlib", "out": "x.csv", "results": "x", "vision": "v", "only": "03"},
}


def words(action, number):
    """An option with a value it accepts."""
    return [action.option_strings[0], *([] if action.nargs == 0 else [VALUES.get(action.dest, number)])]


@pytest.mark.parametrize("number", ["2", "0"])
@pytest.mark.parametrize("program", [wmlib.cli, wmbook.cli])
def test_every_option_that_another_rules_out_is_refused(program, number, capsys):
    """Walks the parsers: each pair that a rule forbids is one line and exit code 2 before any work."""
    commands = next(a for a in program.build_parser()._actions if hasattr(a, "choices") and a.choices).choices
    pairs = 0
    for name, parser in commands.items():
        options = {a.option_strings[0].removeprefix("--"): a for a in parser._actions if a.option_strings}
        for option, needed in (parser.get_default("needs") or {}).items():
            line = refused(program, [name, *words(options[option], number)], capsys)
            assert f"--{needed}" in line or "must be a finite number" in line  # an option that takes no 0
            pairs += 1
        for option, others in (parser.get_default("excludes") or {}).items():
            for other in others:
                line = refused(program, [name, *words(options[option], number), *words(options[other], number)], capsys)
                assert f"--{other}" in line or f"--{option}" in line
                pairs += 1
    assert pairs >= 4


@pytest.mark.parametrize("program", [wmlib.cli, wmbook.cli])
@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-inf", "1e300", "x"])
def test_every_number_is_checked(program, value, capsys):
    """Walks the parsers: no numeric option takes what is negative or not finite."""
    commands = next(a for a in program.build_parser()._actions if hasattr(a, "choices") and a.choices).choices
    for name, parser in commands.items():
        for action in parser._actions:
            if action.type is not None and getattr(action.type, "__name__", "") in ("int", "float"):
                line = refused(program, [name, f"{action.option_strings[0]}={value}"], capsys)
                assert action.option_strings[0] in line


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e300"])
def test_every_number_of_the_configuration_is_checked(value, capsys):
    def numbers(tree, prefix=""):
        for name, item in tree.items():
            if isinstance(item, dict):
                yield from numbers(item, f"{prefix}{name}.")
            elif isinstance(item, (int, float)) and not isinstance(item, bool):
                yield prefix + name

    found = list(numbers(Config().to_dict()))
    assert len(found) > 50
    for name in found:
        assert name.split(".")[-1] in refused(wmlib.cli, ["show-config", "--set", f"{name}={value}"], capsys)


@pytest.mark.parametrize(
    ("program", "command", "reason"),
    [
        (wmlib.cli, "play --agent dream-tau-1.15 --record x.gif", "--agent dream-tau-1.15: has learnt takecover"),
        (wmlib.cli, "play --agent dream-tau-1.15 --dream --record x.gif", "dream-tau-1.15: has learnt takecover"),
        (wmlib.cli, "play --agent vae-zh --record x.avi", "--record x.avi: end the name in .mp4 or .gif"),
        (wmlib.cli, "evaluate --pretrained random --train-seed 0", "--train-seed does not count"),
        (wmbook.cli, "bends --pretrained dream-tau-1.15 --out x.json", "dream-tau-1.15: has learnt takecover"),
        (wmbook.cli, "bends --pretrained vae-z --out x.json", "--pretrained vae-z: has no M"),
        (wmbook.cli, "analyse --pretrained dream-tau-1.15 --out x.json", "dream-tau-1.15: has learnt takecover"),
        (wmbook.cli, "race vae-zh dream-tau-1.15 --out x.mp4", "ARM dream-tau-1.15: has learnt takecover"),
        (wmbook.cli, "race vae-zh vae-zh --out x.txt", "--out x.txt: end the name in .mp4 or .gif"),
    ],
)
def test_what_a_command_cannot_do_is_said_before_the_work(program, command, reason, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("wmlib.rollout.worker.Worker.__init__", lambda *_: pytest.fail("worked first"))
    monkeypatch.chdir(tmp_path)
    assert reason in refused(program, command.split(), capsys)
    assert not list(tmp_path.iterdir())


def test_no_memory_is_one_line(capsys, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("wmlib.stages.evaluate.evaluate", full)
    assert "no memory left" in refused(wmlib.cli, ["evaluate", "--pretrained", "vae-zh", "--tracks", "1"], capsys)


def test_out_is_checked_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("wmlib.stages.evaluate.evaluate", lambda *_: pytest.fail("worked first"))
    line = refused(wmlib.cli, ["evaluate", "--pretrained", "vae-zh", "--out", str(tmp_path)], capsys)
    assert "--out" in line


def test_a_film_of_nothing_is_no_success(tmp_path):
    from wmlib.watch.video import video

    with pytest.raises(UserError, match="no film"), video(tmp_path / "x.gif") as write:
        write(np.zeros((64, 64, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_a_list_is_no_configuration(tmp_path, capsys):
    (tmp_path / "config.json").write_text("[]")
    assert "config.json" in refused(wmlib.cli, ["info", "--run", str(tmp_path)], capsys)


# --- workers ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_stopped_worker_is_noticed_replaced_and_its_work_done_again(monkeypatch, capsys):
    from wmlib.rollout import executors
    from wmlib.rollout.worker import WorkerSpec
    from wmlib.runs import pool

    monkeypatch.setattr(pool, "SILENT", 20.0)
    monkeypatch.setattr(pool, "STARTING", 60.0)
    spec, jobs = WorkerSpec(2, max_steps=300), [Job(index, 0, 50 + index) for index in range(12)]
    expected = executors.SerialExecutor(spec).run(jobs)
    with executors.ProcessExecutor(spec, workers=2) as executor:

        def stop_one():
            while executor.pool is None or executor.pool.beats[0] > time.monotonic():  # it has work in hand
                time.sleep(0.001)
            os.kill(executor.pool.numbers[0], signal.SIGSTOP)

        thread = threading.Thread(target=stop_one)
        thread.start()
        episodes = executor.run(jobs)
        thread.join()
    assert episodes == expected
    assert "is replaced" in capsys.readouterr().err


@pytest.mark.slow
def test_a_worker_that_stops_with_nothing_to_do_does_not_keep_the_pool_from_closing(monkeypatch):
    from wmlib.rollout import executors
    from wmlib.rollout.worker import WorkerSpec

    monkeypatch.setattr("wmlib.runs.pool.CLOSING", 0.5)
    with executors.ProcessExecutor(WorkerSpec(1, max_steps=20), workers=1) as executor:
        executor.run([Job(0, 0, 1)])
        os.kill(executor.pool.numbers[0], signal.SIGSTOP)
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]


@pytest.mark.slow
def test_an_interrupt_ends_workers_that_hang():
    from wmlib.rollout import executors
    from wmlib.rollout.worker import WorkerSpec

    executor = executors.ProcessExecutor(WorkerSpec(1, max_steps=20), workers=1)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), executor:
        executor.run([Job(0, 0, 1)])
        os.kill(executor.pool.numbers[0], signal.SIGSTOP)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 60


def test_read_json_refuses_constants(tmp_path):
    (tmp_path / "x.json").write_text('{"a": Infinity}')
    with pytest.raises(UserError, match="x.json: damaged"):
        read_json(tmp_path / "x.json")


def test_a_stage_that_will_not_fit_on_the_disk_is_refused_before_it_begins(tmp_path, capsys, monkeypatch):
    import shutil

    from wmlib.config import Config
    from wmlib.stages.chain import Chain, bytes_needed

    free = shutil.disk_usage(tmp_path)._replace(free=10**9)
    monkeypatch.setattr("shutil.disk_usage", lambda _: free)
    assert bytes_needed(Chain(Config.preset("smoke"), tmp_path), "collect") < 10**9
    command = ["collect", "--scale", "paper", "--run", str(tmp_path / "run")]
    assert "collect: this stage will write about 20.0 GB and 1.0 GB are free" in refused(wmlib.cli, command, capsys)
    assert not list(tmp_path.iterdir())


def test_a_resumed_stage_needs_no_space_for_what_it_has_written(tmp_path, monkeypatch):
    import shutil

    from wmlib.stages.chain import Chain, bytes_needed, check_space

    taught = Config.preset("smoke").override(["controller.search=imitation"])
    for name, kept in (("collect", "rollouts"), ("encode", "latents"), ("controller", "lessons")):
        chain = Chain(taught, tmp_path)
        free = shutil.disk_usage(tmp_path)._replace(free=bytes_needed(chain, name) - 1000)
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: free)
        with pytest.raises(UserError, match="free space"):
            check_space(chain, name)
        write_arrays(chain.stage(name) / kept / "000000.npz", {"x": np.random.default_rng(0).random(1000)})
        check_space(chain, name)


def git(folder, *words):
    author = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", "-C", str(folder), *author, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_revision_on_record_is_of_these_sources(tmp_path, monkeypatch):
    """Not of the repository that the package was installed or copied into, nor of the one whose hook started it."""
    from pathlib import Path

    from wmlib.runs import machine

    own, source = machine._git_revision(), Path(machine.__file__)
    for folder in ("foreign", "foreign/.venv/lib/site-packages", "clone"):
        file = tmp_path / folder / "wmlib" / "runs" / "machine.py"
        file.parent.mkdir(parents=True)
        file.write_bytes(source.read_bytes())
    (tmp_path / "clone" / "book" / "wmbook").mkdir(parents=True)
    for folder in (tmp_path / "foreign", tmp_path / "clone"):
        git(folder, "init", "-q"), git(folder, "add", "-A"), git(folder, "commit", "-qm", "first")
    monkeypatch.delenv("WMLIB_REVISION", raising=False)
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", str(tmp_path / "foreign" / ".git"))
        assert machine._git_revision() == own
    expected = {"clone": git(tmp_path / "clone", "rev-parse", "--short=10", "HEAD")}
    for folder in ("foreign", "foreign/.venv/lib/site-packages", "clone"):
        monkeypatch.setattr(machine, "__file__", str(tmp_path / folder / "wmlib" / "runs" / "machine.py"))
        assert machine._git_revision() == expected.get(folder)
        monkeypatch.setenv("WMLIB_REVISION", "said")
        assert machine._git_revision() == expected.get(folder, "said")
        monkeypatch.delenv("WMLIB_REVISION")


def test_another_jupyter_book_is_not_taken_for_this_one(tmp_path, monkeypatch):
    from pathlib import Path

    from wmbook.records.records import find_root

    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    monkeypatch.chdir(tmp_path / "notebooks")
    assert find_root() == Path(wmbook.cli.__file__).resolve().parents[2]
    monkeypatch.setattr("wmbook.records.records.__file__", str(tmp_path / "a" / "b" / "c" / "d.py"))
    with pytest.raises(UserError, match="go into a clone"):
        find_root()


def test_a_done_whose_figures_were_changed_is_refused(tmp_path):
    stage = Stage(tmp_path / "memory-vae", {"updates": 3})
    stage.open()
    stage.finish(1.0, nll=0.97)
    file = stage / "DONE"
    assert stage.summary() == {"seconds": 1.0, "nll": 0.97}
    file.write_text(file.read_text().replace("0.97", "0.79"))
    for ask in (stage.summary, stage.check_done, stage.check_whole):
        with pytest.raises(UserError, match="DONE: has been changed"):
            ask()


def test_metrics_that_lost_lines_from_before_the_checkpoint_are_refused(tmp_path):
    from wmlib.runs import MetricLog

    with MetricLog(tmp_path) as log:
        for step in range(4):
            log.scalars(step, loss=1.0)
        assert (log.before(2), log.before(9)) == (2, 4)
    with MetricLog(tmp_path, resume_at=3, count=3) as log:
        assert log.before(9) == 3
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(UserError, match=r"metrics.jsonl: holds 2 of 3 lines from before step 3"):
        MetricLog(tmp_path, resume_at=3, count=3)
