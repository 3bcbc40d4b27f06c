"""The file of one modality: uploaded or opened on the server, inspected, and used only if it can be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages.shell import session, upload_cleanup, uploads
from pages.shell.errors import show_error
from pages.shell.file_summaries import demo_summary, summary_of
from pages.shell.text import plain
from pages.shell.workspace import DEMO, Side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import FORMATS_READ, DataSpec, FileSummary
from psmatch_core.data.sides import ALL_SIDES, SIDES

LARGE = "For files above 500 MB, give a path on the server instead: an upload is held in the server's memory."


def choose_file(which: str) -> None:
    """An uploader, and a field for a path on the server."""
    take_upload(
        which,
        f"upload.{which}",
        "path",
        f"{FORMATS_READ}; tables with cells in rows and names in the first column; images as h5ad or npz",
        help_text=f"{LARGE} {upload_cleanup.rule()}",
    )
    if not uploads.data_roots():
        return
    with st.expander("Open a file on the server"):
        st.text_input("Path", key=session.widget_key(f"path.{which}"), placeholder="/data/rna.h5ad")
        st.button("Open", key=f"open.{which}", on_click=_open_path, args=(which, f"path.{which}"))
        st.caption(f"Allowed folders: {plain(', '.join(map(str, uploads.data_roots())))}")


def take_upload(which: str, name: str, part: str, label: str, *, help_text: str | None = None) -> None:
    """An uploader whose file is copied to disk at once and released, because Streamlit would keep it in memory.

    The browser holds the file until the page lets go of it, so a script that is interrupted (by a second file dropped
    while the first is being copied) takes it the next time. A callback would be cut short, and the file lost.

    Parameters
    ----------
    name
        Name of the uploader.
    part
        ``path`` for the data, ``labels`` for a second table.
    label
        What may be uploaded here.
    """
    upload = st.file_uploader(label, key=session.widget_key(name), help=help_text)
    if upload is None:
        return
    try:
        saved = uploads.save_upload(upload, upload.name, session.upload_folder())
        session.put(f"new.{which}.{part}", (str(saved), saved.name))
        session.clear_error(which)
    except PsmatchError as error:
        session.put_error(which, error)
    session.reset_widgets(name)
    session.forget_upload(upload.file_id)
    st.rerun()


def _open_path(which: str, name: str) -> None:
    try:
        found = uploads.server_file(session.get(session.widget_key(name)) or "", closed=session.root())
        session.put(f"new.{which}.path", (str(found), found.name))
        session.clear_error(which)
    except PsmatchError as error:
        session.put_error(which, error)


def use_new_file(which: str) -> None:
    """Inspect a file that has just arrived; it replaces the chosen one only if it can be used.

    The arrival is cleared only at the end, because the visitor's next click may interrupt this script.
    """
    new, table = session.get(f"new.{which}.path"), session.get(f"new.{which}.labels")
    side = session.workspace().side(which)
    if new is None and (table is None or side is None):
        return
    changed = None
    try:
        with st.spinner("Inspecting the file…"):
            if new is not None:
                path, shown = new
                changed = _opened(which, path, shown)
            elif table is not None and side is not None:
                path, shown = table
                changed = _with_label_table(side, path, shown)
    except PsmatchError as error:
        session.put_error(which, error)
    if changed is not None:
        session.set_workspace(session.workspace().with_side(which, _judged(which, changed)))
        _reset_form(which)
    session.pop(f"new.{which}.path")
    session.pop(f"new.{which}.labels")


def _judged(which: str, side: Side) -> Side:
    """The side after the checks of its label column, if one is chosen; none is chosen if they refuse it."""
    summary = side.summary
    if not side.label_key or (
        summary and summary.label_key == side.label_key and side.matrix == summary.matrices[0].key
    ):
        return side
    try:
        with st.spinner("Checking the labels…"):
            return replace(side, summary=_inspect(side))
    except PsmatchError as error:
        session.put_error(which, error)
        return replace(side, label_key="")


def _with_label_table(side: Side, path: str, shown: str) -> Side:
    """The side with a second table; if the table adds a single label column, that one is chosen."""
    known = {column.name for column in side.summary.columns} if side.summary else set()
    joined = replace(side, labels_path=path, labels_shown=shown, label_key="")
    summary = _inspect(joined)
    added = [column.name for column in summary.label_candidates if column.name not in known]
    return replace(joined, summary=summary, label_key=added[0] if len(added) == 1 else "")


def _opened(which: str, path: str, shown: str) -> Side:
    """The side of a new file; of one with several modalities, the first that no other side uses."""
    names = [other.label_key for other in _others(which) if other.label_key]
    summary = summary_of(DataSpec(path=path), shown, _summaries(), label_names=names)
    if not summary.needs_part:
        return _new_side(which, path, shown, summary)
    others = [other for other in _others(which) if other.summary and other.summary.sha256 == summary.sha256]
    used = {other.part for other in others}
    part = next((each.name for each in summary.parts if each.name not in used), summary.parts[0].name)
    summary = summary_of(DataSpec(path=path, part=part), shown, _summaries(), label_names=names)
    return replace(_new_side(which, path, part, summary), shown=shown, part=part)


def _new_side(which: str, path: str, shown: str, summary: FileSummary) -> Side:
    """A side with the usual choices: the usual label column, the first usable matrix, the file's name."""
    usable = [matrix.key for matrix in summary.matrices if matrix.is_usable]
    name = Path(shown.removesuffix(".gz")).stem or which
    if any(other.name == name for other in _others(which)):
        name = f"{name} {which}"
    return Side(path, shown, summary, label_key=summary.label_key, matrix=usable[0] if usable else "X", name=name)


