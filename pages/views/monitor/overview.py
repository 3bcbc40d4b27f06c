"""Whether a matching can be trusted: the verdict, what can be measured, and a tab for each kind of evidence."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shell.tabs import tabs
from pages.views.monitor.label_table import label_verdicts
from pages.views.monitor.losses import loss_tab
from pages.views.monitor.measurement import measurement, report_of
from pages.views.monitor.null import null_tab
from pages.views.monitor.stability import stability_tab
from pages.views.monitor.verdict import show_verdict
from psmatch_core.monitor import THRESHOLDS
from psmatch_core.workspace.run_folder import RunFolder


def monitor_view(folder: RunFolder) -> None:
    """Everything about whether to trust one matching."""
    report = report_of(folder)
    show_verdict(report)
    measurement(folder, report)
    views = {
        "Losses": partial(loss_tab, folder, report),
        "Stability": partial(stability_tab, folder, report),
        "Shuffled labels": partial(null_tab, folder, report),
        "Label by label": partial(label_verdicts, folder, report),
    }
    tabs(views, key=f"monitor.tabs.{folder.id}")
    with st.expander("How the verdict is reached"):
        st.markdown(
            "A label is trusted if both modalities have learned to distinguish the labels, if classifiers trained on "
            "other cells give similar matches, and if there is no evidence against it. The thresholds:"
        )
        rows = [
            {"threshold": name.replace("_", " "), "value": getattr(THRESHOLDS, name), "reason": reason}
            for name, reason in THRESHOLDS.reasons().items()
        ]
        st.dataframe(rows, hide_index=True, column_config={"reason": st.column_config.TextColumn(width="large")})
        st.caption(
            "Loss and stability together reject bad matchings. They cannot rank good ones, and neither proves that a "
            "single pair is right. Known pairs, on Evaluate, are stronger evidence than all of this."
        )
