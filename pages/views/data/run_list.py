"""The runs of this workspace: open one, start from its settings, compare some, delete one and bring it back."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shell import cell_values, session
from pages.shell.errors import told
from pages.shell.frame import STATES, run_name
from pages.shell.navigation import path_of
from pages.shell.text import number, plain, when
from pages.shell.undo_delete import Deleted, remember
from pages.shell.workspace import from_recipe
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.workspace.results import load_facts
from psmatch_core.workspace.run_folder import QUEUED, RunFolder
from psmatch_core.workspace.store import LONGEST_NAME, RunEntry

RUN = "run"  # the kind, among what is deleted
SHOWN = 8
OF_FORMS = ("side.source", "side.target", "prep-source", "prep-target", "labels.minimum")
CHOSEN = "compare."  # begins the keys of the boxes that choose runs to compare


def run_list() -> None:
    """Earlier runs, newest first."""
    entries, deleted = session.store().entries(), Deleted(RUN, session.store().deleted(), session.store().restore)
    if not entries and not deleted.found:
        return
    st.subheader("Earlier runs")
    deleted.undo()
    shown = entries
    if len(entries) > SHOWN:
        text = st.text_input("Find a run by its name", key="runs.search", placeholder="such as ε = 0.02")
        shown = [entry for entry in entries if text.strip().casefold() in entry.name.casefold()]
        if not shown:
            st.info(f"No run's name holds {plain(text)}. Empty the search to see all.", icon=":material/search_off:")
    current = session.workspace().run_id
    for entry in shown[:SHOWN]:
        _row(entry, is_current=entry.id == current, n_runs=len(entries))
    if len(shown) > SHOWN:
        with st.expander(f"{len(shown) - SHOWN} more"):
            for entry in shown[SHOWN:]:
                _row(entry, is_current=entry.id == current, n_runs=len(entries))
    _comparison([entry for entry in entries if session.value_of(f"{CHOSEN}{entry.id}")])
    deleted.listed()


def _row(entry: RunEntry, *, is_current: bool, n_runs: int) -> None:
    name = plain(entry.name or entry.id)
    state, facts = STATES.get(entry.state, entry.state), ""
    with told():
        folder = session.store().open(entry.id)
        facts = _facts(folder)
        ahead = session.store().ahead(folder) if entry.state == QUEUED else 0
        state = f":material/hourglass_top: waits, {ahead} before it" if ahead else state
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            if n_runs > 1:
                st.checkbox(
                    f"Compare {name}",
                    key=f"{CHOSEN}{entry.id}",
                    label_visibility="collapsed",
                    width="content",
                    help="Tick two runs or more to see them side by side.",
                )
            shown = " · on show" if is_current else ""
            st.markdown(f"**{name}**  \n{when(entry.created)} · {state}{shown}", width="stretch")
            if st.button("Open", key=f"open.{entry.id}", disabled=is_current, help=f"Show run {entry.id}"):
                _open(entry.id, entry.id)
            with st.popover("More", help=f"Rename, duplicate or delete {name}", key=f"more.{entry.id}"):
                _more(entry, is_current=is_current)
        if facts:
            st.caption(facts)


def _more(entry: RunEntry, *, is_current: bool) -> None:
    name = st.text_input("Name", entry.name, key=f"name.{entry.id}", max_chars=LONGEST_NAME)
    if st.button("Rename", key=f"rename.{entry.id}", disabled=name == entry.name):
        with told():
            session.store().rename(session.store().open(entry.id), name)
            st.rerun()
    st.caption("Start another run from the settings of this one; the run itself stays as it is.")
    if st.button("Duplicate the settings", key=f"duplicate.{entry.id}", icon=":material/content_copy:"):
        _open(entry.id, "")
    st.caption("Deleting ends the run and moves it aside, from where “Deleted runs” brings it back.")
    if st.button("Delete this run", key=f"delete.{entry.id}", type="primary"):
        with told():
            session.store().delete(session.store().open(entry.id))
            remember(RUN, entry.id)
            if is_current:
                session.keep(session.workspace().with_run(""))
            st.rerun()


def _facts(folder: RunFolder) -> str:
    """Data, preset and figures of a run in one line, as far as they are there."""
    inputs = load_facts(folder, "inputs")
    parts = []
    if inputs:
        parts.append(
            " → ".join(
                f"{plain(display(inputs[side]['name'], 24))} ({inputs[side]['n_cells']:,} cells)"
                for side in ("source", "target")
            )
        )
    try:
        parts.append(f"preset {from_recipe(folder.recipe, '').preset}")
    except PsmatchError:  # told in full to whoever opens it
        parts.append("settings of another version of the program")
    figures = load_facts(folder, "figures") or {}
    losses = [
        f"{number(figures[f'loss_{side}'], 2)} of {number(figures[f'entropy_{side}'], 2)}"
        for side in ("source", "target")
        if f"loss_{side}" in figures
    ]
    if losses:
        parts.append(f"loss {' and '.join(losses)} nats")
    if "foscttm" in figures:
        parts.append(f"FOSCTTM {number(figures['foscttm'], 2)}")
    return " · ".join(parts)


def _open(run_id: str, shown: str) -> None:
    """Take over a run's settings, and show the run itself where ``shown`` names it."""
    with told():
        session.keep(session.opened(run_id).with_run(shown))
        for name in (*OF_FORMS, "preset", "space", "classifier", "scoring", "matcher", "translator", "seed"):
            session.renew(name)
        if not shown:
            st.switch_page(path_of("propensity"))
        st.rerun()


def _comparison(chosen: list[RunEntry]) -> None:
    if len(chosen) < 2:
        if chosen:
            st.caption("Tick another run to compare the two.")
        return
    st.subheader(f"{len(chosen)} runs side by side")
    with told():
        folders = [session.store().open(entry.id) for entry in chosen]
        found = cell_values.compared(folders)
        config: dict[str, Any] = {name: st.column_config.NumberColumn(format="%.4g") for name in found.names}
        if len(found.figures):
            st.markdown("**Figures**")
            st.dataframe(found.figures, column_config=config, key="compare.figures")
        else:
            st.caption("None of them has finished anything yet.")
        if len(found.settings):
            st.markdown("**Settings that differ**")
            st.dataframe(found.settings.map(_shown), key="compare.settings")
        else:
            st.caption("All their settings are the same.")
        unfinished = [run_name(folder) for folder in folders if load_facts(folder, "figures") is None]
        if unfinished and len(found.figures):
            st.caption(f"Not all figures are there for {plain(', '.join(unfinished))}.")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else display(value, 60)
