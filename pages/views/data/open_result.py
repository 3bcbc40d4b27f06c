"""Opening a result that was made elsewhere, on a command line or a cluster: by upload of a zip, or by its path."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shell import opened_results, session, upload_cleanup, uploads
from pages.shell.errors import show_error
from pages.shell.places import own_place
from pages.shell.text import plain
from psmatch_core.base.errors import PsmatchError

PLACE = "result"  # of its errors, and of what has arrived
WAITS = "new.result"
UPLOADER, PATH = "upload.result", "path.result"


def open_result_box() -> None:
    """A zip to upload and a path on the server, folded; what was wrong with the last one."""
    error = session.error_at(PLACE)
    with st.expander("Open a result of the command line or a cluster", icon=":material/drive_folder_upload:"):
        st.caption(
            "The folder that “psmatch match --out” or “psmatch match-many --out” wrote becomes a run here like any "
            "other. It is copied and checked; the folder itself is never changed."
        )
        _take_zip()
        if uploads.data_roots():
            st.text_input("Path of the folder or the zip", key=session.widget_key(PATH), placeholder="/data/my-run")
            st.button("Open the result", key="open.result", on_click=_open_path)
            st.caption(f"Allowed folders: {plain(', '.join(map(str, uploads.data_roots())))}")
    with own_place():
        if error is not None:
            show_error(error)
    _open_what_arrived()


def _take_zip() -> None:
    """An uploader whose zip is copied to disk at once and released; see ``file_choice.take_upload``."""
    upload = st.file_uploader(
        "Zip of the folder", type="zip", key=session.widget_key(UPLOADER), help=upload_cleanup.rule()
    )
    if upload is None:
        return
    try:
        saved = uploads.save_upload(upload, upload.name, session.upload_folder())
        session.put(WAITS, (str(saved), upload.name))
        session.clear_error(PLACE)
    except PsmatchError as error:
        session.put_error(PLACE, error)
    session.reset_widgets(UPLOADER)
    session.forget_upload(upload.file_id)
    st.rerun()


def _open_path() -> None:
    try:
        found = uploads.server_result(session.get(session.widget_key(PATH)) or "", closed=session.root())
        session.put(WAITS, (str(found), found.name))
        session.clear_error(PLACE)
    except PsmatchError as error:
        session.put_error(PLACE, error)


def _open_what_arrived() -> None:
    """Open what has just arrived; it is forgotten only at the end, because the next click may interrupt this script."""
    waits = session.get(WAITS)
    if waits is None:
        return
    path, shown = waits
    try:
        with st.spinner(f"Checking and copying {plain(shown, 60)}…"):
            opened_results.open_given(Path(path), shown)
        session.clear_error(PLACE)
    except PsmatchError as error:
        session.put_error(PLACE, error)
    session.pop(WAITS)
    uploads.drop_upload(Path(path), session.root())
    st.rerun()
