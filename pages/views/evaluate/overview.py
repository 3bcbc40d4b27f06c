"""The metrics of a coupling beside those of a uniform plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, cell_values, charts
from pages.shell.navigation import path_of
from pages.shell.tables import label_table
from pages.shell.text import count, number, plain
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.evaluation.intervals import Interval

METRICS = {
    "foscttm": (
        "FOSCTTM",
        "Share of the label's cells that lie closer than the true partner: 0.5 is chance, 0 perfect.",
    ),
    "trace_fold": (
        "Weight on the true partner",
        "Weight that a cell puts on its true partner, × that of a uniform plan. 1 is chance, more is better.",
    ),
    "rank": (
        "Rank of the true partner",
        "Share of the label's cells with more weight than the true partner; 0.5 is chance.",
    ),
    "trace": ("Weight, absolute", "Weight that a cell puts on its true partner, 0 to 1."),
}
TOP_FEATURES = 25


def evaluate_view(folder: RunFolder) -> None:
    """Everything about how a coupling does where the truth is known."""
    found = cache.facts(folder, "evaluation")
    if found is None:
        _nothing_known(folder)
        return
    if not found["n_pairs"]:
        st.info(
            "**True pairs are known, but every label has too few of them to judge.** → Choose a coarser label column "
            "on Data, so that more of them share a label, then match again. The labels are listed below.",
            icon=":material/arrow_forward:",
        )
        st.page_link(path_of("data"), label="Go to Data", icon=":material/folder_open:")
    else:
        sure = cell_values.intervals(folder)
        _summary(found, sure[1] if sure else None)
        _per_label(folder, sure[0] if sure else None)
        _confident(folder, found)
        _features(folder, found)
    _skipped(found["skipped"])


def _nothing_known(folder: RunFolder) -> None:
    if folder.status().is_active and not cache.facts(folder, "distributions"):
        st.info("The result is still being judged.", icon=":material/hourglass_top:")
        return
    st.info(
        "No true pair is known: the two files share no cell names, and no pair column was chosen. "
        "Cells measured in both assays, even a few, can be used to judge: name their column under “Known pairs” "
        "on the Data page, then match again.",
        icon=":material/arrow_forward:",
    )
    st.page_link(path_of("data"), label="Go to Data", icon=":material/folder_open:")
    st.caption(
        "Without known pairs, read the distances below, the left-out perturbation on Translate, the held-out losses on "
        "Propensity and the effective matches on Match."
    )


def _summary(found: dict[str, Any], sure: dict[str, dict[str, Interval]] | None) -> None:
    st.caption(f"{count(found['n_pairs'], 'true pair')}. Over cells (micro) beside a uniform plan within each label:")
    shown = [
        (
            METRICS[metric][0],
            number(found["micro"][metric]) + (" ×" if metric == "trace_fold" else ""),
            _beside(found, sure, metric),
            METRICS[metric][1],
        )
        for metric in ("foscttm", "trace_fold", "rank")
    ]
    explained = "Target features projected onto source cells, against those measured in the true partner, all pooled."
    r2 = ("Variance explained (R²)", number(found["pooled_r2"]), f"uniform {number(found['uniform_r2'])}", explained)
    charts.metrics([*shown, r2], gap="small")
    rows = [
        {
            "metric": METRICS[metric][0],
            "micro": found["micro"][metric],
            "micro, 95%": _range(sure["micro"][metric]) if sure else "",
            "uniform, micro": found["uniform_micro"][metric],
            "macro": found["macro"][metric],
            "macro, 95%": _range(sure["macro"][metric]) if sure else "",
            "uniform, macro": found["uniform_macro"][metric],
            "meaning": METRICS[metric][1],
        }
        for metric in METRICS
    ]
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(name, format="%.3f")
        for name in ("micro", "uniform, micro", "macro", "uniform, macro")
    }
    with st.expander("Over cells (micro) and over labels (macro)"):
        st.dataframe(
            rows, hide_index=True, column_config={**config, "meaning": st.column_config.TextColumn(width="large")}
        )


def _beside(found: dict[str, Any], sure: dict[str, dict[str, Interval]] | None, metric: str) -> str:
    uniform = f"uniform {number(found['uniform_micro'][metric], 2)}"
    return f"{_range(sure['micro'][metric])}, {uniform}" if sure else uniform


def _range(each: Interval) -> str:
    return f"{number(each.low, 2)} to {number(each.high, 2)}"


def _per_label(folder: RunFolder, sure: pd.DataFrame | None) -> None:
    from psmatch_core.plotting import metric_bars

    table = cache.table(folder, "evaluation_labels")
    if table is None or not len(table):
        return
    if sure is not None:
        ends = [name for name in sure if name == "label" or name.endswith(("_low", "_high"))]
        table = table.merge(sure[ends], on="label", how="left")
    st.subheader("By label")
    metric = st.selectbox("Metric", list(METRICS), format_func=lambda each: METRICS[each][0], key=f"metric.{folder.id}")
    charts.show(
        metric_bars(table, metric or "foscttm"),
        key=f"bars.{folder.id}.{metric}",
        alt="The metric of each label beside the uniform baseline",
    )
    with st.expander("The same as a table"):
        config: dict[str, Any] = {
            name: st.column_config.NumberColumn(_heading(name), format="%.3f")
            for name in table.columns
            if name != "label"
        }
        for name, title in (("n_pairs", "True pairs"), ("n_candidates", "Candidates")):
            config[name] = st.column_config.NumberColumn(title, format="localized")
        label_table(table, config, key=f"labels.{folder.id}")


def _confident(folder: RunFolder, found: dict[str, Any]) -> None:
    from psmatch_core.plotting import coverage_curves

    st.subheader("Are the surer matches the better ones?")
    chosen = (
        st.segmented_control(
            "Judged by",
            ["foscttm", "rank", "trace_fold"],
            default="foscttm",
            required=True,
            format_func=lambda each: METRICS[each][0],
            key=f"coverage.metric.{folder.id}",
        )
        or "foscttm"
    )
    curves = cell_values.coverage(folder, chosen)
    if not curves:
        st.caption("No judged cell has a confidence: there is no curve to draw.")
        return
    charts.show(
        coverage_curves(curves, uniform=found["uniform_micro"][chosen]),
        key=f"coverage.{folder.id}.{chosen}",
        alt="The metric among the most confident cells, by the share of cells that is kept",
    )
    st.caption(
        "Few effective matches: how much narrower a cell's choice is than its label. A confident classifier: the "
        "source cell's calibrated probability. Where a curve improves to the left, keep the surest cells on Export."
    )


def _features(folder: RunFolder, found: dict[str, Any]) -> None:
    from psmatch_core.plotting import feature_r2_bars

    values = cache.facts(folder, "feature_r2")
    if not values:
        return
    st.subheader("By feature")
    charts.show(
        feature_r2_bars(values, top=TOP_FEATURES, uniform=found["uniform_r2"]),
        key=f"r2.{folder.id}",
        alt="Variance explained of each target feature",
    )
    with st.expander(f"All {count(len(values), 'feature')} as a table"):
        text = st.text_input("Find a feature", key=f"r2.search.{folder.id}", placeholder="a part of its name")
        wanted = text.strip().casefold()
        rows = [{"feature": display(name, 60), "r2": r2} for name, r2 in values.items() if wanted in name.casefold()]
        if not rows:
            st.info(f"No feature's name holds {plain(text, 60)}.", icon=":material/search_off:")
            return
        st.dataframe(
            rows,
            hide_index=True,
            height=38 + 35 * min(len(rows), 9),
            column_config={
                "feature": st.column_config.TextColumn("Feature"),
                "r2": st.column_config.NumberColumn("R²", format="%.3f", help="1 perfect, 0 as good as the mean."),
            },
        )


def _skipped(skipped: dict[str, str]) -> None:
    if not skipped:
        return
    with st.expander(f"{count(len(skipped), 'label')} not judged", icon=":material/warning:"):
        rows = [{"label": display(label, 60), "reason": str(reason)} for label, reason in skipped.items()]
        st.dataframe(rows, hide_index=True)


def _heading(name: str) -> str:
    for end, word in (("_uniform", ", uniform"), ("_low", ", 95% from"), ("_high", ", 95% to")):
        if name.endswith(end):
            return _heading(name.removesuffix(end)) + word
    return METRICS.get(name, (name.replace("_", " "), ""))[0]