def _others(which: str) -> list[Side]:
    """The other modalities that are there, the reference first."""
    workspace = session.workspace()
    return [side for each in ALL_SIDES if each != which and (side := workspace.side(each)) is not None]


def with_summary(which: str, side: Side) -> Side | None:
    """The side with the summary of its file, which is missing if a run was opened by its link."""
    if side.summary is not None:
        return side
    try:
        with st.spinner(f"Inspecting {plain(side.shown)}…"):
            if side.path.startswith(DEMO):
                summary = demo_summary(side.path.removeprefix(DEMO), which, session.root() / "demos")
            else:
                summary = _inspect(side)
    except PsmatchError as error:
        show_error(error)
        st.caption("The results of the run can still be read.")
        return None
    found = replace(side, summary=summary, shown=summary.name)
    session.set_workspace(session.workspace().with_side(which, found))
    return found


def save_side(which: str, side: Side, *, inspect: bool) -> None:
    """Save a changed side and rerun the page.

    Parameters
    ----------
    inspect
        Whether the change affects what the file's summary says.
    """
    if inspect and not side.path.startswith(DEMO):
        try:
            with st.spinner(f"Inspecting {plain(side.shown)}…"):
                side = replace(side, summary=_inspect(side))
            session.clear_error(which)
        except PsmatchError as error:
            session.put_error(which, error)
            _reset_form(which)
            st.rerun()
    session.set_workspace(session.workspace().with_side(which, side))
    st.rerun()


def change_both(source: Side, target: Side) -> None:
    """Save changes on both sides at once, and rerun the page; nothing changes if a file cannot be read so."""
    try:
        with st.spinner("Inspecting both files…"):
            changed = [replace(side, summary=_inspect(side)) for side in (source, target)]
    except PsmatchError as error:
        session.put_error("source", error)
        st.rerun()
    workspace = session.workspace()
    for which, side in zip(SIDES, changed, strict=True):
        workspace = workspace.with_side(which, side)
        _reset_form(which)
    session.set_workspace(workspace)
    st.rerun()


def _summaries() -> Path:
    return session.root() / "summaries"


def _inspect(side: Side) -> FileSummary:
    return summary_of(side.spec, side.shown, _summaries())


def _reset_form(which: str) -> None:
    for name in (f"side.{which}", f"roles.{which}", f"prep.{which}", f"upload.labels.{which}"):
        session.reset_widgets(name)
