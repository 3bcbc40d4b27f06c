"""The held-out loss of each label, calibrated or raw, compared with the loss of knowing only label frequencies."""

from __future__ import annotations

import streamlit as st

from pages.shell import charts
from pages.shell.text import number, plain
from psmatch_core.monitor import MonitorReport
from psmatch_core.workspace.run_folder import RunFolder


def loss_tab(folder: RunFolder, report: MonitorReport) -> None:
    """The losses as a figure."""
    from psmatch_core.plotting import loss_evidence

    kind = st.segmented_control(
        "Losses", ["calibrated", "raw"], default="calibrated", required=True, key=f"raw.{folder.id}"
    )
    charts.show(
        loss_evidence(report, raw=kind == "raw"),
        key=f"evidence.{folder.id}.{kind}",
        alt="Held-out loss of each label in both modalities, and the loss of knowing only label frequencies",
    )
    temperatures = ", ".join(
        f"{plain(name)} {number(each, 2)}" for name, each in zip(report.names, report.temperatures, strict=True)
    )
    st.caption(
        f"Temperature: {temperatures}. Calibration divides the scores by it. Above 1 a classifier is overconfident, "
        "and its raw loss looks worse than its matching. A label that a modality cannot distinguish may still be "
        "matched well, by the scores of the other labels."
    )
