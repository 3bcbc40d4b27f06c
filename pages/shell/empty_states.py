"""What a page shows when it has no results: nothing loaded, one modality missing, nothing matched, the disk full."""

from __future__ import annotations

import shutil
from contextlib import suppress

import streamlit as st

from pages.shell import demos, session
from pages.shell.clicks import act_on_click, clicked
from pages.shell.data_steps import DataStep
from pages.shell.errors import show_errors, show_problem
from pages.shell.navigation import PAGES, page_button, path_of
from pages.shell.previews import will_show
from pages.shell.text import count, plain, size
from pages.shell.workspace import Workspace
from psmatch_core.base.disk import LEAST_FREE

LITTLE = 30 * 2**20  # bytes; a run of a few thousand cells needs more


def no_data(workspace: Workspace) -> None:
    """Nothing can be computed yet: say what is missing, and link to where it is loaded."""
    loaded = [side for side in (workspace.source, workspace.target) if side is not None]
    with st.container(border=True, key="screen.no-data"):
        if not loaded:
            st.markdown(f":material/folder_open: **Nothing is loaded yet.** {will_show()}")
            with st.container(horizontal=True, vertical_alignment="center"):
                if clicked("Open the demo", key="screen.demo", type="primary", icon=":material/science:"):
                    _open_demo()
                _last_run_button()
                page_button("data", "Load your own files", step=DataStep.FILES)
        elif len(loaded) == 1:
            present = "source" if workspace.source is not None else "target"
            missing = "target" if present == "source" else "source"
            st.markdown(
                f":material/hourglass_empty: **One modality is missing.** {plain(loaded[0].shown, 60)} is loaded as "
                f"the {present}; there is no file for the {missing} yet. {will_show()}"
            )
            page_button("data", f"Load the {missing} on Data", step=DataStep.FILES)
        else:
            st.markdown(
                f":material/arrow_forward: **One decision is still needed.** {plain(workspace.missing)} {will_show()}"
            )
            page_button("data", "Decide on Data", step=workspace.questions[0][0])


def not_computed(text: str, page: str) -> None:
    """An earlier page has not computed what this one needs: say so, and link to it."""
    with st.container(border=True, key="screen.not-there"):
        st.markdown(f":material/arrow_forward: **{text}** {will_show()}")
        page_button(page, f"Go to {PAGES[page][0]}", is_main=True)


def warn_of_full_disk() -> None:
    """Warn on every page when the disk is almost full, and offer to free space."""
    place = session.root()
    while not place.exists() and place != place.parent:
        place = place.parent
    with suppress(OSError):
        free = shutil.disk_usage(place).free
        if free < LITTLE:
            _full_disk(free)


def _full_disk(free: int) -> None:
    store = session.store()
    deleted = store.deleted()
    show_problem(
        f"The disk of the workspace is {'nearly ' if free > LEAST_FREE else ''}full ({size(free)} left): runs stop, "
        "and uploads cannot be saved.",
        "Free space, then restart what has stopped. Finished results can still be read.",
        "PM-S05",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if deleted:
            what = f"Permanently remove {count(len(deleted), 'deleted run')} ({size(store.deleted_size())})"
            if act_on_click(what, store.empty_deleted, key="screen.empty", icon=":material/delete_forever:"):
                st.rerun()
        if session.get("page") == "data":
            st.caption("Delete runs under “More” in the list of earlier runs, then remove them permanently here.")
        else:
            page_button("data", "Delete runs on Data")


def _open_demo() -> None:
    with show_errors(), st.spinner("Opening the demo…"):
        demos.open_demo(next(iter(demos.DEMOS)))
        if not session.workspace().run_id:  # it is still being computed: the Data page shows the progress
            st.switch_page(path_of("data"))
        st.rerun()


def _last_run_button() -> None:
    entries = session.store().entries()
    if not entries:
        return
    last = entries[0]
    if clicked(f"Open the last run: {plain(last.name or last.id, 40)}", key="screen.last", icon=":material/history:"):
        with show_errors():
            session.set_workspace(session.workspace_of(last.id))
            st.rerun()
