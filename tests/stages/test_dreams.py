"""C searched in dreams, as a setting of stage controller: whose word counts, where dreams and searches begin."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from wmlib.config import Config
from wmlib.config.tasks import TASKS
from wmlib.data.batches import SequenceBatches
from wmlib.data.lost import lost
from wmlib.data.rollouts import RolloutStore, read_encoded
from wmlib.errors import UserError
from wmlib.rollout.executors import make_executor
from wmlib.search.cmaes import CMAES
from wmlib.seeds import generator
from wmlib.stages import dreams as dreams_stage
from wmlib.stages.actor import DreamLearner
from wmlib.stages.agents import agent_of
from wmlib.stages.chain import Chain, run_all, run_stage
from wmlib.stages.collect import MOST, drivers, episodes
from wmlib.stages.curve import read_curve
from wmlib.stages.dreams import BEGINNINGS, EVERY, MISTRUST, Dreams, episode_return
from wmlib.stages.memory import latent_files

SMOKE = Config.preset("smoke").override(
    ["rollout.executor=serial", "controller.world=dream", "controller.dream_steps=8"]
)
AGAIN = ["iterations=2", "keep_vision=true", "memory.later_updates=3", "controller.dream_starts=replayed"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    run_all(SMOKE.override(AGAIN), folder, last="memory")
    return folder


def test_a_search_in_dreams_is_the_same_stage_and_never_lets_the_world_choose(finished, tmp_path):
    config = SMOKE.override(["controller.tau=1.3"])
    folder = tmp_path / "dreamt"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("controller-*", "config.json"))
    stage = run_stage(Chain(config, folder), "controller")
    assert stage.name == "controller-dream-tau-1.30" and stage.summary()["env_steps"] == 0
    curve = read_curve(stage / "learning_curve.csv")
    assert [row["env_steps"] for row in curve] == sorted(row["env_steps"] for row in curve)
    assert 0 < curve[0]["env_steps"] <= 4 * 1 * 8
    assert stage.summary()["chosen_generation"] == curve[-1]["generation"] == 2  # whatever validation says


def test_replayed_dreams_begin_in_states_that_real_episodes_went_through(finished, monkeypatch):
    monkeypatch.setattr(dreams_stage, "EARLY", 1)  # episodes of smoke end before the usual one
    chain = Chain(SMOKE.override(AGAIN), finished)
    dreams = Dreams(chain)
    episodes = [read_encoded(file) for file in latent_files(chain)[0]]
    beginnings, on_the_road = dreams.replayed
    assert len(beginnings) == len(episodes) and not beginnings.h.any()
    assert len(on_the_road) == sum(int((lost(episode)[::EVERY] == 0).sum()) for episode in episodes)
    starts = [dreams.first(seed) for seed in range(60)]
    assert 0 < sum(not start.h.any() for start in starts) / 60 - BEGINNINGS < 0.3
    assert len({start.z.tobytes() for start in starts}) > 1 and any(start.h.any() for start in starts)
    np.testing.assert_array_equal(dreams.first(3).h, starts[3].h)
    usual = Dreams(Chain(SMOKE.override([*AGAIN, "controller.dream_starts=first"]), finished))
    frames = [episode["mu"][0].astype(np.float32) for episode in episodes]
    assert any(np.array_equal(usual.first(3).z[0], frame) for frame in frames) and not usual.first(3).h.any()


def test_a_dream_is_worth_what_it_pays_from_the_state_it_begins_in(finished):
    dreams, c = Dreams(Chain(SMOKE.override([*AGAIN, "controller.tau=1e-9"]), finished)), np.zeros((1, 867))
    executor = make_executor(SMOKE.rollout, None)
    returns, steps = dreams(executor, c, [3])
    state, total = dreams.first(3), 0.0
    z, h, memory, a = state.z, state.h, state.c, np.array([[0, 0.5, 0]], np.float32)
    for _ in range(steps[0, 0]):
        z, reward, _, h, memory = dreams.world.step(z, a, h, memory, 1e-9, generator(0))
        total += reward[0]
    assert returns[0, 0] == pytest.approx(total, abs=1e-3)


def test_a_search_may_begin_at_the_last_c(finished, tmp_path):
    folder = tmp_path / "goes-on"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("config.json"))
    chain = Chain(SMOKE.override([*AGAIN, "controller.begins_at=last"]), folder)
    assert chain.at(1).config.controller.begins_at == "zeros"
    stage = run_stage(chain, "controller")
    with np.load(chain.at(1).controller / "controller.npz") as last, np.load(stage / "search.npz") as search:
        assert search["origin"][-1] == np.square(last["parameters"]).sum() > 0
    assert [each.name for each in stage.inputs].count(chain.at(1).controller.name) == 1


def test_eyes_stay_a_search_goes_on_and_neighbours_drive(tmp_path):
    settings = ["controller.reads=first", "controller.begins_at=search", "controller.dream_return=episode"]
    settings += ["controller.sees=mean"]
    shares = ["collect.on_policy_spread=0.5", "memory.beginnings=0.5", "memory.own_share=0.5", "memory.loss_share=0.5"]
    chain = Chain(SMOKE.override([*AGAIN, *settings, *shares]), tmp_path)
    run_all(chain.run_config, tmp_path, last="controller")
    stage, before = chain.controller, chain.at(1).controller
    assert chain.eyes is chain.at(1).memory and chain.eyes in stage.inputs and chain.memory in stage.inputs
    assert agent_of(chain).files["memory"] == chain.at(1).memory / "memory.npz"
    rows = [read_curve(each / "learning_curve.csv") for each in (before, stage)]
    assert [row["generation"] for part in rows for row in part] == [1, 2, 3, 4]
    told = [np.load(each / "search.npz")["told"] for each in (before, stage)]
    np.testing.assert_array_equal(told[1][:2], told[0])
    moved = drivers(chain) - agent_of(chain.at(1)).parameters
    assert not moved[:2].any() and len(moved) == 4
    assert moved[2:].std() == pytest.approx(rows[0][-1]["sigma"], rel=0.1)


def test_where_dreams_have_cars_that_pull_to_a_side_such_cars_drive(finished):
    settings = ["controller.offset=0.5", "collect.on_policy_spread=1", "collect.on_policy_episodes=5"]
    chain = Chain(SMOKE.override([*AGAIN, *settings]), finished)
    moved = drivers(chain) - agent_of(chain.at(1)).parameters
    assert np.count_nonzero(moved, axis=1).tolist() == [867, 3, 867, 3, 867]


def test_an_iteration_of_short_episodes_has_more_of_them(finished):
    earlier = RolloutStore(Chain(SMOKE.override(AGAIN), finished).at(1).collect / "rollouts")
    length = np.mean([earlier.length(file) for file in earlier.files()])

    def count(times: float) -> int:
        settings = ["collect.on_policy_episodes=10", f"collect.on_policy_steps={round(times * length)}"]
        return episodes(Chain(SMOKE.override([*AGAIN, *settings]), finished))

    assert [count(times) for times in (2, 23, 1000)] == [10, 23, MOST * 10]
    settings = ["collect.on_policy_steps=1000000", "collect.on_policy_spread=0.5"]
    assert len(drivers(Chain(SMOKE.override([*AGAIN, *settings]), finished))) == MOST * 4


def test_a_search_that_goes_on_resumes_where_it_was(tmp_path, monkeypatch):
    config = SMOKE.override([*AGAIN, "controller.begins_at=search"])
    folders = [tmp_path / "in peace", tmp_path / "cut"]
    run_all(config, folders[0], last="memory")
    shutil.copytree(*folders)
    stages = [Chain(config, folder).controller for folder in folders]
    run_stage(Chain(config, folders[0]), "controller")
    save = CMAES.save

    def cut(search, path):
        save(search, path)
        raise KeyboardInterrupt

    for _ in range(2):  # after each of its generations
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(CMAES, "save", cut)
            run_stage(Chain(config, folders[1]), "controller")
    run_stage(Chain(config, folders[1]), "controller")
    for name in ("controller.npz", "search.npz"):
        assert (stages[0] / name).read_bytes() == (stages[1] / name).read_bytes()


ACTOR = [f"controller.{each}" for each in ("search=actor-critic", "world=dream", "dream_steps=5")] + ["actor.warm_up=0"]


def test_an_actor_critic_goes_on_from_iteration_to_iteration_and_resumes(tmp_path, monkeypatch):
    settings = ["controller.reads=first", "controller.begins_at=search", "controller.sees=mean"]
    config = SMOKE.override([*AGAIN, *ACTOR, *settings, "collect.on_policy_spread=0.5"])
    folders = [tmp_path / "in peace", tmp_path / "cut"]
    run_all(config, folders[0], last="memory")
    shutil.copytree(*folders)
    save = DreamLearner.save

    def cut(search, path):
        save(search, path)
        raise KeyboardInterrupt

    run_stage(Chain(config, folders[0]), "controller")
    for _ in range(2):  # after each of its generations
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(DreamLearner, "save", cut)
            run_stage(Chain(config, folders[1]), "controller")
    run_stage(Chain(config, folders[1]), "controller")
    stages = [Chain(config, folder).controller for folder in folders]
    assert stages[0].path.name == "controller-dream-ac-2"
    for name in ("controller.npz", "search.npz"):
        assert (stages[0] / name).read_bytes() == (stages[1] / name).read_bytes()
    rows = [read_curve(each / "learning_curve.csv") for each in (Chain(config, folders[0]).at(1).controller, stages[0])]
    assert [row["generation"] for part in rows for row in part] == [1, 2, 3, 4]
    with np.load(stages[0] / "controller.npz") as c:
        assert np.isfinite(c["parameters"]).all() and c["parameters"].any()
    assert 0 < rows[1][-1]["sigma"] < 0.3, "neighbours of C are as near as its noise"


def test_the_critic_learns_first(tmp_path):
    config = SMOKE.override(["iterations=1", *ACTOR, "actor.warm_up=1"])
    stage = run_all(config, tmp_path, last="controller")
    first, second = (np.load(stage / "means" / f"{generation:05d}.npz")["parameters"] for generation in (1, 2))
    assert not first.any() and second.any()


def test_dreams_stand_for_an_episode():
    """Against the sum over steps: alive at each with probability (1 - w) ** t, about exp(-w t)."""
    paid, lived, ended = np.array([500.0, 500.0, 90.0]), np.array([1000, 1000, 110]), np.array([0, 2, 3])
    worth = episode_return(paid, lived, ended, TASKS["carracing"])
    assert worth[0] == pytest.approx(500)
    for index in (1, 2):
        alive = np.exp(-ended[index] / lived[index] * (np.arange(1000) + 0.5))
        expected = (alive * paid[index] / lived[index] - 0.1 * (1 - alive)).sum()
        assert worth[index] == pytest.approx(expected, rel=1e-3)


def test_no_speed_beyond_a_lap_in_time_is_worth_anything():
    """A lap's tiles pay 1,000, less 0.1 a step: 970 steps pay 903, and who is faster is not dreamt to win more."""
    lived = np.full(3, 1000)
    worth = episode_return(np.array([800.0, 1000.0, 1400.0]), lived, np.zeros(3), TASKS["carracing"])
    np.testing.assert_allclose(worth, [800, 1000 * (1000 / 970 - 0.1), 1000 * (1000 / 970 - 0.1)], rtol=1e-5)


