"""Results that were made elsewhere: opened in the visitor's workspace, and what pages say of where they came from."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages.shell import session, uploads
from pages.shell.changed_settings import SETTINGS_FORMS
from pages.shell.data_steps import DataStep
from pages.shell.navigation import PAGES, page_button
from pages.shell.places import in_own_place
from pages.shell.several import reset_side_forms
from pages.shell.text import count, plain, when
from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.app import OPENED_RESULT
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.opening.named_data import missing_data
from psmatch_core.workspace.opening.open_result import open_result, opened_origin
from psmatch_core.workspace.run_folder import RunFolder

SAID = "result.said"  # what the last opening left to say


def open_given(place: Path, shown: str) -> None:
    """Open a folder or a zip, and show it.

    Raises
    ------
    PsmatchError
        If it cannot be opened; nothing is left behind.
    """
    store = session.store()
    opened = open_result(store, place, shown=shown, may_read=lambda path: uploads.may_read(path, closed=session.root()))
    said = [] if opened.is_new else ["It had been opened before: this is the earlier copy."]
    said += [f"Not taken: {each}" for each in opened.left_out]
    show_opened(opened.kind, opened.folder.id)
    session.put(SAID, (opened.folder.id, tuple(said)))


def open_named() -> bool:
    """Show the result that ``psmatch app FOLDER`` named; returns whether it named one."""
    kind, _, job_id = os.environ.get(OPENED_RESULT, "").partition(" ")
    if not job_id:
        return False
    try:
        show_opened(kind, job_id)
    except PsmatchError as error:  # it was deleted since
        session.put_error("link", error)
    return True


def show_opened(kind: str, job_id: str) -> None:
    """Let the visitor work on a run, or on a matching of several modalities."""
    if kind == SeveralJob.kind:
        session.set_workspace(replace(session.workspace_with_several(session.workspace(), job_id), run_id=""))
        session.ask_for_step(DataStep.JUDGE)
    else:
        session.set_workspace(session.workspace_of(job_id))
    reset_side_forms()
    for name in SETTINGS_FORMS:
        session.reset_widgets(name)


@in_own_place
def opened_box(folder: RunFolder) -> None:
    """Where an opened run came from, and the pages that show it; nothing for a run that was computed here."""
    if opened_origin(folder) is None:
        return
    with st.container(border=True, key="result.opened"):
        st.markdown(f":material/drive_folder_upload: **Opened {origin_text(folder)}.**")
        said = session.get(SAID)
        for text in said[1] if said is not None and said[0] == folder.id else ():
            st.caption(plain(text))
        missing_files_note(folder)
        with st.container(horizontal=True):
            for page in ("propensity", "match", "monitor", "export"):
                page_button(page, PAGES[page][0])


def origin_text(folder: RunFolder) -> str:
    """Where an opened result came from, in words that follow “opened”; empty for one that was computed here."""
    origin = opened_origin(folder)
    if origin is None:
        return ""
    by = f" by psmatch {plain(origin.version, 20)}" if origin.version else ""
    made = f", computed {when(origin.made)}{by}" if origin.made else by
    return f"from {plain(origin.name, 60)}{made}"


@in_own_place
def missing_files_note(folder: RunFolder) -> None:
    """Say which data files of an opened run are not here, and what needs them."""
    try:
        missing = missing_data(folder.recipe) if opened_origin(folder) is not None else ()
    except PsmatchError:  # the top of the page tells
        return
    if missing:
        st.caption(
            f":material/link_off: {count(len(missing), 'data file')} of it {'is' if len(missing) == 1 else 'are'} not "
            f"here ({plain(', '.join(missing), 120)}). All results can be read, drawn and exported, labels left out "
            "and cells measured again; only a new run, other labels or other values need the files on Data."
        )
