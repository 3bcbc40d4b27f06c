"""Hidden labels: two labels are merged, and the cells find their own again or not."""

from __future__ import annotations

import streamlit as st

from pages.shell import charts
from pages.shell.text import plain
from psmatch_core.monitor import MonitorReport
from psmatch_core.workspace.run_folder import RunFolder


def hidden_tab(folder: RunFolder, report: MonitorReport) -> None:
    """The matrix of label pairs, or why there is none."""
    if report.hidden is None:
        notes = [note for note in report.notes if "hidden labels" in note]
        st.info(
            plain(f"{notes[0][0].upper()}{notes[0][1:]}")
            if notes
            else "Hidden labels were not looked for in this run.",
            icon=":material/info:",
        )
        return
    from psmatch_core.plotting import hidden_label_matrix

    charts.show(
        hidden_label_matrix(report.hidden),
        key=f"hidden.{folder.id}",
        alt="How well the cells of two merged labels find their own label again, for each pair of labels",
    )
    st.caption(
        "Two labels are merged and their cells matched without knowing which is which. Counted is the weight between "
        "cells of the same label, compared with chance. If a classifier cannot separate two such labels, the table of "
        "labels calls them not distinguished: consider merging them. If both can, the labels differ by something that "
        "the other labels do not change alike in both modalities: keep them."
    )