@pytest.mark.parametrize(("lost", "scale"), [(0, 1.0), (1, 35 / 15), (2, MISTRUST)])
def test_ends_count_as_often_as_the_world_has_more_of_them(finished, monkeypatch, lost, scale):
    """One of four dreams ends in 35 steps; of two real episodes of 10 steps, so many are lost after 5."""
    settings = ["controller.dream_return=episode", "controller.calibrated=true", "controller.dream_steps=10"]
    dreams = Dreams(Chain(SMOKE.override([*AGAIN, *settings]), finished))
    lived = np.array([[10, 5], [10, 10]])
    episodes = iter([np.array([5])] * lost + [np.array([], int)] * 9)
    offsets = []
    monkeypatch.setattr(
        Dreams, "__call__", lambda *_, offset=True: offsets.append(offset) or (np.ones(lived.shape), lived)
    )
    monkeypatch.setattr("wmlib.stages.dreams.latent_files", lambda chain, since=1: ([Path("a"), Path("b")], []))
    monkeypatch.setattr("wmlib.stages.dreams.read_encoded", lambda file: {"actions": np.zeros((10, 3))})
    monkeypatch.setattr("wmlib.stages.dreams.losses", lambda episode: next(episodes))
    assert dreams.scale(None) == pytest.approx(scale)
    assert offsets == [False]  # the world's cars have none
    worth, steps = dreams.judge(None, None, np.zeros((2, 867)), [1, 2])
    assert steps == 35
    paid, ended = np.array([2, 2 + 5 * dreams.task.step_cost]), scale * np.array([0, 1])
    np.testing.assert_allclose(worth, episode_return(paid, np.array([20, 15]), ended, dreams.task))
    dreams.settings, dreams._scale = replace(dreams.settings, calibrated=False), None
    assert dreams.scale(None) == 1


