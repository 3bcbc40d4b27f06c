"""Histograms of values per cell: every cell is in one bar, and whole numbers are not cut."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.plotting import missing_features, value_histogram


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.one_of(st.integers(0, 20), st.integers(0, 10**6), st.floats(0, 1e5)), min_size=1, max_size=80),
    is_log=st.booleans(),
)
def test_every_cell_is_in_one_bar(values, is_log):
    fig = value_histogram(np.array(values, dtype=float), title="t", axis="counts", is_log=is_log)
    (bars,) = fig.data
    assert sum(bars.y) == len(values)
    assert len(bars.y) <= 82
    assert (np.asarray(bars.width) > 0).all()


def test_negative_values_have_a_linear_axis_and_an_empty_figure_has_no_bars():
    fig = value_histogram(np.linspace(-2, 3, 50), title="t", axis="score", is_log=False)
    assert sum(fig.data[0].y) == 50
    assert fig.layout.xaxis.title.text == "score"
    assert not value_histogram(np.array([]), title="nothing", axis="x", is_log=True).data


def test_few_whole_numbers_have_a_bar_each():
    fig = value_histogram(np.array([0.0, 0, 1, 3]), title="t", axis="counts", is_log=True)
    assert list(fig.data[0].y) == [2, 1, 0, 1]
    assert fig.data[0].hovertext[0] == "0: 2 cells"
    assert fig.layout.xaxis.ticktext[0] == "0"


@pytest.mark.parametrize("n", [3, 90])
def test_features_are_ordered_by_what_they_lack(n):
    shares = np.linspace(0.01, 0.5, n)
    fig = missing_features([f"f{at} <b>" for at in range(n)], shares, title="t")
    assert fig.data[0].x[0] == pytest.approx(50)
    assert all(np.diff(fig.data[0].x) <= 0)
    assert "<b>" not in fig.data[0].hovertext[0]
    assert (n <= 60) == ("largest" not in fig.layout.title.text)
