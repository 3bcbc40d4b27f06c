"""Compare runs: those of a sweep over settings, or all finished runs on the same data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import progress_box, session
from pages.shell.clicks import clicked
from pages.shell.frame import run_name
from pages.shell.places import in_own_place, own_place
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import count, number, plain
from pages.shell.workspace import from_recipe
from pages.views.monitor.comparison_figures import comparison_figures
from pages.views.monitor.sweep_choice import chosen_sweeps
from pages.views.monitor.sweep_form import sweep_form
from psmatch_core.monitor import FIGURES, Monitoring
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.run_folder import DONE, LastStage, RunFolder
from psmatch_core.workspace.sweeps.points import short_names
from psmatch_core.workspace.sweeps.table import compared, history, sweep_table

if TYPE_CHECKING:
    import pandas as pd

SWEEP = "sweep"  # the column that distinguishes sweeps if several are compared


def runs_compared(folder: RunFolder) -> None:
    """A form to start a sweep, and the comparison of its runs."""
    st.subheader("Runs compared")
    st.caption(
        "How do loss, agreement and the truth (if pairs are known) change together when settings change? With one dot "
        "per run, you see whether a lower loss means a better matching on these data."
    )
    with st.expander("Start a sweep over settings", icon=":material/tune:"):
        started = sweep_form(folder)
    if started is not None:
        session.put(f"compared.{folder.id}", started.id)
        st.rerun()
    sweeps = chosen_sweeps(folder)
    if sweeps:
        _sweeps(sweeps)
    else:
        _history(folder)


def _sweeps(sweeps: list[SweepJob]) -> None:
    """One sweep, or several in one figure."""
    first = sweeps[0]
    progress_box.show_job(first)
    table = sweep_table(first)
    _failures(table)
    axes = [*short_names(axis.name for axis in first.sweep.axes).values()]
    key = ".".join(each.id for each in sweeps)
    with own_place():
        if not comparison_figures(compared(sweeps), [SWEEP, *axes] if len(sweeps) > 1 else axes, key=key):
            done = int((table["state"] == DONE).sum())
            st.info(
                f"{done} of {count(len(table), 'run')} done. Figures appear when two runs are done.",
                icon=":material/schedule:",
            )
    _table(table, ["run", "state", *axes])
    _full_run(first, table)


def _history(folder: RunFolder) -> None:
    store = session.store()
    runs = [(store.open(entry.id), entry.name) for entry in store.entries()]
    table, n_without = history(runs, folder)
    with own_place():
        if n_without:
            st.caption(
                f"Not shown: {count(n_without, 'run')} on these data, made by an older version that saved no metrics."
            )
    if len(table) < 2:
        st.info(
            "There are fewer than two finished runs on these data. Start a sweep above, or run again with other "
            "settings.",
            icon=":material/arrow_forward:",
        )
        return
    current = [index for index, each in enumerate(table["id"]) if each == folder.id]
    comparison_figures(table, [], key=f"history.{folder.id}", highlight=current)
    _table(table, ["name"])


def _table(table: pd.DataFrame, first: list[str]) -> None:
    shown = [*first, *(name for name in FIGURES if name in table)]
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(each.title(), format="%.3f", help=each.unit or None)
        for name, each in FIGURES.items()
    }
    config |= {name: st.column_config.Column(name.capitalize(), pinned=name in ("run", "name")) for name in first}
    st.dataframe(
        table[shown],
        hide_index=True,
        column_config=config,
        height=38 + 35 * min(len(table), 10),
        placeholder=EMPTY_FIGURE,
    )


@in_own_place
def _failures(table: pd.DataFrame) -> None:
    failed = table[(table["problem"] != "") & (table["state"] != DONE)]
    if not len(failed):
        return
    with st.expander(f"{count(len(failed), 'run')} without a result", icon=":material/warning:"):
        for row in failed.to_dict("records"):
            st.markdown(f"- {plain(row['name'])}: {plain(row['problem'])}")


@in_own_place
def _full_run(sweep: SweepJob, table: pd.DataFrame) -> None:
    """Repeat one run of a sweep in full and open it; its finished stages are reused."""
    done = table[table["state"] == DONE]
    if not len(done):
        return
    best = done.sort_values("loss").iloc[0] if "loss" in done else done.iloc[0]
    numbers = [int(each) for each in done["run"]]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Use one of these settings",
            numbers,
            index=numbers.index(int(best["run"])),
            format_func=lambda n: f"{n}: {table['name'][n - 1]} (loss {number(float(table['loss'][n - 1]))})",
            key=f"take.{sweep.id}",
            help="The run with the smallest calibrated loss is chosen at first.",
        )
        pressed = clicked("Run in full", key=f"full.{sweep.id}", help="Starts a separate run with exports and maps.")
    if pressed and chosen is not None:
        run = sweep.runs[int(chosen) - 1]
        recipe = replace(run.recipe, monitoring=Monitoring())  # a sweep may have left the halves out
        session.set_workspace(from_recipe(recipe, session.workspace().run_id))
        progress_box.start_run(recipe, stop_after=LastStage.MATCH, name=f"From a sweep: {run_name(run)}")