def test_every_dream_has_an_offset_of_its_own_for_all_candidates_and_steps(finished):
    """What C pays with an offset is what a C with other biases pays without."""
    dreams = Dreams(Chain(SMOKE.override([*AGAIN, "controller.dream_steps=10"]), finished))
    executor = SimpleNamespace(spread=lambda function, calls: [function(*call) for call in calls])
    candidates = np.random.default_rng(0).standard_normal((3, 867))
    shifted = replace(dreams.settings, offset=0.5)
    for seed in (1, 2):
        dreams.settings = shifted
        returns, lived = dreams(executor, candidates, [seed])
        other, offset = candidates.copy(), dreams.offsets([seed])
        other[:, -3:] += offset
        dreams.settings = replace(shifted, offset=0.0)
        np.testing.assert_array_equal(returns, dreams(executor, other, [seed])[0])
        assert np.abs(returns - dreams(executor, candidates, [seed])[0]).max() > 1e-6
    dreams.settings = shifted
    drawn = dreams.offsets(list(range(2000)))
    np.testing.assert_allclose(drawn.std(0), 0.5, rtol=0.1)
    np.testing.assert_allclose(drawn.mean(0), 0, atol=0.05)


def test_m_and_its_dreams_may_know_v_better_than_v_does(finished):
    """With a noise of its own, z is V's mean and that noise, wherever M learns or begins to dream."""
    chain = Chain(SMOKE.override([*AGAIN, "memory.latent_noise=0.01"]), finished)
    files = latent_files(chain)[0]
    batch = SequenceBatches(files, 4, 8, 0, noise=0.01).at(0)
    np.testing.assert_allclose(np.exp(0.5 * batch["log_variance"]), 0.01, rtol=0.01)
    mu = np.concatenate([read_encoded(file)["mu"][:-1:EVERY] for file in files]).astype(float)
    z = Dreams(chain).replayed[1].z
    nearest = np.abs(z[:, None] - mu).max(2).min(1)
    assert 0.005 < nearest.mean() < 0.05


