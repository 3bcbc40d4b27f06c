"""The metrics of a coupling over all cells and labels, compared with those of a uniform plan, with intervals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, charts
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import count, decimals_of, number
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.workspace.evaluations import ShownEvaluation, evaluation_files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.evaluation.evaluate import EvaluationSummary
    from psmatch_core.evaluation.intervals import Interval

METRICS = {
    "foscttm": (
        "FOSCTTM",
        "Fraction of the label's cells that are closer than the true partner: 0 is perfect, 0.5 is chance.",
    ),
    "trace_fold": (
        "Weight on the true partner",
        "Weight of a cell on its true partner, relative to a uniform plan (×): 1 is chance, more is better.",
    ),
    "rank": (
        "Rank of the true partner",
        "Fraction of the label's cells with more weight than the true partner: 0 is perfect, 0.5 is chance.",
    ),
    "trace": ("Weight, absolute", "Weight of a cell on its true partner, 0 to 1."),
}

SHOWN = ("foscttm", "trace_fold", "rank")

Intervals = tuple["pd.DataFrame", dict[str, dict[str, "Interval"]]]  # by label, and over cells and labels


def metric_intervals(folder: RunFolder, *, is_held_out: bool) -> Intervals | None:
    """Bootstrap intervals of the metrics, by label and over all; None if nothing was evaluated."""
    times = evaluation_files(is_held_out=is_held_out)[1].times(folder)
    return _intervals(str(folder.path), folder.recipe.seed, times, is_held_out=is_held_out)


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Resampling cells for the intervals…")
def _intervals(path: str, seed: int, times: tuple[int, ...], *, is_held_out: bool) -> Intervals | None:
    from psmatch_core.evaluation.intervals import bootstrap_intervals as make

    cells = evaluation_files(is_held_out=is_held_out)[1].read(RunFolder(Path(path)))
    return make(cells, seed=seed) if cells is not None and len(cells) else None


def summary_section(shown: ShownEvaluation, over_all: dict[str, dict[str, Interval]] | None) -> None:
    """A row of metrics, and a table of their means over cells and over labels."""
    found = shown.summary
    if shown.is_held_out:
        st.caption(
            f"{count(found.n_pairs, 'held-out pair')}: no classifier saw them, and the two modalities were trained on "
            "different cells. Means over cells, compared with a uniform plan in each label:"
        )
    else:
        st.warning(
            f"**These figures are {INFLATED}.** → Match again to judge held-out pairs; if that is not possible, the "
            "notes of the run say why.",
            icon=":material/warning:",
        )
        st.caption(
            f"{count(found.n_pairs, 'true pair')}. Means over cells, compared with a uniform plan in each label:"
        )
    figures = [
        (
            METRICS[metric][0] + ("" if shown.is_held_out else ", inflated"),
            _value(found, metric, over_all["micro"][metric] if over_all else None),
            _comparison(found, over_all, metric),
            METRICS[metric][1],
        )
        for metric in SHOWN
    ]
    charts.metrics(figures, gap="small")
    inflated = shown.inflated
    if shown.is_held_out:
        values = ", ".join(f"{METRICS[name][0]} {_value(inflated, name)}" for name in SHOWN)
        st.caption(f"All {count(inflated.n_pairs, 'pair')}, {INFLATED}: {values}.")
    rows = [
        {
            "metric": METRICS[metric][0],
            "micro": found.micro[metric],
            "micro, 95%": _range(over_all["micro"][metric]) if over_all else "",
            "uniform, micro": found.uniform_micro[metric],
            "macro": found.macro[metric],
            "macro, 95%": _range(over_all["macro"][metric]) if over_all else "",
            "uniform, macro": found.uniform_macro[metric],
            "inflated, micro": inflated.micro[metric],
            "meaning": METRICS[metric][1],
        }
        for metric in METRICS
    ]
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(name, format="%.3f")
        for name in ("micro", "uniform, micro", "macro", "uniform, macro", "inflated, micro")
    }
    with st.expander("Means over cells (micro) and over labels (macro)"):
        st.dataframe(
            rows,
            hide_index=True,
            column_config={**config, "meaning": st.column_config.TextColumn(width="large")},
            placeholder=EMPTY_FIGURE,
        )


def _value(found: EvaluationSummary, metric: str, interval: Interval | None = None) -> str:
    value, unit = found.micro[metric], " ×" if metric == "trace_fold" else ""
    if interval is None or not math.isfinite(value):
        return number(value) + unit
    return f"{value:.{decimals_of(interval.low, interval.high)}f}{unit}"


def _comparison(found: EvaluationSummary, over_all: dict[str, dict[str, Interval]] | None, metric: str) -> str:
    uniform = f"uniform {number(found.uniform_micro[metric], 2)}"
    return f"{_range(over_all['micro'][metric])}, {uniform}" if over_all else uniform


def _range(each: Interval) -> str:
    if not (math.isfinite(each.low) and math.isfinite(each.high)):
        return "–"
    decimals = decimals_of(each.low, each.high)
    return f"{each.low:.{decimals}f} to {each.high:.{decimals}f}"
