"""Rank correlations: known answers, and silence where there is nothing to rank."""

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.randomness import stream
from psmatch_core.cli.sweep import sweep_text
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.sweeps.points import Axis, Sweep
from psmatch_core.workspace.sweeps.table import (
    describe_relation,
    rank_correlation,
    rank_matrix,
    sweep_table,
    varying_figures,
)


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


def test_in_words_says_what_it_means_and_over_how_many_runs():
    x = np.arange(12.0)
    wobble = x + np.tile([1.5, -1.5], 6)
    assert describe_relation("raw_loss", "foscttm", rank_correlation(x, wobble)).startswith(
        "Lower raw loss goes with lower FOSCTTM, inflated, which is better: rank correlation +0.9"
    )
    assert "over 12 runs, 95% interval" in describe_relation("raw_loss", "foscttm", rank_correlation(x, wobble))
    assert "goes with higher FOSCTTM, inflated, which is worse" in describe_relation(
        "loss", "foscttm", rank_correlation(x, -wobble)
    )
    text = describe_relation("stability", "trace_fold", rank_correlation(x, wobble))
    assert text.startswith(
        "Higher agreement of halves of the cells goes with higher weight on the true partner, inflated, which is better"
    )
    assert "Effective matches and FOSCTTM, inflated rise and fall together" in describe_relation(
        "n_effective", "foscttm", rank_correlation(x, wobble)
    )
    noise = stream(3, "test").normal(size=12)
    assert "show no clear relation" in describe_relation("loss", "foscttm", rank_correlation(x, noise))
    assert "over 3 runs, too few to rely on" in describe_relation("loss", "foscttm", rank_correlation(x[:3], x[:3]))
    assert "too few different values" in describe_relation("loss", "foscttm", rank_correlation([1, 1, 1], [1, 2, 3]))


def test_all_against_all_is_symmetric_and_holds_what_moves():
    draw = stream(2, "test")
    table = pd.DataFrame({"loss": draw.normal(size=9), "cost": draw.normal(size=9), "stability": np.ones(9)})
    assert varying_figures(table) == ["loss", "cost"]
    matrix = rank_matrix(table, varying_figures(table))
    assert np.allclose(matrix, matrix.T)
    assert np.allclose(np.diag(matrix), 1)
    assert matrix.loc["loss", "cost"] == rank_correlation(table["loss"], table["cost"]).rho


def test_the_same_option_of_both_modalities_has_a_column_for_each(tmp_path):
    names = ("source_preprocessing.n_top_genes", "target_preprocessing.n_top_genes")
    sweep = Sweep((Axis(names[0], (100, 200)), Axis(names[1], (50,))))
    job = SweepJob.create_at(tmp_path / "sweep", Recipe(), sweep, base_id="20260101-000000-0123456789ab")
    table = sweep_table(job)
    assert table.columns.is_unique
    assert [table[name].tolist() for name in names] == [[100, 200], [50, 50]]
    assert table["name"].tolist() == [f"{names[0]} {n}, {names[1]} 50" for n in (100, 200)]
    assert sweep_text(job).splitlines()[0].split() == ["run", "state", *names]
