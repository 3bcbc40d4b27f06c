"""What stands on every page: the guard, the title with its question, the run on show, and the next step."""

from __future__ import annotations

import streamlit as st

from pages.shell import empty_states, session
from pages.shell.errors import show_error
from pages.shell.hints import hint
from pages.shell.navigation import PAGES, guard, path_of
from pages.shell.style import style
from pages.shell.text import plain, when
from pages.shell.workspace import Workspace
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, RunFolder

STATES = {
    QUEUED: ":material/hourglass_top: at work",
    RUNNING: ":material/hourglass_top: at work",
    DONE: ":material/check: done",
    FAILED: ":material/error: failed",
    CANCELLED: ":material/cancel: cancelled",
    LOST: ":material/error: ended without a word",
}


def begin(page: str, question: str) -> Workspace:
    """Open a page; returns what the visitor works on."""
    guard()
    st.set_page_config(page_title=f"{PAGES[page][0]} · psmatch")
    style()
    workspace = session.workspace()
    session.show_link()
    st.title(PAGES[page][0])
    st.markdown(f"**{question}**")
    session.leave("page", page)
    error = session.said("link")
    if error is not None:
        show_error(error)
        _salvage()
    empty_states.disk_space()
    hint(page)
    _sidebar(workspace)
    return workspace


def need_data(workspace: Workspace) -> None:
    """Stop here until the Data page is finished, and say what is missing."""
    if workspace.run_id or not workspace.missing:
        return
    empty_states.no_data(workspace)
    end()
    st.stop()


def need(there: bool, text: str, page: str) -> None:
    """Stop here until an earlier page has done its work."""
    if there:
        return
    folder = session.current_run()
    if folder is None or folder.status().state not in (FAILED, CANCELLED, LOST):  # else that is what the page says
        empty_states.not_there(text, page)
    end()
    st.stop()


def next_step(page: str, text: str) -> None:
    """The last line of a page: where to go from here."""
    st.divider()
    title, icon = PAGES[page]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(path_of(page), label=f"Next: {title}", icon=icon)
        st.caption(text)
    end()


def end() -> None:
    """The end of a page's script."""
    session.settle()


def run_name(folder: RunFolder) -> str:
    """What the user calls a run, or when it was made."""
    job = folder.job
    return str(job.get("name") or when(float(job.get("created", 0.0))))


def _salvage() -> None:
    """The files of a run whose settings cannot be read here, with today's settings."""
    run_id = str(session.peek("link") or "")
    found = session.salvaged(run_id)
    if found is None:
        return
    if st.button("Load its files with today's settings", key="salvage", icon=":material/restore_page:"):
        session.hush("link")
        session.keep(found)
        st.switch_page(path_of("data"))


def _sidebar(workspace: Workspace) -> None:
    with st.sidebar:
        folder = session.current_run()
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
        st.caption("Run on show")
        st.markdown(f"**{plain(run_name(folder))}**  \n{STATES.get(status.state, status.state)}")
        st.caption("The address of this page leads back to the run, in any browser.")
