"""One modality on the Data page: what its file contains, and which part of it to use."""

from __future__ import annotations

import base64
from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_error, show_findings, show_problem
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import count, plain, size
from pages.shell.workspace import DEMO, Side
from pages.views.data.file_choice import choose_file, save_side, take_upload, use_new_file, with_summary
from pages.views.data.guide_rule import guide_rule_box
from pages.views.data.preprocessing_box import preprocessing_box
from pages.views.data.reading import bad_values_box, cell_rules_box, further_label_columns
from pages.views.data.roles import roles_box
from psmatch_core.data.checks import display
from psmatch_core.data.checks.repeated_label import repetition_text
from psmatch_core.data.readers import ColumnSummary, FileSummary, MatrixSummary
from psmatch_core.data.readers.summary import MENDABLE

HEADINGS = {"source": "Modality 1 (source)", "target": "Modality 2 (target)"}
MOST_COUNTS = 6
# Cells without label and missing values: reported below, beside the buttons that do something about them.
MISSING = ("PM-L02", "PM-L18")


def side_form(which: str) -> None:
    """Everything about one modality; choices are saved in the workspace."""
    st.subheader(HEADINGS[which])
    choose_file(which)
    use_new_file(which)
    error = session.error_at(which)
    if error is not None:
        show_error(error)
        if session.workspace().side(which) is not None:
            st.caption("The file chosen before is still in use.")
    side = session.workspace().side(which)
    if side is None:
        return
    side = with_summary(which, side)
    if side is None or side.summary is None:
        return
    with st.container(border=True):
        changed = _form(which, side, side.summary)
    if changed != side:
        save_side(which, changed, inspect=changed.content != side.content)


def _form(which: str, side: Side, summary: FileSummary) -> Side:
    st.markdown(f"**{plain(summary.name)}**")
    st.caption(
        f"{count(summary.n_cells, 'cell')}{_size_text(summary)} · {summary.format} · "
        f"{size(summary.n_bytes)} · SHA-256 {summary.sha256[:12]}…"
    )
    asked = {MENDABLE, *(MISSING if side.has_missing else ())}
    show_findings(finding for finding in summary.findings if finding.code not in asked)
    key = session.widget_key(f"side.{which}")
    name = st.text_input("Name in figures and messages", side.name, key=f"{key}.name", max_chars=40)
    part = _part_box(side, summary, f"{key}.part")
    matrix = _matrix_box(side, summary, f"{key}.matrix")
    _image_preview(summary.matrix(matrix))
    label_key = _label_box(which, side, summary, f"{key}.label")
    guide_umis, guide_ratio = guide_rule_box(side, f"{key}.guides")
    label_with = further_label_columns(side, summary, f"{key}.with")
    missing_labels = _missing_labels(side, f"{key}.missing")
    bad_values, most_missing = bad_values_box(side, summary, f"{key}.bad")
    cells = cell_rules_box(side, f"{key}.cells")
    roles = roles_box(which, side, summary)
    pair_key = _pair_box(side, summary, f"{key}.pair")
    preprocessing = preprocessing_box(which, side, summary.matrix(matrix))
    return replace(
        side,
        name=name.strip() or side.name,
        part=part,
        matrix=matrix if part == side.part else "X",
        label_key=label_key,
        guide_umis=guide_umis,
        guide_ratio=guide_ratio,
        label_with=tuple(each for each in label_with if each != label_key),
        missing_labels=missing_labels,
        cells=cells,
        roles=roles,
        bad_values=bad_values,
        most_missing=most_missing,
        pair_key=pair_key,
        preprocessing=preprocessing,
    )


def _part_box(side: Side, summary: FileSummary, key: str) -> str:
    """The modality of a file with several; all features together where they lie in one matrix."""
    if not summary.parts:
        return side.part
    sizes = {each.name: f" ({each.size_text})" if each.size_text else "" for each in summary.parts}
    options = [*sizes] if summary.needs_part else ["", *sizes]
    chosen = st.selectbox(
        "Modality in the file",
        options,
        index=options.index(side.part) if side.part in options else 0,
        format_func=lambda each: f"{display(each, 60)}{sizes[each]}" if each else "all features together",
        key=key,
        help="This file holds several modalities, types of features or tables: choose one for each side.",
    )
    return chosen or ""


