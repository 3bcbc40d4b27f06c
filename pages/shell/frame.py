"""What every page has: title and question, errors, the hint, the run in the sidebar, and the next step."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shell import empty_states, session
from pages.shell.clicks import clicked, tell_lost_clicks
from pages.shell.errors import show_error, show_errors
from pages.shell.hints import hint
from pages.shell.login import has_login, require_login, show_login
from pages.shell.navigation import PAGES, boot_if_opened_alone, page_button, path_of
from pages.shell.opened_results import origin_text
from pages.shell.places import own_place
from pages.shell.run_note import show_note
from pages.shell.sharing import is_shared
from pages.shell.style import style
from pages.shell.text import plain, when
from pages.shell.workspace import Workspace
from psmatch_core.workspace.run_facts import read_note
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, RunFolder

STATES = {
    QUEUED: ":material/hourglass_top: running",
    RUNNING: ":material/hourglass_top: running",
    DONE: ":material/check: done",
    FAILED: ":material/error: failed",
    CANCELLED: ":material/cancel: cancelled",
    LOST: ":material/error: stopped unexpectedly",
}


def start_page(page: str, question: str) -> Workspace:
    """Draw the top of a page; returns what the visitor works on."""
    boot_if_opened_alone()
    require_login()
    st.set_page_config(page_title=f"{PAGES[page][0]} · psmatch")
    style()
    workspace = session.workspace()
    session.write_address()
    st.title(PAGES[page][0])
    st.markdown(f"**{question}**")
    session.put("page", page)
    with own_place():
        error = session.error_at("link")
        if error is not None:
            show_error(error)
            _offer_files_of_run()
        empty_states.warn_of_full_disk()
        _foreign_notice()
        if session.current_run() is None:  # else it stands under the picture
            hint(page)
    _sidebar(workspace)
    session.put("drawn", _drawn(workspace))
    return workspace


def require_data(workspace: Workspace) -> None:
    """Stop the page here until the Data page is finished, and say what is missing."""
    if workspace.run_id or not workspace.missing:
        return
    empty_states.no_data(workspace)
    finish_page()
    st.stop()


def require(is_there: bool, text: str, page: str) -> None:
    """Stop the page here until an earlier page has produced what this one shows."""
    if is_there:
        return
    folder = session.current_run()
    if folder is None or folder.status().state not in (FAILED, CANCELLED, LOST):  # else the page has just said that
        empty_states.not_computed(text, page)
    finish_page()
    st.stop()


def say_answer(sentence: str, *, on: str = "page") -> None:
    """The answer to the question of a page, in one sentence in plain words, above all figures.

    Parameters
    ----------
    on
        What it is about, where a page has more than one.
    """
    with st.container(key=f"answer-{on}"):
        st.markdown(plain(sentence))


def picture_and_settings(folder: RunFolder | None, is_there: bool) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where a page draws its picture and its settings.

    The picture comes first as soon as there is one, and so does what there is to say of a run that works or has failed.
    The settings keep their place, so that nobody who types in them loses a word when the picture arrives.
    """
    above, settings, below = own_place(), st.container(), own_place()
    comes_first = is_there or (folder is not None and folder.status().state != DONE)
    return (above if comes_first else below), settings


def next_step(page: str, text: str, *, is_ready: bool = False) -> None:
    """The last lines of a page: its hint, once there is something to see, and where to go from here.

    Parameters
    ----------
    is_ready
        Whether this page has done its part, so that the next one is what to do now.
    """
    with own_place():
        if session.current_run() is not None:
            hint(str(session.get("page")))
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center"):
        page_button(page, f"Next: {PAGES[page][0]}", is_main=is_ready)
        st.caption(text)
    finish_page()


def run_name(folder: RunFolder) -> str:
    """The user's name for a run, or the time at which it was created."""
    job = folder.job
    return str(job.get("name") or when(float(job.get("created", 0.0))))


def finish_page() -> None:
    """What every page ends with, after its last line."""
    if session.get("drawn") != _drawn(session.workspace()):  # a file arrived below: draw the whole page from one state
        st.rerun()
    tell_lost_clicks()
    session.freeze_imported()


def _drawn(workspace: Workspace) -> tuple[str, ...]:
    """What the top of a page and its sidebar show of the workspace."""
    sides = (workspace.source, workspace.target, workspace.third)
    return (workspace.run_id, *(f"{side.path} {side.name} {side.summary is None}" if side else "" for side in sides))


def _offer_files_of_run() -> None:
    """A button that loads the files of a run whose settings cannot be read, with the current settings."""
    run_id = str(session.get("link") or "")
    found = session.files_of(run_id)
    if found is None:
        return
    if clicked("Load its files with the current settings", key="salvage", icon=":material/restore_page:"):
        session.clear_error("link")
        session.set_workspace(found)
        st.switch_page(path_of("data"))


def _foreign_notice() -> None:
    """Say so if the current run belongs to somebody else, and offer a copy."""
    folder = session.current_run()
    if folder is None or session.store().owns(folder):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            ":material/lock: **This run belongs to somebody else.** You can read all of it; to change it, make a copy.",
            width="stretch",
        )
        if clicked("Copy to my runs", key="copy.run", icon=":material/content_copy:"):
            with show_errors():
                session.set_workspace(session.workspace_of(session.store().adopt(folder).id))
                st.rerun()


def _sidebar(workspace: Workspace) -> None:
    with st.sidebar:
        folder = session.current_run()
        if has_login():
            show_login()
        elif is_shared():
            st.caption(
                "Only you see your runs. The address of this page contains your key: bookmark it to come back to your "
                "runs, and do not pass it on."
            )
        if folder is None:
            if workspace.source and workspace.target:
                st.caption(f"{plain(workspace.source.name)} → {plain(workspace.target.name)}: no run yet")
            elif workspace.source or workspace.target:
                loaded = workspace.source or workspace.target
                missing = "target" if workspace.source else "source"
                st.caption(f"{plain(loaded.name if loaded else '')} is loaded; the {missing} is missing")
            else:
                st.caption("No data loaded yet")
            return
        status = folder.status()
        st.caption("Current run")
        st.markdown(f"**{plain(run_name(folder))}**  \n{STATES.get(status.state, status.state)}")
        if origin := origin_text(folder):
            st.caption(f"Opened {origin}")
        show_note(read_note(folder.path), most=150, rest="the rest on Data")
        if is_shared():
            st.caption("Read-only link: whoever has it can read this run and copy it, but change nothing.")
            st.code(session.run_link(folder.id), language=None, wrap_lines=True)
        else:
            st.caption("Bookmark or share the address of this page to reopen the run in any browser.")
