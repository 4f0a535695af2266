"""What chapter 12 shows of learning in dreams, from records of trials and of a run."""

import pytest

from wmbook.records.records import Records, read_table
from wmbook.show import dreaming
from wmbook.show.dreaming import maturity_table, rounds


@pytest.fixture
def records(tmp_path):
    """Of a run of two rounds, whose second was validated twice."""
    found = Records(tmp_path)
    stages = {"collect": {"env_steps": 100}, "collect-2": {"env_steps": 20}, "controller-dream-cma": {"env_steps": 0}}
    found.__dict__["runs"] = {f"dream-cma/seed{seed}": {"stages": stages} for seed in (0, 1)}
    row = {"arm": "dream-cma", "train_seed": "0", "validation_n": "16"}
    found.__dict__["learning_curves"] = [
        row | {"iteration": "1", "generation": "8", "population_mean": "7", "validation_mean": "5"},
        row | {"iteration": "2", "generation": "9", "population_mean": "8", "validation_mean": "6"},
        row | {"iteration": "2", "generation": "16", "population_mean": "9", "validation_mean": "4"},
        row | {"iteration": "2", "generation": "17", "population_mean": "11", "validation_mean": ""},
        row | {"arm": "dream-ac", "iteration": "1", "generation": "1", "population_mean": "1", "validation_mean": "1"},
    ]
    entry = {"mean": 812.3, "std": 20.4, "n": 100, "ci95": [801.0, 824.0], "median": 820.0, "share_solved": 0.1}
    other = entry | {"mean": 700.1, "share_solved": 0.0}
    found.__dict__["scores"] = {"dream-cma": entry | {"train_seeds": {"0": entry, "1": other}}}
    return found


def test_a_round_is_its_last_validation_after_all_steps_so_far(records):
    assert rounds("dream-cma", 0, records) == [
        {"steps": 100, "dream": 7.0, "world": 5.0, "n": 16},
        {"steps": 120, "dream": 9.0, "world": 4.0, "n": 16},
    ]


def test_the_table_has_a_row_for_every_run_and_counts_real_steps_only(records):
    table = dreaming.arms_table(records)
    assert "| in dreams, CMA-ES | 0 | 812 ± 20 | 801 to 824 | 820 | 10 % | 100 | 120 |" in table
    assert "| in dreams, CMA-ES | 1 | 700 ± 20 |" in table


def test_each_dream_of_the_figure_is_beside_the_world_it_is_compared_with():
    figure = dreaming.gas_figure()
    assert len(figure.axes) == 2
    answers = read_table(dreaming.find_root() / "book/results/dreams/answers.csv")
    for axes, m in zip(figure.axes, dreaming.MINDS, strict=True):
        world, dream = (list(line.get_ydata()) for line in axes.lines)
        rows = [row for row in answers if row["m"] == m]
        assert world == [float(row["losses_a_thousand_steps"]) for row in rows]
        assert dream == [float(row["dreamt_ends_a_thousand_steps"]) for row in rows]


def test_losses_in_dreams_stand_beside_those_of_the_same_drivers_in_the_world():
    left, right = dreaming.roads_figure().axes
    table = read_table(dreaming.find_root() / "book/results/dreams/roads.csv")
    world = {row["driver"]: float(row["real_losses_per_1000"]) for row in table}
    *dreamt, level = left.lines
    assert level.get_ydata()[0] == pytest.approx(sum(world.values()) / len(world))
    for line, noise in zip(dreamt, ("0.05", "0.02", "0.01"), strict=True):
        last = [row for row in table if (row["m_noise"], row["tau"], row["to_step"]) == (noise, "1.0", "160")]
        assert line.get_xdata()[-1] == 140 and len(last) == len(world)
        assert line.get_ydata()[-1] == pytest.approx(sum(float(row[dreaming.DREAMT]) for row in last) / len(last))
    assert [len(line.get_xdata()) for line in right.lines] == [5, 5]


def test_speeds_are_the_same_drivers_in_the_world_and_in_the_dream():
    table = read_table(dreaming.find_root() / "book/results/dreams/speeds.csv")
    for axes, name in zip(dreaming.speed_figure().axes, dreaming.SPEEDS, strict=True):
        for line, judge in zip(axes.lines, ("world", "M"), strict=True):
            rows = [row for row in table if row["judge"] == judge and row["tau"] in ("", "1.0")]
            assert list(line.get_ydata()) == [float(row[name]) for row in rows]
            assert list(line.get_xdata()) == [float(row["gas"]) for row in rows]


def test_every_m_has_its_rows():
    table = read_table(dreaming.find_root() / "book/results/dreams/maturity.csv")
    long = [row for row in table if row["steps"] == "700"]
    assert maturity_table().count("\n") == len(long) + 1 and len(long) > 5


def test_searches_by_whose_h_c_sees_differ_in_nothing_else():
    table = read_table(dreaming.find_root() / "book/results/dreams/eyes.csv")
    shown = [row for row in table if row["trial"] in dreaming.EYES]
    same = (
        "real_steps",
        "m_updates",
        "v",
        "tau",
        "end_counts",
        "offset",
        "dream_steps",
        "dreams",
        "beginnings",
        "halves",
    )
    assert len({tuple(row[name] for name in same) for row in shown}) == 1
    assert len({row["eyes"] for row in shown}) == len(dreaming.EYES)
    for axes in dreaming.eyes_figure().axes:
        assert [list(line.get_xdata()) for line in axes.lines] == [[8, 12, 16, 20]] * 6


def test_every_dream_of_whole_episodes_stands_beside_its_world():
    table = read_table(dreaming.find_root() / "book/results/dreams/whole.csv")
    last = next(row for row in table if (row["m"], row["tau"], row["generation"]) == ("ten rounds' data", "1.0", "60"))
    row = next(line for line in dreaming.whole_table().splitlines() if line.startswith("| ten rounds' data | 1.0 |"))
    assert row.endswith(f"| {last['dream_mean']} ± {last['dream_std']} | {last['world_mean']} ± {last['world_std']} |")
