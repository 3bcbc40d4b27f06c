"""Whether classifiers trained on other cells give the same matches."""

from __future__ import annotations

import math

import streamlit as st

from pages.shell import charts
from psmatch_core.monitor import MonitorReport
from psmatch_core.workspace.run_folder import RunFolder


def stability_tab(folder: RunFolder, report: MonitorReport) -> None:
    """Match stability of each label as a figure, once it is measured."""
    from psmatch_core.plotting import stability_bars

    if math.isnan(report.stability):
        st.info(
            "Not measured yet: press “Measure stability and null”. It shows whether classifiers trained on other cells "
            "give the same matches.",
            icon=":material/arrow_forward:",
        )
        return
    charts.show(stability_bars(report), key=f"stability.{folder.id}", alt="Match stability of each label")
    st.caption(
        f"Each classifier was trained twice, on either half of each label's cells, and the cells were matched with "
        f"both. {report.shared_mass:.0%} of the weight is on the same pairs in both matchings."
    )
