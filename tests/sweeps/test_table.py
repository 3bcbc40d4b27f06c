"""Rank correlations: known answers, and silence where there is nothing to rank."""

import numpy as np
import pandas as pd
import pytest

from psmatch_core.randomness import stream
from psmatch_core.sweeps import rank_correlation


def test_any_rising_curve_ranks_perfectly():
    x = np.linspace(0, 3, 9)
    assert rank_correlation(x, np.exp(x)).rho == pytest.approx(1)
    assert rank_correlation(x, -(x**3)).rho == pytest.approx(-1)


def test_it_is_spearmans_with_ties():
    draw = stream(0, "test")
    x, y = draw.integers(0, 6, 40), draw.integers(0, 6, 40)
    expected = pd.DataFrame({"x": x, "y": y}).corr(method="spearman").loc["x", "y"]
    found = rank_correlation(x, y)
    assert found.rho == pytest.approx(expected)
    assert found.low < found.rho < found.high
    assert found.n == 40


def test_the_interval_narrows_with_runs_and_is_silent_with_few():
    draw = stream(1, "test")
    x = draw.normal(size=200)
    y = x + draw.normal(size=200)
    wide, narrow = rank_correlation(x[:10], y[:10]), rank_correlation(x, y)
    assert wide.high - wide.low > narrow.high - narrow.low
    assert np.isnan(rank_correlation(x[:4], y[:4]).low)


def test_a_figure_that_does_not_move_has_no_rank_correlation():
    assert np.isnan(rank_correlation([1, 1, 1, 1], [1, 2, 3, 4]).rho)
    assert np.isnan(rank_correlation([1, 2], [1, 2]).rho)
    assert rank_correlation([1, 2, 3, np.nan], [1, 2, 3, 4]).n == 3
