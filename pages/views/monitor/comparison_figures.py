"""Figures of compared runs, one dot per run: any two metrics, all against the truth, and all against each other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import charts
from pages.shell.tabs import tabs
from pages.shell.text import count
from psmatch_core.monitor.run_figures import FIGURES
from psmatch_core.workspace.sweeps.table import describe_relation, rank_correlation, rank_matrix, varying_figures

if TYPE_CHECKING:
    import pandas as pd


def comparison_figures(table: pd.DataFrame, axes: list[str], *, key: str, highlight: list[int] | None = None) -> bool:
    """Three tabs of figures; returns whether there are enough runs for them.

    Parameters
    ----------
    table
        One row per run.
    axes
        Columns by which dots can be coloured.
    highlight
        Rows of the runs to highlight.
    """
    names = [name for name in FIGURES if name in table and table[name].notna().sum() >= 2]
    if len(names) < 2:
        return False
    truths = [name for name in names if FIGURES[name].needs_pairs]
    views = {
        "Two metrics": partial(_scatter, table, names, axes, key=key, highlight=highlight),
        "Against the truth": partial(_against_truth, table, truths, key=key),
        "All against all": partial(_all_against_all, table, key=key),
    }
    tabs(views, key=f"compared.tabs.{key}")
    return True


def _scatter(
    table: pd.DataFrame, names: list[str], axes: list[str], *, key: str, highlight: list[int] | None = None
) -> None:
    """Any metric against any other, and their rank correlation."""
    from psmatch_core.plotting import runs_scatter

    left, middle, right = st.columns(3)
    # A sweep over the matcher alone does not change the loss: start with a metric that varies.
    varying = [names.index(each) for each in varying_figures(table) if each in names]
    x = left.selectbox("Horizontal", names, index=varying[0] if varying else 0, format_func=_title, key=f"x.{key}")
    default = next((names.index(name) for name in ("held_out_foscttm", "foscttm") if name in names), 1)
    y = middle.selectbox("Vertical", names, index=default, format_func=_title, key=f"y.{key}")
    color = right.selectbox("Colour by", axes, key=f"color.{key}", disabled=not axes)
    finding = describe_relation(x, y, rank_correlation(table[x], table[y]))
    titles = (_axis(x), _axis(y))
    figure = runs_scatter(table, x, y, titles=titles, finding=finding, color=color, highlight=highlight or [])
    charts.show(figure, key=f"runs.{key}.{x}.{y}", alt=f"{_title(x)} against {_title(y)}, one dot per run")


def _against_truth(table: pd.DataFrame, truths: list[str], *, key: str) -> None:
    """Each metric that needs no true pairs against a measure of the truth: which of them would have predicted it?"""
    from psmatch_core.plotting import runs_panels

    if not truths:
        st.info(
            "No true pairs are known for these data, so only metrics that do not need them can be compared.",
            icon=":material/arrow_forward:",
        )
        return
    truth = st.selectbox("Measure of the truth", truths, format_func=_title, key=f"truth.{key}")
    observed = [
        name for name in varying_figures(table) if not FIGURES[name].needs_pairs and not name.startswith("entropy")
    ]
    found = {name: rank_correlation(table[name], table[truth]) for name in observed}
    known = sorted((name for name in observed if found[name].rho == found[name].rho), key=lambda n: -abs(found[n].rho))
    if not known:
        st.info(
            f"{_title(truth)} is the same in all runs, so no metric can predict it.", icon=":material/arrow_forward:"
        )
        return
    titles = {name: f"{_title(name)} {found[name].rho:+.2f}" for name in known} | {truth: _axis(truth)}
    charts.show(
        runs_panels(table, known, truth, titles=titles, finding=describe_relation(known[0], truth, found[known[0]])),
        key=f"truth.{key}.{truth}",
        alt=f"Each metric that needs no true pairs against {_title(truth)}, one dot per run",
    )
    st.caption(
        "Numbers: rank correlation over the runs, strongest first. Small values of FOSCTTM and rank are good, large "
        "values of the weight on the true partner. Runs of a grid are not independent: interpret few runs with caution."
    )


def _all_against_all(table: pd.DataFrame, *, key: str) -> None:
    from psmatch_core.plotting import rank_heatmap

    names = [name for name in varying_figures(table) if table[name].notna().sum() >= 2]
    if len(names) < 2:
        st.info("Fewer than two metrics differ between these runs.", icon=":material/arrow_forward:")
        return
    charts.show(
        rank_heatmap(
            rank_matrix(table, names),
            titles={name: _title(name) for name in names},
            finding=f"Rank correlations of {count(len(names), 'metric')} over {count(len(table), 'run')}",
        ),
        key=f"matrix.{key}",
        alt="Rank correlation of each metric with each other over the runs",
    )


def _title(name: str) -> str:
    return FIGURES[name].title()


def _axis(name: str) -> str:
    return FIGURES[name].axis()
