"""Who drives the data of later iterations, and which of their C's a search begins at."""

import shutil

import numpy as np
import pytest

from wmlib.config import Config
from wmlib.data.rollouts import RolloutStore
from wmlib.runs import read_arrays, write_arrays
from wmlib.stages.chain import Chain, plan, run_all, run_stage
from wmlib.stages.pilots import FEW, MOST, best, drivers, episodes, pilots

ROUNDS = Config.preset("smoke").override(
    ["rollout.executor=serial", "controller.world=dream", "controller.dream_steps=8", "controller.begins_at=best"]
    + ["iterations=3", "keep_vision=true", "memory.later_updates=3", "collect.on_policy_spread=0.4"]
    + ["controller.offset=0.5", "collect.on_policy_episodes=10", "collect.on_policy_patience=10"]
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "rounds"
    run_all(ROUNDS, folder, last="controller")
    return folder


def parameters(stage) -> np.ndarray:
    return read_arrays(stage / "controller.npz", ("parameters",))["parameters"]


def earns(chain, rewards: list[float]) -> None:
    """What the first episodes of an iteration shall have been paid in their first step."""
    for file, reward in zip(RolloutStore(chain.collect / "rollouts").files(), rewards, strict=False):
        arrays = read_arrays(file, ("frames", "actions", "rewards", "terminated", "track_seed"))
        arrays["rewards"][:] = 0
        arrays["rewards"][0] = reward
        write_arrays(file, arrays)


def test_every_iteration_between_has_a_scout_from_zeros_with_draws_of_its_own(finished):
    names = [(chain.iteration, name) for chain, name in plan(ROUNDS, finished) if name in ("controller", "scout")]
    assert names == [(1, "controller"), (2, "controller"), (2, "scout"), (3, "controller")]
    chain = Chain(ROUNDS, finished)
    first, scout = chain.at(1).controller, chain.at(2).scout
    assert scout.name == "scout-dream-cma-smoke-2" or scout.name == "scout-dream-cma-2"
    begun = {stage.name: read_arrays(stage / "search.npz", ("origin",))["origin"] for stage in (first, scout)}
    assert begun[first.name][4] == begun[scout.name][4] == 0 and begun[first.name][3] != begun[scout.name][3]
    assert scout in chain.collect.inputs and scout.summary()["env_steps"] == 0


def test_c_its_scout_and_the_best_take_turns_and_neighbours_come_last(finished):
    chain = Chain(ROUNDS, finished)
    assert pilots(chain.at(2)) == [chain.at(1).controller]
    stages = pilots(chain)
    assert stages == [chain.at(2).controller, chain.at(2).scout, chain.at(1).controller]
    crew = drivers(chain)
    assert len(crew) == episodes(chain) == 10
    for index in range(6):
        np.testing.assert_array_equal(crew[index], parameters(stages[index % 3]))
    centres = [parameters(stages[which]) for which in (0, 0, 1, 1)]
    assert [np.count_nonzero(moved - c) for moved, c in zip(crew[6:], centres, strict=True)] == [867, 3, 867, 3]


@pytest.mark.parametrize("winner", [0, 1, 2])
def test_a_search_begins_at_the_c_whose_own_drives_earned_the_most(finished, tmp_path, winner):
    folder = tmp_path / "again"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("controller-*-3"))
    chain = Chain(ROUNDS.override(["collect.on_policy_spread=0.1"]), folder)  # nine drive themselves: three each
    earns(chain.at(2), [10.0] * 10)
    earns(chain, [50.0 if index % 3 == winner else 0.0 for index in range(9)] + [999.0])  # a neighbour's does not count
    assert best(chain) == pilots(chain)[winner]
    assert best(chain.at(2)) == chain.at(1).controller


def test_who_has_hardly_driven_is_not_judged(finished, tmp_path):
    folder = tmp_path / "few"
    shutil.copytree(finished, folder)
    chain = Chain(ROUNDS, folder)
    assert FEW == 3
    earns(chain.at(2), [10.0] * 10)
    earns(chain, [50.0, 50.0] * 5)  # two drives of C, two of its scout
    assert best(chain) == chain.at(1).controller


def test_the_search_really_begins_there(finished):
    chain = Chain(ROUNDS, finished)
    origin = read_arrays(chain.controller / "search.npz", ("origin",))["origin"]
    assert origin[4] == pytest.approx(np.square(parameters(best(chain))).sum())


def test_short_episodes_make_more_of_them(finished):
    earlier = RolloutStore(Chain(ROUNDS, finished).at(1).collect / "rollouts").files()
    lengths = [RolloutStore.length(file) for file in earlier]

    def count(steps: float) -> int:
        return episodes(Chain(ROUNDS.override([f"collect.on_policy_steps={round(steps)}"]), finished).at(2))

    assert [count(factor * np.mean(lengths)) for factor in (2, 23, 1000)] == [10, 23, MOST * 10]


def test_best_goes_on_where_it_was_interrupted(finished, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("controller-*-3"))
    stage = run_stage(Chain(ROUNDS, folder), "controller")
    again = Chain(ROUNDS, finished).controller
    assert (stage / "controller.npz").read_bytes() == (again / "controller.npz").read_bytes()
