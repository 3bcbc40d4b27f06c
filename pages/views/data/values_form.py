"""Step 3 of the Data page for one modality: which of its values and cells are used, and how they become features."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_findings
from pages.shell.places import own_place
from pages.shell.text import count, plain
from pages.shell.workspace import Side
from pages.views.data.preprocessing_box import preprocessing_box
from pages.views.data.reading import bad_values_box, cell_rules_box
from pages.views.data.roles import roles_box
from psmatch_core.data.checks import display
from psmatch_core.data.readers import FileSummary, MatrixSummary


def values_form(which: str, side: Side, summary: FileSummary) -> Side:
    """The matrix, missing values, rules for cells, roles of columns, and preprocessing."""
    key = session.widget_key(f"side.{which}")
    matrix = _matrix_box(side, summary, f"{key}.matrix")
    bad_values, most_missing = bad_values_box(side, summary, f"{key}.bad")
    cells = cell_rules_box(side, f"{key}.cells")
    roles = roles_box(which, side, summary)
    preprocessing = preprocessing_box(which, side, summary.matrix(matrix))
    return replace(
        side,
        matrix=matrix,
        bad_values=bad_values,
        most_missing=most_missing,
        cells=cells,
        roles=roles,
        preprocessing=preprocessing,
    )


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
    with own_place():
        for matrix in summary.matrices:
            if not matrix.is_usable:
                st.caption(f"{plain(matrix.key)} cannot be used. {plain(matrix.findings[0].problem)}")
            elif matrix.key == chosen and matrix.key != summary.matrices[0].key:
                show_findings(finding for finding in matrix.findings if finding not in summary.findings)
    return chosen or side.matrix


def _matrix_text(matrix: MatrixSummary) -> str:
    if matrix.image_shape is not None:
        return f"{display(matrix.key)}: {matrix.size_text}"
    storage = "sparse" if matrix.is_sparse else "dense"
    return f"{display(matrix.key)}: {matrix.kind}, {count(matrix.n_features, 'feature')}, {storage}"
