"""Earlier matchings of three modalities and more: open, rename, delete and restore them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shell import session
from pages.shell.clicks import act_on_click, clicked, typed
from pages.shell.data_steps import DataStep
from pages.shell.errors import show_errors
from pages.shell.frame import STATES
from pages.shell.several import reset_side_forms
from pages.shell.text import plain, when
from pages.shell.undo_delete import DeletedItems, remember_deleted
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.placed_jobs import delete_job, deleted_jobs, own_jobs, rename_job, restore_job
from psmatch_core.workspace.store import LONGEST_NAME

MATCHING = SeveralJob.noun  # the kind of deleted items
SHOWN = 6


def several_list() -> None:
    """All of this person, newest first; nothing if there is none."""
    store = session.store()
    jobs = own_jobs(store, SeveralJob)
    deleted = DeletedItems(MATCHING, deleted_jobs(store, SeveralJob), partial(restore_job, store, SeveralJob))
    if not jobs and not deleted.items:
        return
    st.subheader("Matchings of three modalities and more")
    deleted.undo_button()
    for job in jobs[:SHOWN]:
        _row(job)
    if len(jobs) > SHOWN:
        with st.expander(f"{len(jobs) - SHOWN} more"):
            for job in jobs[SHOWN:]:
                _row(job)
    deleted.show_list()


def _row(job: SeveralJob) -> None:
    state = job.status().state
    is_current = job.id == session.workspace().several_id
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        marker = " · open" if is_current else ""
        st.markdown(
            f"**{plain(job.name or job.id)}**  \n{when(job.created)} · {STATES.get(state, state)}{marker}",
            width="stretch",
        )
        if clicked("Open", key=f"several.open.{job.id}", disabled=is_current):
            _open(job)
        with st.popover("More", help="Rename or delete this matching", key=f"several.more.{job.id}"):
            _more(job)


def _open(job: SeveralJob) -> None:
    """Load its files and settings, and show it in the last step."""
    with show_errors():
        session.set_workspace(session.workspace_with_several(session.workspace(), job.id))
        reset_side_forms()
        session.ask_for_step(DataStep.JUDGE)
        st.rerun()


def _more(job: SeveralJob) -> None:
    field, store = f"several.name.{job.id}", session.store()
    st.text_input("Name", job.name, key=field, max_chars=LONGEST_NAME)
    if act_on_click("Rename", lambda: rename_job(store, job, typed(field)), key=f"several.rename.{job.id}"):
        st.rerun()
    st.caption("Deleting stops the matching. You can restore it later from “Deleted matchings”.")
    if act_on_click("Delete this matching", partial(_delete, job), key=f"several.delete.{job.id}"):
        st.rerun()


def _delete(job: SeveralJob) -> None:
    delete_job(session.store(), job)
    remember_deleted(MATCHING, job.id)
    if job.id == session.workspace().several_id:
        session.set_several("")
