"""One metric of each label, compared with a uniform plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts
from pages.shell.places import in_own_place
from pages.shell.tables import label_table
from pages.shell.verdicts import with_verdicts
from pages.views.evaluate.summary import METRICS
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


@in_own_place
def by_label_section(folder: RunFolder, table: pd.DataFrame | None, intervals: pd.DataFrame | None) -> None:
    """A figure and a table of the metrics by label; ``intervals`` has the 95% intervals of each label."""
    from psmatch_core.plotting import metric_bars

    if table is None or not len(table):
        return
    if intervals is not None:
        ends = [name for name in intervals if name == "label" or name.endswith(("_low", "_high"))]
        table = table.merge(intervals[ends], on="label", how="left")
    st.subheader("By label")
    metric = st.selectbox("Metric", list(METRICS), format_func=lambda each: METRICS[each][0], key=f"metric.{folder.id}")
    charts.show(
        metric_bars(table, metric or "foscttm"),
        key=f"bars.{folder.id}.{metric}",
        alt="The metric of each label, with that of a uniform plan",
    )
    with st.expander("Show as a table"):
        config: dict[str, Any] = {
            name: st.column_config.NumberColumn(_heading(name), format=_digits(name))
            for name in table.columns
            if name != "label"
        }
        for name, title in (("n_pairs", "True pairs"), ("n_candidates", "Candidates")):
            config[name] = st.column_config.NumberColumn(title, format="localized")
        larger_is_better = (metric or "foscttm").startswith("trace")
        table, verdicts = with_verdicts(folder, table.sort_values(metric or "foscttm", ascending=not larger_is_better))
        label_table(table, {**verdicts, **config}, key=f"labels.{folder.id}")


def _digits(name: str) -> str:
    """Format of a metric of one label, whose interval is seldom narrower than 0.05."""
    if name.startswith("trace_fold"):
        return "%.1f"
    return "%.2g" if name.startswith("trace") else "%.2f"


def _heading(name: str) -> str:
    for end, words in (("_uniform", ", uniform"), ("_low", ", 95% from"), ("_high", ", 95% to")):
        if name.endswith(end):
            return _heading(name.removesuffix(end)) + words
    return METRICS.get(name, (name.replace("_", " "), ""))[0]
