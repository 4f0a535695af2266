"""Figures, tables and the small tools of the notebooks: what they show is what the records hold."""

import itertools
import os

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from wmbook.press.source import show_source, source_of
from wmbook.records.published import COUNTERPART, SCORES
from wmbook.records.records import Records
from wmbook.show import diagrams, figures
from wmbook.show.tables import arms_table, markdown_table
from wmlib.runs import quiet


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def curve() -> dict[str, np.ndarray]:
    nan = np.nan
    return {
        "generation": np.array([1.0, 2.0, 3.0]),
        "env_steps": np.array([10.0, 20.0, 30.0]),
        "population_mean": np.array([-50.0, 100.0, 300.0]),
        "population_min": np.array([-90.0, 0.0, 100.0]),
        "population_max": np.array([0.0, 400.0, 700.0]),
        "validation_mean": np.array([nan, 350.0, 600.0]),
        "validation_std": np.array([nan, 10.0, 20.0]),
        "validation_n": np.array([nan, 4.0, 4.0]),
    }


def test_arms_differ_in_colour_and_without_it():
    for (name, one), (second, other) in itertools.combinations(figures.ARMS.items(), 2):
        assert one.colour != other.colour or second == f"{name}-quick"
        assert one.line != other.line and one.marker != other.marker and one.hatch != other.hatch


def test_learning_curve_shows_the_validated_generations_only():
    _, axes = figures.new_figure()
    figures.learning_curve(axes, "vae-zh", curve(), x="env_steps", scale=10)
    validated = axes.containers[0].lines[0]
    assert list(validated.get_xdata()) == [2.0, 3.0]
    assert list(validated.get_ydata()) == [350.0, 600.0]


def test_histogram_counts_every_episode():
    _, axes = figures.new_figure()
    returns = np.array([-88.0, 0.0, 512.0, 899.9, 930.0])
    figures.score_histogram(axes, {"vae-zh": returns})
    assert sum(axes.patches[0].get_data().values) == pytest.approx(100)


def test_intervals_sit_at_the_scores():
    _, axes = figures.new_figure()
    figures.score_intervals(
        axes, {"vae-zh": {"mean": 880.0, "std": 30.0, "ci95": [874.0, 886.0]}, "A3C": SCORES["V only: z"]}
    )
    drawn = [tuple(line.get_xdata()) for line in axes.lines]
    assert (850.0, 910.0) in drawn and (874.0, 886.0) in drawn and (632 - 251, 632 + 251) in drawn
    assert [label.get_text() for label in axes.get_yticklabels()] == ["VAE, z and h", "A3C"]


def test_strip_has_a_picture_per_frame():
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    figures.frame_strip({"frame": frames, "dream": frames[:2]}, ["0", "1", "2"])
    assert sum(len(axes.images) for axes in plt.gcf().axes) == 5


def test_diagrams_are_drawn_the_same_twice(tmp_path):
    first = [file.read_bytes() for file in diagrams.write(tmp_path / "a")]
    second = [file.read_bytes() for file in diagrams.write(tmp_path / "b")]
    assert first == second and len(first) == len(diagrams.DIAGRAMS)


def test_source_is_the_librarys_own_text():
    text = source_of(markdown_table)
    assert text.startswith("def markdown_table(") and '"""' in text
    bare = source_of(markdown_table, docstring=False)
    assert '"""' not in bare and "return" in bare
    compile(bare, "bare", "exec")
    assert show_source(markdown_table).data == f"```python\n{text}\n```"


def test_quiet_drops_what_goes_around_python(capfd):
    with quiet():
        os.write(2, b"from C")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_quiet_lets_exceptions_through():
    with pytest.raises(ZeroDivisionError), quiet():
        1 / 0  # noqa: B018


def test_records_of_an_empty_folder_are_empty(tmp_path):
    records = Records(tmp_path)
    assert records.scores == {} and records.runs == {} and records.evaluations == []
    assert records.curve("vae-zh") == {} and len(records.returns("vae-zh")) == 0
    assert records.training("vae-zh", "vision") == {}


def test_records_are_parsed(tmp_path):
    (tmp_path / "summary.json").write_text('{"arms": {"vae-zh": {"mean": 1, "headline_seed": 2}}}')
    (tmp_path / "evaluations.csv").write_text(
        "task,arm,train_seed,renderer,track_seed,return,steps,lap_finished\n"
        "CarRacing-v3,vae-zh,2,gymnasium,8,20.5,1000,0\n"
        "CarRacing-v3,vae-zh,2,gymnasium,7,10.5,900,1\n"
        "CarRacing-v3,vae-zh,2,wmlib,7,11.5,900,1\n"
        "CarRacing-v3,vae-zh,1,gymnasium,7,-5,900,1\n"
    )
    (tmp_path / "learning_curves.csv").write_text(
        "arm,train_seed,generation,validation_mean\nvae-zh,1,1,\nvae-zh,2,1,\nvae-zh,2,2,3.5\n"
    )
    records = Records(tmp_path)
    assert list(records.returns("vae-zh")) == [10.5, 20.5]
    assert list(records.returns("vae-zh", "wmlib")) == [11.5]
    assert list(records.returns("vae-zh", train_seed=1)) == [-5.0]
    found = records.curve("vae-zh")
    assert list(found["generation"]) == [1, 2]
    assert np.isnan(found["validation_mean"][0]) and found["validation_mean"][1] == 3.5


def test_training_curves_are_those_of_the_last_iteration(tmp_path):
    (tmp_path / "training").mkdir()
    (tmp_path / "summary.json").write_text('{"arms": {"vae-zh": {"headline_seed": 2}}}')
    (tmp_path / "runs.json").write_text(
        '{"vae-zh/seed2": {"stages": {"collect": {}, "vision-vae": {}, "memory-vae": {}, "vision-vae-2": {}}}}'
    )
    (tmp_path / "training" / "vision-vae-2-seed2.csv").write_text("step,loss\n49,20.5\n99,18\n")
    found = Records(tmp_path).training("vae-zh", "vision")
    assert list(found["step"]) == [49, 99] and list(found["loss"]) == [20.5, 18]


def test_table_of_arms_puts_the_papers_row_beside_ours():
    score = {"mean": 890.4, "std": 30.0, "n": 100, "ci95": [884.0, 896.0], "share_solved": 0.5}
    score |= {"headline_seed": 0, "train_seeds": {"0": {"mean": 890.4}}}
    text = arms_table({"random": score | {"mean": -30.0}, "vae-zh": score}, {})
    first, second = text.splitlines()[2:]
    assert "890 ± 30" in first and "906 ± 21" in first and "884 to 896" in first and "50 %" in first
    assert "random driver" in second and "±" not in second.split("|")[-2]
    assert set(COUNTERPART.values()) <= set(SCORES)
