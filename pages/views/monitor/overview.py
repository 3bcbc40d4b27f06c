"""What a matching is good for: the verdict, and a tab for each kind of evidence."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shell.frame import say_answer
from pages.shell.places import own_place
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.tabs import tabs
from pages.shell.verdicts import BEING_JUDGED, is_being_judged, report_of
from pages.views.monitor.agreement import agreement_tab
from pages.views.monitor.effects import effects_tab
from pages.views.monitor.hidden_labels import hidden_tab
from pages.views.monitor.label_table import label_verdicts
from pages.views.monitor.losses import loss_tab
from pages.views.monitor.measurement import measurement
from pages.views.monitor.null import null_tab
from pages.views.monitor.verdict import show_verdict
from psmatch_core.monitor import REPRODUCIBLE, THRESHOLDS
from psmatch_core.monitor.answers import answer_on_matches
from psmatch_core.workspace.run_folder import RunFolder


def monitor_view(folder: RunFolder) -> None:
    """Everything about what one matching is good for."""
    if is_being_judged(folder):
        st.markdown(BEING_JUDGED)
        return
    with own_place():
        report = report_of(folder, explain=True)
    say_answer(answer_on_matches(report))
    show_verdict(report)
    views = {
        "Label by label": partial(label_verdicts, folder, report),
        "Hidden labels": partial(hidden_tab, folder, report),
        "Agreement": partial(agreement_tab, folder, report),
        "Effects": partial(effects_tab, folder),
        "Losses": partial(loss_tab, folder, report),
        "Shuffled labels": partial(null_tab, folder, report),
    }
    tabs(views, key=f"monitor.tabs.{folder.id}")
    measurement(folder, report)
    with st.expander("How the verdict is reached"):
        st.markdown(
            f"A label is called *use* from an agreement of {THRESHOLDS.use:.2f}, *use with caution* from "
            f"{THRESHOLDS.caution:.2f}, and *matched by label only* below. Flags, such as few cells or a solver that "
            "did not converge, set a limit. If hidden labels are not found again, every label is *matched by label "
            "only*; if the modalities do not agree on which labels are alike, every label is lowered by one. The "
            "thresholds:"
        )
        rows = [
            {"threshold": name.replace("_", " "), "value": getattr(THRESHOLDS, name), "reason": reason}
            for name, reason in THRESHOLDS.reasons().items()
        ]
        st.dataframe(
            rows,
            hide_index=True,
            column_config={"reason": st.column_config.TextColumn(width="large")},
            placeholder=EMPTY_FIGURE,
        )
        st.caption(f"{REPRODUCIBLE} Known pairs, on Evaluate, are stronger evidence than all of this.")
