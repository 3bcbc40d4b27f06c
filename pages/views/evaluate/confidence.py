"""Whether more confident matches are better: a metric among the most confident cells (risk–coverage)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, charts
from pages.views.evaluate.summary import METRICS
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.evaluation.evaluate import EvaluationSummary
    from psmatch_core.evaluation.intervals import RiskCoverage


def confidence_section(folder: RunFolder, found: EvaluationSummary) -> None:
    """The metric by the share of cells that is kept, for each measure of confidence."""
    from psmatch_core.plotting import coverage_curves

    st.subheader("Are more confident matches better?")
    chosen = (
        st.segmented_control(
            "Metric of the curves",
            ["foscttm", "rank", "trace_fold"],
            default="foscttm",
            required=True,
            format_func=lambda each: METRICS[each][0],
            key=f"coverage.metric.{folder.id}",
        )
        or "foscttm"
    )
    curves = _curves(str(folder.path), chosen, (*files.EVALUATION_CELLS.times(folder), *files.COUPLING.times(folder)))
    if not curves:
        st.caption("No evaluated cell has a confidence, so there is no curve.")
        return
    charts.show(
        coverage_curves(curves, uniform=found.uniform_micro[chosen]),
        key=f"coverage.{folder.id}.{chosen}",
        alt="The metric among the most confident cells, by the share of cells that is kept",
    )
    st.caption(
        "Two measures of confidence: how few effective matches a cell has compared with its label, and the calibrated "
        "probability of the source cell's label. If a curve improves to the left, keep only the most confident pairs "
        "on Export."
    )


@st.cache_resource(max_entries=2 * cache.KEPT, show_spinner=False)
def _curves(path: str, metric: str, times: tuple[int, ...]) -> dict[str, RiskCoverage]:
    from psmatch_core.evaluation.intervals import coverage_by_confidence

    folder = RunFolder(Path(path))
    cells = files.EVALUATION_CELLS.read(folder)
    return coverage_by_confidence(cache.coupling(folder), cells, metric) if cells is not None and len(cells) else {}
