"""One run of the list: what is known of it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from pages.shell import session
from pages.shell.changed_settings import SETTINGS_FORMS
from pages.shell.clicks import act_on_click, clicked, typed
from pages.shell.errors import show_errors
from pages.shell.frame import STATES
from pages.shell.navigation import path_of
from pages.shell.opened_results import origin_text
from pages.shell.run_note import show_note
from pages.shell.several import reset_side_forms
from pages.shell.text import count, number, plain, when
from pages.shell.undo_delete import remember_deleted
from pages.views.data.run_comparison import COMPARE
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.pipeline.preset_words import preset_in_words
from psmatch_core.workspace import files
from psmatch_core.workspace.results import load_figures
from psmatch_core.workspace.run_facts import LONGEST_NOTE
from psmatch_core.workspace.run_folder import QUEUED, RunFolder
from psmatch_core.workspace.run_index import RunEntry
from psmatch_core.workspace.store import LONGEST_NAME

RUN = "run"  # the kind of deleted items
MOST_DIFFERENCES = 4


def run_row(entry: RunEntry, *, is_current: bool, n_runs: int, differs: Mapping[str, str]) -> None:
    """One run of the list.

    Parameters
    ----------
    n_runs
        Number of runs that it could be compared with.
    differs
        Settings that distinguish it from the other runs of its project.
    """
    name = plain(entry.name or entry.id)
    state, summary, origin = STATES.get(entry.state, entry.state), "", ""
    with show_errors():
        folder = session.store().open(entry.id)
        summary = "" if entry.problem else _summary(folder, differs)
        origin = f"Opened {words}" if (words := origin_text(folder)) else ""
        ahead = session.store().n_ahead(folder) if entry.state == QUEUED else 0
        if ahead:
            state = f":material/hourglass_top: waiting for {count(ahead, 'other run')}"
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            if n_runs > 1:
                st.checkbox(
                    f"Compare {name}",
                    key=f"{COMPARE}{entry.id}",
                    label_visibility="collapsed",
                    width="content",
                    help="Select two or more runs to compare them side by side.",
                )
            marker = " · current run" if is_current else ""
            st.markdown(f"**{name}**  \n{when(entry.created)} · {state}{marker}", width="stretch")
            if clicked("Open", key=f"open.{entry.id}", disabled=is_current, help=f"Show run {entry.id}"):
                _open(entry.id, entry.id)
            with st.popover("More", help=f"Annotate, rename, duplicate or delete {name}", key=f"more.{entry.id}"):
                _more(entry, is_current=is_current)
        show_note(entry.facts.note)
        if entry.problem:
            st.caption(f":material/error: {plain(entry.problem)} → {plain(entry.hint)}")
        elif entry.facts.verdict or summary or origin:
            st.caption("  \n".join(filter(None, (plain(entry.facts.verdict), summary, origin))))


def _more(entry: RunEntry, *, is_current: bool) -> None:
    is_own = session.store().owns(session.store().open(entry.id))
    if is_own:
        _annotate(entry)
        _rename(entry)
    st.caption("Start a new run with the settings of this one. This run does not change.")
    if clicked("Duplicate the settings", key=f"duplicate.{entry.id}", icon=":material/content_copy:"):
        _open(entry.id, "")
    if is_own:
        _delete(entry, is_current=is_current)
    else:
        st.caption("This run belongs to somebody else; you opened it by its link.")
        show_note(entry.facts.note, most=LONGEST_NOTE)


def _annotate(entry: RunEntry) -> None:
    field = f"note.{entry.id}"
    st.text_area(
        "Note",
        entry.facts.note,
        key=field,
        max_chars=LONGEST_NOTE,
        height=100,
        placeholder="What you tried, and what you found",
        help="Kept with the run. Whoever can read the run can read its note, which is also in the report.",
    )
    store = session.store()
    # never disabled: the click also ends the typing
    if act_on_click(
        "Save the note",
        lambda: store.annotate(store.open(entry.id), typed(field)),
        key=f"annotate.{entry.id}",
    ):
        st.rerun()


def _rename(entry: RunEntry) -> None:
    field, store = f"name.{entry.id}", session.store()
    st.text_input("Name", entry.name, key=field, max_chars=LONGEST_NAME)
    if act_on_click("Rename", lambda: store.rename(store.open(entry.id), typed(field)), key=f"rename.{entry.id}"):
        st.rerun()


def _delete(entry: RunEntry, *, is_current: bool) -> None:
    st.caption("Deleting stops the run. You can restore it later from “Deleted runs”.")
    if act_on_click("Delete this run", partial(_delete_now, entry.id), key=f"delete.{entry.id}"):
        st.rerun()


def _delete_now(run_id: str) -> None:
    store, workspace = session.store(), session.workspace()
    store.delete(store.open(run_id))
    remember_deleted(RUN, run_id)
    if workspace.run_id == run_id:
        session.set_workspace(workspace.with_run(""))


def _summary(folder: RunFolder, differs: Mapping[str, str]) -> str:
    """Data, preset, what distinguishes the run, and its metrics in one line, as far as they exist."""
    inputs = files.INPUTS.read(folder)
    parts = []
    if inputs is not None:
        sides = (inputs.source, inputs.target)
        parts.append(" → ".join(f"{plain(display(each.name, 24))} ({each.n_cells:,} cells)" for each in sides))
    try:
        parts.append(plain(preset_in_words(folder.recipe, said=differs)))
    except PsmatchError:  # shown in full to whoever opens it
        parts.append("settings of another version of psmatch")
    if differs:
        shown = [plain(f"{title} {display(words, 40)}") for title, words in list(differs.items())[:MOST_DIFFERENCES]]
        more = len(differs) - len(shown)
        parts.append(f"{', '.join(shown)}{f' and {more} more' if more else ''}")
    found = load_figures(folder)
    figures = found.to_dict() if found else {}
    losses = [
        f"{number(figures[f'loss_{side}'], 2)} of {number(figures[f'entropy_{side}'], 2)}"
        for side in ("source", "target")
        if f"loss_{side}" in figures
    ]
    if losses:
        parts.append(f"loss {' and '.join(losses)} nats")
    if "held_out_foscttm" in figures:
        parts.append(f"FOSCTTM {number(figures['held_out_foscttm'], 2)}")
    elif "foscttm" in figures:
        parts.append(f"FOSCTTM {number(figures['foscttm'], 2)} (inflated)")
    return " · ".join(parts)


def _open(run_id: str, shown: str) -> None:
    """Load a run's settings, and show the run itself if ``shown`` is its id."""
    with show_errors():
        session.set_workspace(session.workspace_of(run_id).with_run(shown))
        reset_side_forms()
        for name in SETTINGS_FORMS:
            session.reset_widgets(name)
        if not shown:
            st.switch_page(path_of("propensity"))
        st.rerun()
