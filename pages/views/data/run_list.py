"""The runs of the workspace, grouped by their data: open, annotate, rename, duplicate, delete and restore them."""

from __future__ import annotations

import streamlit as st

from pages.shell import session
from pages.shell.places import own_place
from pages.shell.text import count, plain
from pages.shell.undo_delete import DeletedItems
from pages.views.data.run_comparison import COMPARE, run_comparison
from pages.views.data.run_row import RUN, run_row
from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.projects import Project, distinguishing_settings, group_by_data
from psmatch_core.workspace.run_index import RunEntry

SHOWN = 8  # runs in sight; the others are folded
SHOWN_OF_PROJECT = 4


def run_list() -> None:
    """Earlier runs by project, the project with the newest run first."""
    store = session.store()
    entries, deleted = store.entries(), DeletedItems(RUN, store.deleted(), store.restore)
    if not entries and not deleted.items:
        return
    st.subheader("Earlier runs")
    deleted.undo_button()
    shown = entries
    if len(entries) > SHOWN:
        text = st.text_input("Find a run", key="runs.search", placeholder="part of its name, note or data")
        shown = [entry for entry in entries if _is_found(entry, text.strip().casefold())]
        with own_place():
            if not shown:
                st.info(
                    f"No run contains {plain(text)} in its name, note or data. Clear the search to see all runs.",
                    icon=":material/search_off:",
                )
    left = SHOWN
    projects = group_by_data(shown)
    for at, project in enumerate(projects):
        if left <= 0:
            n_more = sum(len(each.runs) for each in projects[at:])
            with st.expander(f"{n_more} more"):
                for each in projects[at:]:
                    _project(each, len(each.runs), n_runs=len(entries))
            break
        n_shown = min(len(project.runs), SHOWN_OF_PROJECT if len(projects) > 1 else SHOWN, left)
        _project(project, n_shown, n_runs=len(entries))
        left -= n_shown
    run_comparison([entry for entry in entries if session.get(f"{COMPARE}{entry.id}")])
    deleted.show_list()


def _is_found(entry: RunEntry, text: str) -> bool:
    facts = entry.facts
    return text in " ".join((entry.name, facts.note, facts.data_name, facts.data_files)).casefold()


def _project(project: Project, n_shown: int, *, n_runs: int) -> None:
    """The runs on one pair of files: the newest in sight, the others folded."""
    current, differs = session.workspace().run_id, _differences(tuple(entry.id for entry in project.runs))
    st.markdown(f"**{plain(project.name)}** · {count(len(project.runs), 'run')}")

    def rows(start: int, end: int) -> None:
        for at in range(start, end):
            entry = project.runs[at]
            run_row(entry, is_current=entry.id == current, n_runs=n_runs, differs=differs[at])

    rows(0, n_shown)
    if len(project.runs) > n_shown:
        with st.expander(f"{len(project.runs) - n_shown} more"):
            rows(n_shown, len(project.runs))


def _differences(run_ids: tuple[str, ...]) -> list[dict[str, str]]:
    """What distinguishes each run of a project; a recipe never changes, so it is found out once."""
    try:
        return _found_differences(str(session.root()), run_ids)
    except PsmatchError:  # a run was deleted by another process
        return [{} for _ in run_ids]


@st.cache_data(max_entries=50, show_spinner=False)
def _found_differences(place: str, run_ids: tuple[str, ...]) -> list[dict[str, str]]:
    store = session.store()
    return distinguishing_settings([store.open(each) for each in run_ids])