def test_a_stage_is_one_object_however_many_name_it(tmp_path):
    chain = Chain(SMOKE.override(["iterations=12"]), tmp_path)  # its names are 2 ** 12 and more if each is found anew
    assert chain.at(2).at(1).collect is chain.at(1).collect and chain.at(12) is chain
    assert len({id(stage) for iteration in range(1, 13) for stage in chain.at(iteration).collections}) == 12


@pytest.mark.parametrize(
    "setting",
    [
        "controller.tau=0",
        "controller.dream_starts=here",
        "controller.begins_at=here",
        "controller.reads=mine",
        "controller.dream_return=all",
        "controller.caution=2",
        "controller.calibrated=true",
        "actor.gamma=1",
        "actor.decay=2",
        "actor.lanes=0",
        "controller.sigma_halves=64",
        "memory.late_updates=10",
        "memory.late_rate=0",
        "controller.world=elsewhere",
        "task=chess",
    ],
)
def test_a_dream_that_cannot_be_is_refused(setting):
    with pytest.raises(UserError, match=setting.split("=")[0]):
        SMOKE.override([setting])


def test_a_search_that_lost_what_it_was_told_is_refused(tmp_path):
    config = SMOKE.override(ACTOR)
    learner = DreamLearner(config, np.zeros(3 * 49), 0)
    learner.save(tmp_path / "search.npz")
    with pytest.raises(UserError, match="search.npz: lost what it was told"):
        DreamLearner(config, np.zeros(3 * 49), 0).resume(tmp_path / "search.npz")
