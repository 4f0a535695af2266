"""The same stages learn Take Cover: one smoke run from the real game to a score in it and in the dream."""

import numpy as np
import pytest

from wmbook.records.ship import publish_weights
from wmlib.config import Config
from wmlib.runs import read_arrays
from wmlib.stages.agents import finished, shipped_agent, trained_agent
from wmlib.stages.chain import Chain, run_all
from wmlib.stages.evaluate import read_rows

ROUNDS = ["iterations=2", "keep_vision=true", "memory.later_updates=3", "memory.own_share=0.5"]
SMOKE = Config.preset("smoke").override(
    ["task=takecover", "rollout.executor=serial", "controller.early_generations=1", *ROUNDS]
)


def test_a_smoke_run_goes_from_the_game_to_its_score(tmp_path):
    pytest.importorskip("vizdoom", reason="the game itself: pip install 'wmlib[doom]'")
    evaluation = run_all(SMOKE, tmp_path)
    chain = Chain(SMOKE, tmp_path)
    assert chain.vision.name == "vision-vae" and chain.memory.summary()["updates"] == 3
    assert len(list((chain.encode / "latents").glob("*.npz"))) == 6 + 4, "the random player's games, and C's"
    latents = read_arrays(chain.encode / "latents" / "000000.npz", ("mu", "actions"))
    assert latents["mu"].shape[1] == 64 and latents["actions"].shape[1] == 1
    assert np.abs(latents["actions"]).max() <= 1
    rows = read_rows(evaluation / "episodes.csv")
    assert {row["renderer"] for row in rows} == {"vizdoom", "dream"} and {row["arm"] for row in rows} == {
        "dream-tau-1.15"
    }
    for row in rows:
        assert 1 <= row["steps"] <= 2100
        assert row["renderer"] == "dream" or row["return"] == row["steps"], "each tic alive pays 1"
    agent = trained_agent(tmp_path, "dream-tau-1.15-smoke")
    assert agent.parameters.shape == (64 + 2 * 16,) and agent.worker_spec(1).task == "takecover"

    hot, shipped = SMOKE.override(["controller.tau=1.3"]), tmp_path / "pretrained"
    run_all(hot, tmp_path)  # the same V and M, another C
    for chain in finished(tmp_path):
        publish_weights(chain, shipped)
    cold, hot = (shipped_agent(f"dream-tau-{tau}-smoke", folder=shipped) for tau in ("1.15", "1.30"))
    for part in ("encoder", "decoder", "memory"):
        assert cold.path(part) == hot.path(part), "V and M are shipped once"
    assert cold.path("controller") != hot.path("controller") and hot.config.controller.tau == 1.3
