"""The labels of both modalities as a table that can be edited, with a preview of what an edit does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import streamlit as st

from pages.shell import session
from pages.shell.clicks import clicked
from pages.shell.errors import show_error
from pages.shell.places import in_own_place
from pages.shell.workspace import Workspace
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.labels.label_edits import LabelRow, edited_rules, label_rows, preview_of
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.labels.shared_labels import LabelReport

EDITOR = "labels.table"
HEIGHT = 420  # px; a longer table scrolls


@in_own_place
def label_editor(workspace: Workspace, report: LabelReport, set_rules: Callable[[LabelRules], None]) -> None:
    """Rename, merge and leave out labels; nothing changes before *Apply* is pressed."""
    counts = workspace.label_counts
    if counts is None or workspace.source is None or workspace.target is None:
        return
    with st.expander("Edit the labels in a table", icon=":material/edit:"):
        st.caption(
            "Type another name to rename a label, or the name of another label to merge both. Untick *use* to leave a "
            "label out in both modalities. Nothing changes before you press Apply."
        )
        rows = label_rows(report)
        edited = _editor(rows, (workspace.source.name, workspace.target.name))
        try:
            rules = edited_rules(workspace.labels, rows, edited, counts)
        except PsmatchError as error:
            show_error(error)
            return
        if rules == workspace.labels:
            return
        after = workspace.with_labels(rules).report
        if after is not None:
            shown = [f"{what} {old:,} → **{new:,}**" for what, old, new in preview_of(report, after)]
            st.markdown(f"This edit gives: {', '.join(shown)}.")
        with st.container(horizontal=True):
            if clicked("Apply the edit", key="labels.apply", type="primary", icon=":material/check:"):
                session.reset_widgets(EDITOR)
                set_rules(rules)
            if clicked("Discard the edit", key="labels.discard", icon=":material/close:"):
                session.reset_widgets(EDITOR)
                st.rerun()


def _editor(rows: tuple[LabelRow, ...], names: tuple[str, str]) -> list[LabelRow]:
    columns = {
        "source": st.column_config.TextColumn(names[0], max_chars=200),
        "source_cells": st.column_config.NumberColumn(f"{names[0]} [cells]", format="localized"),
        "target": st.column_config.TextColumn(names[1], max_chars=200),
        "target_cells": st.column_config.NumberColumn(f"{names[1]} [cells]", format="localized"),
        "is_used": st.column_config.CheckboxColumn("use", help="Untick to leave the label out in both modalities."),
        "status": st.column_config.TextColumn("status"),
    }
    table = st.data_editor(
        [asdict(row) for row in rows],
        hide_index=True,
        num_rows="fixed",
        disabled=("source_cells", "target_cells", "status"),
        column_config=columns,
        column_order=("is_used", "source", "source_cells", "target", "target_cells", "status"),
        height=min(HEIGHT, 38 + 35 * len(rows)),
        key=session.widget_key(EDITOR),
    )
    return [
        replace(row, source=each["source"] or "", target=each["target"] or "", is_used=bool(each["is_used"]))
        for row, each in zip(rows, table, strict=True)
    ]
