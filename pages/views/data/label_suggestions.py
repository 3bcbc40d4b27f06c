"""What the names of the labels suggest: each suggestion with its reason and the button that applies it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shell.clicks import clicked
from pages.shell.places import in_own_place
from pages.shell.text import plain
from pages.shell.workspace import Workspace
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.labels.shared_labels import LabelReport

_ICONS = {"calls": ":material/block:", "several": ":material/call_split:"}


@in_own_place
def suggestion_buttons(workspace: Workspace, report: LabelReport, set_rules: Callable[[LabelRules], None]) -> None:
    """One line and one button for each suggestion; nothing is applied without a press."""
    counts = workspace.label_counts
    if counts is None:
        return
    for each in report.suggestions:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(plain(each.reason), width="stretch")
            icon = _ICONS.get(each.kind, ":material/merge:")
            if clicked(plain(each.title), key=f"labels.suggestion.{each.kind}", icon=icon):
                set_rules(workspace.labels.accepting(each, counts[0], counts[1]))
