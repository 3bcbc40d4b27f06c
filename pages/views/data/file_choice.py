"""The file of one side: uploaded or opened on the server, looked into, and kept only if it can be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages.shell import session, upload_cleanup, uploads
from pages.shell.errors import show_error
from pages.shell.text import plain
from pages.shell.workspace import DEMO, Side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Severity
from psmatch_core.data.readers import FileSummary, MatrixSummary

LARGE = "Above 500 MB, give the file's path on the server instead: an upload passes through the server's memory."
# Column names that usually hold the label, best first; only an offer, since the visitor sees and changes it.
USUAL_LABELS = ("label", "labels", "perturbation", "gene", "target", "condition", "treatment", "cell_type", "celltype")


def demo_side(name: str, which: str) -> Side:
    """One side of a demo, ready to use."""
    summary = uploads.look_into_demo(name, which, session.root() / "demos")
    modality = uploads.DEMO_NAMES[name][which == "target"]
    return Side(f"{DEMO}{name}", summary.name, summary, label_key="label", name=modality, pair_key="cell")


def choose_file(which: str) -> None:
    name = f"upload.{which}"
    st.file_uploader(
        "h5ad, csv or tsv (also .gz): cells in rows, first column the cell names; images as h5ad or npz",
        key=session.key(name),
        on_change=uploaded,
        args=(which, name, "path"),
        help=f"{LARGE} {upload_cleanup.rule()}",
    )
    with st.expander("Open a file that lies on the server"):
        st.text_input("Path", key=session.key(f"path.{which}"), placeholder="/data/rna.h5ad")
        st.button("Open", key=f"open.{which}", on_click=_opened, args=(which, f"path.{which}"))
        st.caption(f"Open here: files below {plain(', '.join(map(str, uploads.data_roots())))}")


def uploaded(which: str, name: str, part: str) -> None:
    """Take an upload to disk at once and let go of it, since Streamlit would hold it in memory."""
    upload = session.value_of(session.key(name))
    if upload is None:
        return
    try:
        kept = uploads.keep_upload(upload, upload.name, session.uploads())
        session.leave(f"new.{which}.{part}", (str(kept), kept.name))
        session.hush(which)
    except PsmatchError as error:
        session.say(which, error)
    session.renew(name)


def _opened(which: str, name: str) -> None:
    try:
        found = uploads.server_file(session.value_of(session.key(name)) or "", closed=session.root())
        session.leave(f"new.{which}.path", (str(found), found.name))
        session.hush(which)
    except PsmatchError as error:
        session.say(which, error)


def take_new_file(which: str) -> None:
    """Look into a file that has just come; it replaces the chosen one only if it can be used.

    What has come is forgotten only when it is dealt with: the next click of the visitor interrupts this script.
    """
    new, table = session.peek(f"new.{which}.path"), session.peek(f"new.{which}.labels")
    side = session.workspace().side(which)
    if new is None and (table is None or side is None):
        return
    taken = None
    try:
        with st.spinner("Looking into the file…"):
            if new is not None:
                path, shown = new
                taken = _fresh(which, path, shown, uploads.look_into(path, shown, session.root() / "summaries"))
            elif table is not None and side is not None:
                path, shown = table
                taken = _with_table(side, path, shown)
    except PsmatchError as error:
        session.say(which, error)
    session.take(f"new.{which}.path")
    session.take(f"new.{which}.labels")
    if taken is not None:
        session.keep(session.workspace().with_side(which, taken))
        _forget_widgets(which)


def _with_table(side: Side, path: str, shown: str) -> Side:
    """The side with a second table; the label column is the one that the table brought, if it brought one."""
    known = {column.name for column in side.summary.columns} if side.summary else set()
    joined = replace(side, labels_path=path, labels_shown=shown, label_key="")
    summary = _looked(joined)
    brought = [column.name for column in summary.label_candidates if column.name not in known]
    return replace(joined, summary=summary, label_key=brought[0] if len(brought) == 1 else "")


def _fresh(which: str, path: str, shown: str, summary: FileSummary) -> Side:
    """A side with what is usually meant: the usual label column, the first usable matrix, the file's name."""
    other = session.workspace().side("target" if which == "source" else "source")
    names = [column.name for column in summary.label_candidates]
    by_lower = {name.lower(): name for name in reversed(names)}
    usual = next((by_lower[name] for name in USUAL_LABELS if name in by_lower), names[0] if len(names) == 1 else "")
    if other is not None and other.label_key in names:
        usual = other.label_key
    usable = [matrix.key for matrix in summary.matrices if is_usable(matrix)]
    name = Path(shown.removesuffix(".gz")).stem or which
    if other is not None and other.name == name:
        name = f"{name} {which}"
    return Side(path, shown, summary, label_key=usual, matrix=usable[0] if usable else "X", name=name)


def with_summary(which: str, side: Side) -> Side | None:
    """The side with what is in its file: looked up again where a run was opened by its link."""
    if side.summary is not None:
        return side
    try:
        with st.spinner(f"Looking into {plain(side.shown)}…"):
            if side.path.startswith(DEMO):
                summary = uploads.look_into_demo(side.path.removeprefix(DEMO), which, session.root() / "demos")
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
    return uploads.look_into(
        side.path,
        side.shown,
        session.root() / "summaries",
        label_key=side.label_key,
        labels_path=side.labels_path,
        matrix=side.matrix if side.matrix != "X" else "",
    )


def keep_side(which: str, side: Side, *, with_look: bool) -> None:
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


def is_usable(matrix: MatrixSummary) -> bool:
    return not any(finding.severity is Severity.REJECT for finding in matrix.findings)
