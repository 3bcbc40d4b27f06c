"""One side of the Data page: its file, what is in it, and what of it is to be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages._shared import files, session
from pages._shared.errors import show_error, show_findings
from pages._shared.forms import config_form
from pages._shared.text import count, plain, size
from pages._shared.workspace import DEMO, Side
from psmatch_core.checks import Severity, display
from psmatch_core.errors import PsmatchError
from psmatch_core.preprocessing import Preprocessing
from psmatch_core.readers import ColumnSummary, FileSummary, MatrixSummary

HEADINGS = {"source": "Modality 1 (source)", "target": "Modality 2 (target)"}
LARGE = "Above 500 MB, give the file's path on the server instead: an upload passes through the server's memory."
MOST_COUNTS = 6
# Column names that usually hold the label, best first; only an offer, since the visitor sees and changes it.
USUAL_LABELS = ("label", "labels", "perturbation", "gene", "target", "condition", "treatment", "cell_type", "celltype")


def side_form(which: str) -> None:
    """Everything about one side; what is chosen is kept in the workspace."""
    st.subheader(HEADINGS[which])
    _chooser(which)
    _take_new_file(which)
    error = session.said(which)
    if error is not None:
        show_error(error)
        if session.workspace().side(which) is not None:
            st.caption("The file chosen before stays as it was.")
    side = session.workspace().side(which)
    if side is None:
        return
    side = _with_summary(which, side)
    if side is None or side.summary is None:
        return
    with st.container(border=True):
        changed = _described(which, side, side.summary)
    if changed != side:
        _keep(which, changed, with_look=changed.content != side.content)


def demo_side(name: str, which: str) -> Side:
    """One side of a demo, ready to use."""
    summary = files.look_into_demo(name, which, session.root() / "demos")
    modality = files.DEMO_NAMES[name][which == "target"]
    return Side(f"{DEMO}{name}", summary.name, summary, label_key="label", name=modality, pair_key="cell")


def _chooser(which: str) -> None:
    name = f"upload.{which}"
    st.file_uploader(
        "h5ad, csv or tsv (also .gz): cells in rows, first column the cell names",
        key=session.key(name),
        on_change=_uploaded,
        args=(which, name, "path"),
        help=LARGE,
    )
    with st.expander("Open a file that lies on the server"):
        st.text_input("Path", key=session.key(f"path.{which}"), placeholder="/data/rna.h5ad")
        st.button("Open", key=f"open.{which}", on_click=_opened, args=(which, f"path.{which}"))
        st.caption(f"Open here: files below {plain(', '.join(map(str, files.data_roots())))}")


def _uploaded(which: str, name: str, part: str) -> None:
    """Take an upload to disk at once and let go of it, since Streamlit would hold it in memory."""
    upload = session.value_of(session.key(name))
    if upload is None:
        return
    try:
        kept = files.keep_upload(upload, upload.name, session.uploads())
        session.leave(f"new.{which}.{part}", (str(kept), kept.name))
        session.hush(which)
    except PsmatchError as error:
        session.say(which, error)
    session.renew(name)


def _opened(which: str, name: str) -> None:
    try:
        found = files.server_file(session.value_of(session.key(name)) or "")
        session.leave(f"new.{which}.path", (str(found), found.name))
        session.hush(which)
    except PsmatchError as error:
        session.say(which, error)


def _take_new_file(which: str) -> None:
    """Look into a file that has just come; it replaces the chosen one only if it can be used."""
    new = session.take(f"new.{which}.path")
    table = session.take(f"new.{which}.labels")
    side = session.workspace().side(which)
    if table is not None and side is not None:
        _keep(which, replace(side, labels_path=table[0], labels_shown=table[1], label_key=""), with_look=True)
        return
    if new is None:
        return
    path, shown = new
    try:
        with st.spinner(f"Looking into {plain(shown)}…"):
            summary = files.look_into(path, shown, session.root() / "summaries")
    except PsmatchError as error:
        session.say(which, error)
        return
    _forget_widgets(which)
    session.keep(session.workspace().with_side(which, _fresh(which, path, shown, summary)))


def _fresh(which: str, path: str, shown: str, summary: FileSummary) -> Side:
    """A side with what is usually meant: the usual label column, the first usable matrix, the file's name."""
    other = session.workspace().side("target" if which == "source" else "source")
    names = [column.name for column in summary.label_candidates]
    by_lower = {name.lower(): name for name in reversed(names)}
    usual = next((by_lower[name] for name in USUAL_LABELS if name in by_lower), names[0] if len(names) == 1 else "")
    if other is not None and other.label_key in names:
        usual = other.label_key
    usable = [matrix.key for matrix in summary.matrices if _is_usable(matrix)]
    name = Path(shown.removesuffix(".gz")).stem or which
    if other is not None and other.name == name:
        name = f"{name} {which}"
    return Side(path, shown, summary, label_key=usual, matrix=usable[0] if usable else "X", name=name)


