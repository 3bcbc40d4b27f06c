"""What a page shows in place of results: nothing loaded, one side missing, nothing matched, the disk full."""

from __future__ import annotations

import shutil
from contextlib import suppress

import streamlit as st

from pages.shell import demos, session
from pages.shell.errors import tell, told
from pages.shell.navigation import PAGES, path_of
from pages.shell.text import count, plain, size
from pages.shell.workspace import Workspace
from psmatch_core.base.disk import LEAST_FREE
from psmatch_core.data.checks import display

LITTLE = 30 * 2**20  # bytes: less than this holds no run of a few thousand cells
WILL_SHOW = {
    "propensity": "how well each modality tells the labels apart, with its loss live while it trains, and a map of all "
    "cells by their scores",
    "match": "who goes with whom: a table of the labels, the coupling of each to be drawn from sharp to smooth, and "
    "two linked maps",
    "monitor": "whether the matching is to be believed, with the evidence for it, and runs compared with each other",
    "translate": "what cells would look like in the other modality, held against what was measured",
    "evaluate": "how near the true partners are, beside chance, where some pairs are known",
    "export": "the pairs, the coupling, the translations and a report, to download",
}


def no_data(workspace: Workspace) -> None:
    """Nothing can be computed yet: say what is missing, and offer what brings it."""
    loaded = [side for side in (workspace.source, workspace.target) if side is not None]
    with st.container(border=True, key="screen.no-data"):
        if not loaded:
            st.markdown(f":material/folder_open: **Nothing is loaded yet.** {will_show()}")
            with st.container(horizontal=True, vertical_alignment="center"):
                if st.button("Open the demo", key="screen.demo", type="primary", icon=":material/science:"):
                    _open_demo()
                _last_run()
                st.page_link(path_of("data"), label="Load your own files", icon=":material/folder_open:")
        elif len(loaded) == 1:
            there = "source" if workspace.source is not None else "target"
            missing = "target" if there == "source" else "source"
            st.markdown(
                f":material/hourglass_empty: **One side is missing.** {plain(loaded[0].shown, 60)} is loaded as the "
                f"{there}; a file for the {missing} modality is not. {will_show()}"
            )
            st.page_link(path_of("data"), label=f"Load the {missing} on Data", icon=":material/folder_open:")
        else:
            st.markdown(
                f":material/arrow_forward: **One thing is left to decide.** {plain(workspace.missing)} {will_show()}"
            )
            st.page_link(path_of("data"), label="Decide it on Data", icon=":material/folder_open:")


def not_there(text: str, page: str) -> None:
    """An earlier page has not done its work yet."""
    title, icon = PAGES[page]
    with st.container(border=True, key="screen.not-there"):
        st.markdown(f":material/arrow_forward: **{text}** {will_show()}")
        st.page_link(path_of(page), label=f"Go to {title}", icon=icon)


def disk_space() -> None:
    """Say it on every page where hardly anything fits on the disk any more, and offer to make room."""
    place = session.root()
    while not place.exists() and place != place.parent:
        place = place.parent
    with suppress(OSError):
        free = shutil.disk_usage(place).free
        if free < LITTLE:
            _full(free)


def _full(free: int) -> None:
    store = session.store()
    deleted = store.deleted()
    tell(
        f"The disk of the workspace is {'nearly ' if free > LEAST_FREE else ''}full ({size(free)} left): runs stop, "
        "and uploads cannot be kept.",
        "Make room, then start again what has stopped. What is finished can be read as before.",
        "PM-S05",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if deleted:
            what = f"Remove {count(len(deleted), 'deleted run')} for good ({size(store.deleted_size())})"
            if st.button(what, key="screen.empty", type="primary", icon=":material/delete_forever:"):
                with told():
                    store.empty_deleted()
                st.rerun()
        if session.peek("page") == "data":
            st.caption("Runs are deleted under “More” in the list of earlier runs, then removed for good here.")
        else:
            st.page_link(path_of("data"), label="Delete runs on Data", icon=":material/folder_open:")


def will_show() -> str:
    """What the page shows once there is something to show, in a sentence."""
    found = WILL_SHOW.get(str(session.peek("page") or ""))
    return f"This page will show {found}." if found else ""


def _open_demo() -> None:
    with told(), st.spinner("Opening the demo…"):
        demos.open_demo(next(iter(demos.DEMOS)))
        if not session.workspace().run_id:  # it is still being computed: Data says how far it is
            st.switch_page(path_of("data"))
        st.rerun()


def _last_run() -> None:
    entries = session.store().entries()
    if not entries:
        return
    last = entries[0]
    if st.button(
        f"Open the last run: {display(last.name or last.id, 40)}", key="screen.last", icon=":material/history:"
    ):
        with told():
            session.keep(session.opened(last.id))
            st.rerun()
