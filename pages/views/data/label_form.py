"""Step 2 of the Data page for one modality: the label of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.clicks import clicked
from pages.shell.errors import show_findings, show_problem
from pages.shell.places import in_own_place, own_place
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import count, plain
from pages.shell.workspace import DEMO, Side
from pages.views.data.file_choice import take_upload
from pages.views.data.file_findings import label_findings
from pages.views.data.guide_rule import guide_rule_box
from pages.views.data.reading import further_label_columns
from psmatch_core.data.checks import display
from psmatch_core.data.checks.repeated_label import repetition_text
from psmatch_core.data.readers import ColumnSummary, FileSummary

MOST_COUNTS = 6


def label_form(which: str, side: Side, summary: FileSummary) -> Side:
    """The label column or table, further columns of the label, and cells without a label."""
    key = session.widget_key(f"side.{which}")
    label_key = _label_box(which, side, summary, f"{key}.label")
    show_findings(label_findings(side))
    guide_umis, guide_ratio = guide_rule_box(side, f"{key}.guides")
    label_with = further_label_columns(side, summary, f"{key}.with")
    missing_labels = _missing_labels(side, f"{key}.missing")
    return replace(
        side,
        label_key=label_key,
        guide_umis=guide_umis,
        guide_ratio=guide_ratio,
        label_with=tuple(each for each in label_with if each != label_key),
        missing_labels=missing_labels,
    )


def _label_box(which: str, side: Side, summary: FileSummary, key: str) -> str:
    joined = side.spec.label_name if side.label_with else ""  # made of the column chosen here and of others
    candidates = {column.name: column for column in summary.label_candidates if column.name != joined}
    with own_place():
        if not candidates:
            show_problem("No column can serve as the label.", "Add the labels as a separate table below.")
    names = list(candidates)
    chosen = st.selectbox(
        "Label column: the perturbation or cell type of each cell",
        names,
        index=names.index(side.label_key) if side.label_key in candidates else None,
        format_func=lambda each: f"{display(each)} ({count(candidates[each].n_distinct, 'label')})",
        placeholder="Choose the label column",
        key=key,
    )
    column = side.label_column if joined and chosen == side.label_key else candidates.get(chosen or "")
    with own_place():
        if column is not None:
            repeated = plain(repetition_text(summary, column.name))
            counts = _counts_text(column, with_note=summary.label_key != column.name)
            st.caption(f"{counts}{f' · {repeated}' if repeated else ''}")
    _no_labels([each for each in summary.columns if not each.is_label_candidate])
    if not side.path.startswith(DEMO):
        title = "Labels in a separate table" + (f": {plain(side.labels_shown)}" if side.labels_path else "")
        with st.expander(title, expanded=not candidates):  # open where nothing else can give the labels
            take_upload(
                which,
                f"upload.labels.{which}",
                "labels",
                "csv or tsv: cell names in the first column, labels in another",
            )
    return chosen or ""


@in_own_place
def _no_labels(others: Sequence[ColumnSummary]) -> None:
    """The columns that cannot serve as the label, folded, with the reasons; nothing if there are none."""
    if others:
        with st.expander(f"{count(len(others), 'column')} that cannot serve as the label"):
            rows = [
                {"column": display(each.name), "contains": each.kind, "reason": each.note or "–"} for each in others
            ]
            st.dataframe(rows, hide_index=True, height=min(240, 38 + 35 * len(rows)), placeholder=EMPTY_CELL)


@in_own_place
def _missing_labels(side: Side, key: str) -> str:
    column = side.label_column
    if column is None or not column.n_missing:
        return side.missing_labels
    cells = f"{column.n_missing:,} of {side.summary.n_cells if side.summary else 0:,}"
    if side.missing_labels == "drop":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"✓ Cells without a label: {cells}. They are left out, and listed in the export.")
            return "refuse" if clicked("Undo", key=f"{key}.undo") else "drop"
    st.warning(
        f"**Cells without a label in this column: {cells}.** → Drop these cells, or add their labels.",
        icon=":material/warning:",
    )
    return "drop" if clicked("Drop cells without label", key=f"{key}.drop") else "refuse"


def _counts_text(column: ColumnSummary, *, with_note: bool) -> str:
    largest = ", ".join(f"{plain(label, 30)} {cells:,}" for label, cells in list(column.counts.items())[:MOST_COUNTS])
    more = f" and {column.n_distinct - MOST_COUNTS:,} more" if column.n_distinct > MOST_COUNTS else ""
    note = f" · {plain(column.note)}" if with_note and column.note else ""
    return f"Cells: {largest}{more}{note}"
