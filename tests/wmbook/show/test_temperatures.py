"""The temperature table and figure, on made-up scores: rows in order, the paper's beside ours, baselines last."""

import matplotlib.pyplot as plt

from wmbook.records.published import DOOM
from wmbook.show.temperatures import arms, passes, passes_figure, temperature_figure, temperature_table


def entry(mean: float, **more) -> dict:
    return {"mean": mean, "std": 10.0, "n": 100, "ci95": [mean - 2, mean + 2], **more}


SCORES = {
    "dream-tau-1.15": entry(500, dream=entry(800)),
    "dream-tau-0.10": entry(300, dream=entry(2000)),
    "random": entry(334),
    "stay": entry(150),
}


def test_rows_go_from_cold_to_hot_and_end_with_those_who_learn_nothing():
    assert list(arms(SCORES)) == [0.1, 1.15]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in temperature_table(SCORES).splitlines()[2:]]
    assert [row[0] for row in rows] == ["0.10", "1.15", "random buttons", "standing still"]
    assert rows[0] == ["0.10", "2000 ± 10", "300 ± 10", "298 to 302", "100", "2086 ± 140", "193 ± 58"]
    assert rows[2][1:3] == ["", "334 ± 10"] and rows[3][-1] == ""


def test_the_figure_shows_both_worlds_and_the_papers_marks():
    figure = temperature_figure(SCORES)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.10", "1.15"]
    marks = [line.get_ydata().tolist() for line in axes.lines if line.get_label().endswith("the paper")]
    assert marks == [[DOOM[tau][place]["mean"] for tau in (0.1, 1.15)] for place in ("dream", "game")]
    plt.close(figure)


def test_passes_are_told_apart_and_each_ends_with_its_last_validation(tmp_path):
    header = "arm,iteration,generation,population_mean,validation_mean,validation_n"
    rows = ["x,1,1,900,,", "x,1,2,1300,170,32", "x,2,1,800,300,32", "x,2,2,1800,880,32", "y,1,1,5,6,7"]
    (tmp_path / "learning_curves.csv").write_text("\n".join([header, *rows]) + "\n")
    found = passes(tmp_path, "x")
    assert {number: (entry["dream"], entry["game"]) for number, entry in found.items()} == {
        1: (1300, 170),
        2: (1800, 880),
    }
    figure = passes_figure(tmp_path, "x")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["pass 1", "pass 2"]
    assert figure.axes[1].lines[1].get_ydata().tolist() == [300, 880]
    plt.close(figure)