def _matrix_box(side: Side, summary: FileSummary, key: str) -> str:
    usable = [matrix for matrix in summary.matrices if matrix.is_usable]
    keys = [matrix.key for matrix in usable]
    if not keys:
        return side.matrix
    texts = {matrix.key: _matrix_text(matrix) for matrix in usable}
    chosen = st.selectbox(
        "Matrix",
        keys,
        index=keys.index(side.matrix) if side.matrix in keys else 0,
        format_func=lambda each: texts[each],
        key=key,
        help="X, a layer, raw, or an embedding in obsm.",
    )
    for matrix in summary.matrices:
        if not matrix.is_usable:
            st.caption(f"{plain(matrix.key)} cannot be used. {plain(matrix.findings[0].problem)}")
        elif matrix.key == chosen and matrix.key != summary.matrices[0].key:
            show_findings(finding for finding in matrix.findings if finding not in summary.findings)
    return chosen or side.matrix


def _label_box(which: str, side: Side, summary: FileSummary, key: str) -> str:
    joined = side.spec.label_name if side.label_with else ""  # made of the column chosen here and of others
    candidates = {column.name: column for column in summary.label_candidates if column.name != joined}
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
    if column is not None:
        repeated = plain(repetition_text(summary, column.name))
        st.caption(
            f"{_counts_text(column, with_note=summary.label_key != column.name)}{f' · {repeated}' if repeated else ''}"
        )
    others = [each for each in summary.columns if not each.is_label_candidate]
    if others:
        with st.expander(f"{count(len(others), 'column')} that cannot serve as the label"):
            rows = [
                {"column": display(each.name), "contains": each.kind, "reason": each.note or "–"} for each in others
            ]
            st.dataframe(rows, hide_index=True, height=min(240, 38 + 35 * len(rows)), placeholder=EMPTY_CELL)
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


def _missing_labels(side: Side, key: str) -> str:
    column = side.label_column
    if column is None or not column.n_missing:
        return side.missing_labels
    cells = f"{column.n_missing:,} of {side.summary.n_cells if side.summary else 0:,}"
    if side.missing_labels == "drop":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"✓ Cells without a label: {cells}. They are left out, and listed in the export.")
            return "refuse" if st.button("Undo", key=f"{key}.undo") else "drop"
    st.warning(
        f"**Cells without a label in this column: {cells}.** → Drop these cells, or add their labels.",
        icon=":material/warning:",
    )
    return "drop" if st.button("Drop cells without label", key=f"{key}.drop") else "refuse"


def _pair_box(side: Side, summary: FileSummary, key: str) -> str:
    """Columns that may name the physical cell: those with nearly as many values as cells."""
    names = [column.name for column in summary.columns if column.n_distinct > 0.5 * summary.n_cells]
    if side.pair_key and side.pair_key not in names:
        names.append(side.pair_key)
    if not names:
        return ""
    options = ["", *names]
    chosen = st.selectbox(
        "Known pairs, used only to evaluate the result",
        options,
        index=options.index(side.pair_key),
        format_func=lambda each: f"column {display(each)}" if each else "no column: by cell names, if they show it",
        key=key,
        help="A column that identifies the physical cell in both modalities. It is never used for matching.",
    )
    return chosen or ""


def _counts_text(column: ColumnSummary, *, with_note: bool) -> str:
    largest = ", ".join(f"{plain(label, 30)} {cells:,}" for label, cells in list(column.counts.items())[:MOST_COUNTS])
    more = f" and {column.n_distinct - MOST_COUNTS:,} more" if column.n_distinct > MOST_COUNTS else ""
    note = f" · {plain(column.note)}" if with_note and column.note else ""
    return f"Cells: {largest}{more}{note}"


def _image_preview(matrix: MatrixSummary | None) -> None:
    if matrix is not None and matrix.preview:
        st.image(base64.b64decode(matrix.preview), caption="The first images", width="stretch")


def _size_text(summary: FileSummary) -> str:
    main = summary.matrices[0]
    return f"{', ' if main.image_shape else ' × '}{main.size_text}"


def _matrix_text(matrix: MatrixSummary) -> str:
    if matrix.image_shape is not None:
        return f"{display(matrix.key)}: {matrix.size_text}"
    storage = "sparse" if matrix.is_sparse else "dense"
    return f"{display(matrix.key)}: {matrix.kind}, {count(matrix.n_features, 'feature')}, {storage}"