def _with_summary(which: str, side: Side) -> Side | None:
    """The side with what is in its file: looked up again where a run was opened by its link."""
    if side.summary is not None:
        return side
    try:
        with st.spinner(f"Looking into {plain(side.shown)}…"):
            if side.path.startswith(DEMO):
                summary = files.look_into_demo(side.path.removeprefix(DEMO), which, session.root() / "demos")
            else:
                summary = _looked(side)
    except PsmatchError as error:
        show_error(error)
        st.caption("Results of the run can still be read.")
        return None
    found = replace(side, summary=summary, shown=summary.name)
    session.keep(session.workspace().with_side(which, found))
    return found


def _looked(side: Side) -> FileSummary:
    return files.look_into(
        side.path,
        side.shown,
        session.root() / "summaries",
        label_key=side.label_key,
        labels_path=side.labels_path,
        matrix=side.matrix if side.matrix != "X" else "",
    )


def _keep(which: str, side: Side, *, with_look: bool) -> None:
    """Keep a changed side; the file is asked again where the change bears on what it says."""
    if with_look and not side.path.startswith(DEMO):
        try:
            with st.spinner(f"Looking into {plain(side.shown)}…"):
                side = replace(side, summary=_looked(side))
            session.hush(which)
        except PsmatchError as error:
            session.say(which, error)
            _forget_widgets(which)
            st.rerun()
    session.keep(session.workspace().with_side(which, side))
    st.rerun()


def _forget_widgets(which: str) -> None:
    for name in (f"side.{which}", f"prep.{which}", f"upload.labels.{which}"):
        session.renew(name)


def _described(which: str, side: Side, summary: FileSummary) -> Side:
    st.markdown(f"**{plain(summary.name)}**")
    st.caption(
        f"{count(summary.n_cells, 'cell')} × {count(summary.n_features, 'feature')} · {summary.format} · "
        f"{size(summary.n_bytes)} · SHA-256 {summary.sha256[:12]}…"
    )
    show_findings(summary.findings)
    key = session.key(f"side.{which}")
    name = st.text_input("Name in figures and messages", side.name, key=f"{key}.name", max_chars=40)
    matrix = _matrix_choice(side, summary, f"{key}.matrix")
    label_key = _label_choice(which, side, summary, f"{key}.label")
    missing_labels = _missing_choice(which, side, f"{key}.missing")
    pair_key = _pair_choice(side, summary, f"{key}.pair")
    with st.expander("Preprocessing", icon=":material/tune:"):
        chosen = summary.matrix(matrix)
        if chosen is not None:
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
    usable = [matrix for matrix in summary.matrices if _is_usable(matrix)]
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
        if not _is_usable(matrix):
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
        st.caption(_counts_text(column))
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
                on_change=_uploaded,
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


def _counts_text(column: ColumnSummary) -> str:
    largest = ", ".join(f"{plain(label, 30)} {cells:,}" for label, cells in list(column.counts.items())[:MOST_COUNTS])
    more = f" and {column.n_distinct - MOST_COUNTS:,} more" if column.n_distinct > MOST_COUNTS else ""
    note = f" · {plain(column.note)}" if column.note else ""
    return f"Cells: {largest}{more}{note}"


def _matrix_text(matrix: MatrixSummary) -> str:
    storage = "sparse" if matrix.is_sparse else "dense"
    return f"{display(matrix.key)}: {matrix.kind}, {count(matrix.n_features, 'feature')}, {storage}"


def _is_usable(matrix: MatrixSummary) -> bool:
    return not any(finding.severity is Severity.REJECT for finding in matrix.findings)
