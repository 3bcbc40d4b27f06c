"""Whether classifiers that saw other cells or other features give the same matches."""

from __future__ import annotations

import streamlit as st

from pages.shell import charts
from pages.shell.text import plain
from psmatch_core.monitor import REPRODUCIBLE, MonitorReport
from psmatch_core.workspace.run_folder import RunFolder


def agreement_tab(folder: RunFolder, report: MonitorReport) -> None:
    """Agreement of each label as a figure."""
    from psmatch_core.plotting import agreement_bars

    if not report.is_measured:
        st.info(
            "Not measured for this run. Press “Measure again” to compare matchings from halves of the data.",
            icon=":material/arrow_forward:",
        )
        return
    charts.show(agreement_bars(report), key=f"agreement.{folder.id}", alt="Agreement of the matches of each label")
    st.caption(
        "The ends of a line are the agreement between halves of the cells and between halves of the features, the mark "
        f"is their mean. {REPRODUCIBLE}"
    )
    if report.epsilon is not None:
        st.caption(f"**Epsilon:** {plain(report.epsilon.described())}. Match has a button for it beside the slider.")
