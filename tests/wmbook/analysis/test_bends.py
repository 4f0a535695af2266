"""How a driver meets a bend: an oval with two of them, driven as it should be, comes out as it was driven."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from wmbook.analysis.bends import APPROACH, approach, bends, brake_pedal, by_place, entries, in_bend, kinds, read_outs
from wmbook.analysis.bends import turn as turned
from wmbook.analysis.drives import Drive
from wmbook.show import bends as show
from wmlib.rollout.lanes import Episode
from wmlib.runs import read_json
from wmlib.stages.agents import shipped_agent

STRAIGHT, BEND = 40, 20  # tiles; twice each make the oval
RATE = np.pi / BEND  # rad a tile


def oval() -> np.ndarray:
    """A track whose direction alone matters: straight, half a circle to the left, straight, and again."""
    steps = np.tile(np.r_[np.zeros(STRAIGHT), np.full(BEND, RATE)], 2)
    direction = np.cumsum(steps) - steps[0]
    return np.column_stack([direction, direction, np.zeros((len(steps), 2))])


def driven(seed: int = 0) -> Drive:
    """Two laps, four frames a tile: slow in the bend, braking over the ten tiles before it, full gas elsewhere."""
    track, random = oval(), np.random.default_rng(seed)
    place = np.arange(2 * len(track)).repeat(4)
    kind = kinds(track)[place % len(track)]
    speed, gas, brake = (np.choose(kind, values) for values in ((80.0, 70.0, 60.0), (1, 0, 0.5), (0, 0.5, 0)))
    states = np.column_stack([speed, np.zeros((len(place), 3))])
    actions = np.column_stack([np.zeros(len(place)), gas, brake])
    z, h = random.normal(size=(len(place), 32)), random.normal(size=(len(place), 4))
    z[:, 0] = turned(track, 3, 8)[place % len(track)]
    episode = Episode(0, 0, 7, 900.0, len(place), True, len(track), False)
    return Drive(episode, z, h, actions, states, place, track, np.ones(len(track), bool))


def test_the_oval_has_two_bends():
    bend = in_bend(oval())
    assert np.abs(bend.sum() - 2 * BEND) <= 4 and not bend[5 : STRAIGHT - 5].any()
    assert bend[STRAIGHT + 3 : STRAIGHT + BEND - 3].all()
    starts = entries(oval())
    assert len(starts) == 2 and starts[1] - starts[0] == STRAIGHT + BEND
    assert turned(oval(), 0, 5)[STRAIGHT + 3] == pytest.approx(5 * RATE)


def test_speed_and_pedals_are_told_by_the_place():
    found = by_place([driven(seed) for seed in range(3)])
    assert [found[name]["speed"]["mean"] for name in found] == [80, 70, 60]
    assert [found[name]["brake"]["mean"] for name in found] == [0, 0.5, 0]
    assert sum(place["share"] for place in found.values()) == pytest.approx(1, abs=0.01)


def test_the_way_into_a_bend():
    found = approach([driven()])
    at = {tile: index for index, tile in enumerate(found["tiles"])}
    assert (found["speed"][at[-12]], found["speed"][at[-10]], found["speed"][at[0]]) == (80, 70, 60)
    assert (found["brake"][at[-1]], found["brake"][at[0]]) == (0.5, 0) and len(found["gas"]) == len(APPROACH)
    assert found["passages"][at[-5]] == 2  # the first lap's two bends


def test_read_outs_find_the_turn_where_it_was_put():
    found = read_outs([driven(seed) for seed in range(4)])
    assert found["z"]["turn"]["r2"] > 0.99 and found["h"]["turn"]["r2"] < 0.1
    assert found["correlation of the two"] == pytest.approx(1)  # an oval driven to the left knows no other turn


def test_figure_and_tables_show_what_was_measured():
    drives = [driven(seed) for seed in range(4)]
    entry = {"places": by_place(drives), "approach": approach(drives), "read_out": read_outs(drives)}
    lines = show.approach({"one": entry, "two": entry}).axes[2].get_lines()
    assert list(lines[0].get_ydata()) == entry["approach"]["brake"]
    told = show.places_table({"one": entry})
    assert "| one | before a bend | " in told and "| 70.0 | 0.000 | 0.500 |" in told
    assert show.read_out_table(entry).count("| 1.00 (") == 6


def test_the_command_adds_a_driver_to_the_record(tmp_path, capsys):
    out = tmp_path / "bends.json"
    bends(Namespace(pretrained="vae-zh", train_seed=0, tracks=8, out=out))
    entry = read_json(out)["vae-zh"]["0"]
    assert "m/s in a bend" in capsys.readouterr().out and entry["score"]["n"] == 8
    assert entry["brake_pedal"]["99 %"] < 0 and entry["places"]["before a bend"]["brake"]["mean"] < 0.01


def test_the_brake_pedal_is_a_column_of_the_parameters():
    agent, drive = shipped_agent("vae-z"), driven()
    pedal = brake_pedal(agent, [drive])
    weights = agent.parameters.reshape(33, 3)[:, 2]
    assert pedal["highest"] == pytest.approx((drive.z[50:] @ weights[:-1] + weights[-1]).max(), abs=0.01)


def test_a_car_that_is_stuck_counts_once():
    drive = driven()
    stuck = int(np.flatnonzero(drive.place == STRAIGHT + 3 + len(oval()) // 2 - 5)[0])
    rows = np.r_[0:stuck, np.full(500, stuck), stuck : len(drive.place)]
    held = drive.states[rows].copy()
    held[stuck : stuck + 500, 0] = 0.0
    parts = {"z": drive.z[rows], "h": drive.h[rows], "actions": drive.actions[rows], "states": held}
    found = approach([replace(drive, place=drive.place[rows], **parts)])
    slowest = min(found["speed"][:12])
    assert slowest > 30, "one of two passages stood still, the other did not"
