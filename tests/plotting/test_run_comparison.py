"""Figures of runs compared: a dot a run, a panel a figure, a number a pair."""

import numpy as np
import pandas as pd

from psmatch_core.plotting import rank_heatmap, runs_panels, runs_scatter


def text_of(fig):
    return str(fig.layout.title.text)


def test_every_run_is_a_dot_and_what_is_missing_is_counted():
    table = pd.DataFrame({"name": list("abcd"), "x": [1.0, 2, 3, np.nan], "y": [3.0, 2, 1, 0], "seed": [0, 1, 0, 1]})
    fig = runs_scatter(table, "x", "y", titles=("X", "Y"), finding="they fall", color="seed", highlight=[1])
    assert [trace.name for trace in fig.data] == ["seed 0", "seed 1", "this run"]
    assert sum(len(trace.x) for trace in fig.data[:2]) == 3
    assert "not shown: 1 run without both figures" in text_of(fig)
    assert list(fig.data[2].x) == [2.0]


def test_many_values_of_an_option_are_not_told_apart_by_colour():
    table = pd.DataFrame({"name": [str(k) for k in range(9)], "x": np.arange(9.0), "y": np.arange(9.0)})
    fig = runs_scatter(table.assign(e=np.arange(9)), "x", "y", titles=("X", "Y"), finding="", color="e")
    assert len(fig.data) == 1


def test_one_panel_per_figure_with_the_same_vertical_axis():
    table = pd.DataFrame({"name": list("abc"), "truth": [1.0, 2, 3], **{f"f{k}": [3.0, 1, k] for k in range(4)}})
    names = [f"f{k}" for k in range(4)]
    titles = {**{name: f"<b>{name}" for name in names}, "truth": "FOSCTTM"}
    fig = runs_panels(table, names, "truth", titles=titles, finding="told")
    assert [list(trace.y) for trace in fig.data] == [[1, 2, 3]] * 4
    assert [note.text for note in fig.layout.annotations] == [f"&lt;b&gt;f{k}" for k in range(4)]


def test_a_number_a_pair_and_nothing_where_there_is_none():
    matrix = pd.DataFrame([[1, np.nan], [np.nan, 1]], index=["x", "y"], columns=["x", "y"])
    fig = rank_heatmap(matrix, titles={"x": "X", "y": "Y"}, finding="told")
    assert [list(row) for row in fig.data[0].text] == [["+1.0", ""], ["", "+1.0"]]
