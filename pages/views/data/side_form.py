"""One side of the Data page: what is in its file, and what of it is to be used."""

from __future__ import annotations

import base64
from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_error, show_findings
from pages.shell.forms import config_form
from pages.shell.text import count, plain, size
from pages.shell.workspace import DEMO, Side
from pages.views.data.file_choice import choose_file, is_usable, keep_side, take_new_file, uploaded, with_summary
from psmatch_core.data.checks import display
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import ColumnSummary, FileSummary, MatrixSummary

HEADINGS = {"source": "Modality 1 (source)", "target": "Modality 2 (target)"}
MOST_COUNTS = 6
MISSING = ("PM-L02", "PM-L18")  # cells without label: said below, beside the button that decides about them


def side_form(which: str) -> None:
    """Everything about one side; what is chosen is kept in the workspace."""
    st.subheader(HEADINGS[which])
    choose_file(which)
    take_new_file(which)
    error = session.said(which)
    if error is not None:
        show_error(error)
        if session.workspace().side(which) is not None:
            st.caption("The file chosen before stays as it was.")
    side = session.workspace().side(which)
    if side is None:
        return
    side = with_summary(which, side)
    if side is None or side.summary is None:
        return
    with st.container(border=True):
        changed = _described(which, side, side.summary)
    if changed != side:
        keep_side(which, changed, with_look=changed.content != side.content)


def _described(which: str, side: Side, summary: FileSummary) -> Side:
    st.markdown(f"**{plain(summary.name)}**")
    st.caption(
        f"{count(summary.n_cells, 'cell')}{_size_text(summary)} · {summary.format} · "
        f"{size(summary.n_bytes)} · SHA-256 {summary.sha256[:12]}…"
    )
    show_findings(finding for finding in summary.findings if finding.code not in MISSING or not side.has_missing)
    key = session.key(f"side.{which}")
    name = st.text_input("Name in figures and messages", side.name, key=f"{key}.name", max_chars=40)
    matrix = _matrix_choice(side, summary, f"{key}.matrix")
    _preview(summary.matrix(matrix))
    label_key = _label_choice(which, side, summary, f"{key}.label")
    missing_labels = _missing_choice(which, side, f"{key}.missing")
    pair_key = _pair_choice(side, summary, f"{key}.pair")
    with st.expander("Preprocessing", icon=":material/tune:"):
        chosen = summary.matrix(matrix)
        if chosen is not None and chosen.image_shape is not None:
            st.caption("Images pass on untouched: no feature is chosen, logged or scaled here; the network does that.")
        elif chosen is not None:
            used = "normalise and log1p" if chosen.kind == "counts" else "leave as they are"
            st.caption(f"The values look like **{chosen.kind}** ({plain(chosen.reason)}): “auto” will {used}.")
        preprocessing = config_form(side.preprocessing, Preprocessing(), name=f"prep-{which}")
    return replace(
        side,
        name=name.strip() or side.name,
        matrix=matrix,
        label_key=label_key,
        missing_labels=missing_labels,
        pair_key=pair_key,
        preprocessing=preprocessing,
    )


def _matrix_choice(side: Side, summary: FileSummary, key: str) -> str:
    usable = [matrix for matrix in summary.matrices if is_usable(matrix)]
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
        if not is_usable(matrix):
            st.caption(f"Not usable: {plain(matrix.key)}. {plain(matrix.findings[0].problem)}")
        elif matrix.key == chosen and matrix.key != summary.matrices[0].key:
            show_findings(finding for finding in matrix.findings if finding not in summary.findings)
    return chosen or side.matrix


def _label_choice(which: str, side: Side, summary: FileSummary, key: str) -> str:
    candidates = {column.name: column for column in summary.label_candidates}
    if not candidates:
        st.error("**No column can serve as label.** → Add the labels as a second table below.", icon=":material/error:")
    names = list(candidates)
    chosen = st.selectbox(
        "Label column: the perturbation or cell type of each cell",
        names,
        index=names.index(side.label_key) if side.label_key in candidates else None,
        format_func=lambda each: f"{display(each)} ({count(candidates[each].n_distinct, 'label')})",
        placeholder="Choose the label column",
        key=key,
    )
    column = candidates.get(chosen or "")
    if column is not None:
        st.caption(_counts_text(column, with_note=summary.label_key != column.name))
    others = [each for each in summary.columns if not each.is_label_candidate]
    if others:
        with st.expander(f"{count(len(others), 'other column')}, and why not"):
            rows = [{"column": display(each.name), "holds": each.kind, "as label": each.note or "–"} for each in others]
            st.dataframe(rows, hide_index=True, height=min(240, 38 + 35 * len(rows)))
    if not side.path.startswith(DEMO):
        with st.expander("Labels in a second table" + (f": {plain(side.labels_shown)}" if side.labels_path else "")):
            name = f"upload.labels.{which}"
            st.file_uploader(
                "csv or tsv: first column the cell names, one column the labels",
                key=session.key(name),
                on_change=uploaded,
                args=(which, name, "labels"),
            )
    return chosen or ""


def _missing_choice(which: str, side: Side, key: str) -> str:
    column = side.label_column
    if column is None or not column.n_missing:
        return side.missing_labels
    cells = f"{count(column.n_missing, 'cell')} of {side.summary.n_cells if side.summary else 0:,}"
    if side.missing_labels == "drop":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"✓ {cells} without label are left out, and listed in the export.")
            return "refuse" if st.button("Undo", key=f"{key}.undo") else "drop"
    st.warning(
        f"**{cells} have no label in this column.** → Drop them, or fill in their label.", icon=":material/warning:"
    )
    return "drop" if st.button("Drop cells without label", key=f"{key}.drop") else "refuse"


def _pair_choice(side: Side, summary: FileSummary, key: str) -> str:
    """Columns that could name the physical cell: nearly as many values as cells."""
    names = [column.name for column in summary.columns if column.n_distinct > 0.5 * summary.n_cells]
    if side.pair_key and side.pair_key not in names:
        names.append(side.pair_key)
    if not names:
        return ""
    options = ["", *names]
    chosen = st.selectbox(
        "Known pairs, used only to judge the result",
        options,
        index=options.index(side.pair_key),
        format_func=lambda each: f"column {display(each)}" if each else "equal cell names, if there are any",
        key=key,
        help="A column that names the physical cell on both sides. It is never matched on.",
    )
    return chosen or ""


def _counts_text(column: ColumnSummary, *, with_note: bool) -> str:
    largest = ", ".join(f"{plain(label, 30)} {cells:,}" for label, cells in list(column.counts.items())[:MOST_COUNTS])
    more = f" and {column.n_distinct - MOST_COUNTS:,} more" if column.n_distinct > MOST_COUNTS else ""
    note = f" · {plain(column.note)}" if with_note and column.note else ""
    return f"Cells: {largest}{more}{note}"


def _preview(matrix: MatrixSummary | None) -> None:
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
