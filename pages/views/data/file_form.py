"""Step 1 of the Data page for one modality: what its file holds, and what the modality is called."""

from __future__ import annotations

import base64
from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_findings
from pages.shell.text import count, plain, size
from pages.shell.workspace import Side
from pages.views.data.file_findings import file_findings
from psmatch_core.data.checks import display
from psmatch_core.data.readers import FileSummary, MatrixSummary


def file_form(which: str, side: Side, summary: FileSummary) -> Side:
    """Size, findings, name, and the modality of a file that holds several."""
    st.caption(
        f"{count(summary.n_cells, 'cell')}{_size_text(summary)} · {summary.format} · "
        f"{size(summary.n_bytes)} · SHA-256 {summary.sha256[:12]}…"
    )
    show_findings(file_findings(side))
    key = session.widget_key(f"side.{which}")
    name = st.text_input("Name in figures and messages", side.name, key=f"{key}.name", max_chars=40)
    part = _part_box(side, summary, f"{key}.part")
    column = side.label_column
    if column is not None:
        st.caption(f"Labels: column {plain(side.spec.label_name, 60)}, {count(column.n_distinct, 'label')}")
    _image_preview(summary.matrix(side.matrix))
    return replace(side, name=name.strip() or side.name, part=part, matrix=side.matrix if part == side.part else "X")


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


def _image_preview(matrix: MatrixSummary | None) -> None:
    if matrix is not None and matrix.preview:
        st.image(base64.b64decode(matrix.preview), caption="The first images", width="stretch")


def _size_text(summary: FileSummary) -> str:
    main = summary.matrices[0]
    return f"{', ' if main.image_shape else ' × '}{main.size_text}"
