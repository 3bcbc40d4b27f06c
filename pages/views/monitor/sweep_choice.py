"""Choose the sweeps to show; rename, delete and restore them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shell import session
from pages.shell.clicks import act_on_click, typed
from pages.shell.errors import show_error
from pages.shell.places import in_own_place
from pages.shell.text import count, when
from pages.shell.undo_delete import DeletedItems, remember_deleted
from psmatch_core.data.checks import display
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.placed_jobs import delete_job, deleted_jobs, rename_job, restore_job
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import LONGEST_NAME
from psmatch_core.workspace.sweeps.managing import damaged_sweeps, sweeps_on

ALL_RUNS = ""
SHOWN = 30
SWEEP = "sweep"  # the kind of deleted items


def chosen_sweeps(folder: RunFolder) -> list[SweepJob]:
    """The chosen sweep and those compared with it; empty if all finished runs on these data are compared instead."""
    found, n_elsewhere = sweeps_on(session.store(), folder)
    sweeps = {each.id: each for each in found[:SHOWN]}
    deleted = DeletedItems(
        SWEEP, deleted_jobs(session.store(), SweepJob), partial(restore_job, session.store(), SweepJob)
    )
    deleted.undo_button()
    _damaged()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Runs to compare",
            [*sweeps, ALL_RUNS],
            format_func=lambda each: _title(sweeps[each]) if each else "All finished runs on these data",
            key=f"compared.{folder.id}",
        )
        if chosen:
            with st.popover("More", help="Rename or delete this sweep"):
                _more(sweeps[chosen], f"compared.{folder.id}")
    others: list[str] = []
    if chosen and len(sweeps) > 1:
        others = st.multiselect(
            "Compare with",
            [each for each in sweeps if each != chosen],
            format_func=lambda each: _title(sweeps[each]),
            key=f"beside.{chosen}",
            placeholder="other sweeps on these data",
        )
    if n_elsewhere:
        st.caption(f"{count(n_elsewhere, 'sweep')} on other data. To see them, open a run on those data.")
    deleted.show_list()
    return [sweeps[each] for each in (chosen, *others) if each]


@in_own_place
def _damaged() -> None:
    """Sweeps that cannot be read, each with its remedy."""
    for sweep, damage in damaged_sweeps(session.store()):
        show_error(damage)
        _delete_button(sweep)


def _delete_button(sweep: SweepJob) -> None:
    if act_on_click("Delete this sweep", partial(_delete, sweep), key=f"sweep.delete.{sweep.id}"):
        st.rerun()


def _delete(sweep: SweepJob) -> None:
    delete_job(session.store(), sweep)
    remember_deleted(SWEEP, sweep.id)


def _title(sweep: SweepJob) -> str:
    return f"Sweep of {when(sweep.created)}: {display(sweep.name, 80)}"


def _rename(sweep: SweepJob, field: str, box_key: str) -> None:
    """Rename the sweep and choose it again: the browser identifies the choice by its text, which has changed."""
    rename_job(session.store(), sweep, typed(field))
    session.put(box_key, sweep.id)


def _more(sweep: SweepJob, box_key: str) -> None:
    field = f"sweep.name.{sweep.id}"
    st.text_input("Name", sweep.name, key=field, max_chars=LONGEST_NAME)
    act_on_click("Rename", partial(_rename, sweep, field, box_key), key=f"sweep.rename.{sweep.id}")
    st.caption("Deleting stops the sweep. You can restore it and its runs later from “Deleted sweeps”.")
    _delete_button(sweep)
