"""Which sweeps are on show: one of those over these data, others beside it; renamed, deleted, brought back."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shell import session
from pages.shell.errors import told
from pages.shell.text import count, when
from pages.shell.undo_delete import Deleted, remember
from psmatch_core.data.checks import display
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import LONGEST_NAME
from psmatch_core.workspace.sweeps.managing import (
    delete_sweep,
    deleted_sweeps,
    rename_sweep,
    restore_sweep,
    sweeps_on,
)

ALL_RUNS = ""
SHOWN = 30
SWEEP = "sweep"  # the kind, among what is deleted


def chosen_sweeps(folder: RunFolder) -> list[SweepJob]:
    """The sweep on show and those beside it; none where all finished runs on these data are compared."""
    found, n_elsewhere = sweeps_on(session.store(), folder)
    sweeps = {each.id: each for each in found[:SHOWN]}
    deleted = Deleted(SWEEP, deleted_sweeps(session.store()), partial(restore_sweep, session.store()))
    deleted.undo()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Which runs",
            [*sweeps, ALL_RUNS],
            format_func=lambda each: _title(sweeps[each]) if each else "All finished runs on these data",
            key=f"compared.{folder.id}",
        )
        if chosen:
            with st.popover("More", help="Rename or delete this sweep"):
                _more(sweeps[chosen], f"compared.{folder.id}")
    beside: list[str] = []
    if chosen and len(sweeps) > 1:
        beside = st.multiselect(
            "Compared with",
            [each for each in sweeps if each != chosen],
            format_func=lambda each: _title(sweeps[each]),
            key=f"beside.{chosen}",
            placeholder="other sweeps over these data",
        )
    if n_elsewhere:
        st.caption(f"{count(n_elsewhere, 'sweep')} over other data: open a run on those to see them.")
    deleted.listed()
    return [sweeps[each] for each in (chosen, *beside) if each]


def _title(sweep: SweepJob) -> str:
    return f"Sweep of {when(sweep.created)}: {display(sweep.name, 80)}"


def _rename(sweep: SweepJob, name: str, shown_by: str) -> None:
    """Rename, and choose it anew: the browser knows what was chosen by its words, which are others now."""
    with told():
        rename_sweep(sweep, name)
        session.leave(shown_by, sweep.id)


def _more(sweep: SweepJob, shown_by: str) -> None:
    name = st.text_input("Name", sweep.name, key=f"sweep.name.{sweep.id}", max_chars=LONGEST_NAME)
    st.button(
        "Rename",
        key=f"sweep.rename.{sweep.id}",
        disabled=name == sweep.name,
        on_click=partial(_rename, sweep, name, shown_by),
    )
    st.caption("Deleting ends the sweep and moves it aside with its runs; “Deleted sweeps” brings it back.")
    if st.button("Delete this sweep", key=f"sweep.delete.{sweep.id}", type="primary"):
        with told():
            delete_sweep(session.store(), sweep)
            remember(SWEEP, sweep.id)
            st.rerun()
