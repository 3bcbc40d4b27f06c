"""Runs compared: a sweep over settings launched with its budget, and every figure of its runs against every other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts, job_box, progress_box, session
from pages.shell.frame import run_name
from pages.shell.tabs import tabs
from pages.shell.text import count, number, plain
from pages.views.monitor.sweep_form import sweep_form
from pages.views.monitor.sweep_list import chosen_sweeps
from psmatch_core.monitor.run_figures import FIGURES
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.run_folder import DONE, LastStage, RunFolder
from psmatch_core.workspace.sweeps.points import short
from psmatch_core.workspace.sweeps.table import (
    compared,
    history,
    in_words,
    moving,
    rank_correlation,
    rank_matrix,
    sweep_table,
)

if TYPE_CHECKING:
    import pandas as pd

SWEEP = "sweep"  # the column that tells sweeps apart where several are compared


def sweep_view(folder: RunFolder) -> None:
    """The runs on these data compared, and a launcher for more of them."""
    st.subheader("Runs compared")
    st.caption(
        "How do loss, stability and the truth (where pairs are known) move together when settings change? One dot a "
        "run: does a lower loss mean a better matching on these data?"
    )
    with st.expander("Start a sweep over settings", icon=":material/tune:"):
        started = sweep_form(folder)
    if started is not None:
        session.leave(f"compared.{folder.id}", started.id)
        st.rerun()
    sweeps = chosen_sweeps(folder)
    if sweeps:
        _sweeps(sweeps)
    else:
        _history(folder)


def _sweeps(sweeps: list[SweepJob]) -> None:
    """One sweep, or several in one picture."""
    first = sweeps[0]
    if not first.is_done:
        job_box.follow(first)
    table = sweep_table(first)
    _failures(table)
    axes = [short(axis.name) for axis in first.sweep.axes]
    if not _pictures(compared(sweeps), [SWEEP, *axes] if len(sweeps) > 1 else axes, key=".".join(_key(sweeps))):
        done = int((table["state"] == DONE).sum())
        st.info(
            f"{done} of {count(len(table), 'run')} done: dots appear from the second on.", icon=":material/schedule:"
        )
    _table(table, ["run", "state", *axes])
    _take_over(first, table)


def _key(sweeps: list[SweepJob]) -> list[str]:
    return [each.id for each in sweeps]


def _history(folder: RunFolder) -> None:
    store = session.store()
    runs = [(store.open(entry.id), entry.name) for entry in store.entries()]
    table, without = history(runs, folder)
    if without:
        st.caption(f"{count(without, 'run')} on these data made by an older version hold no figures and are not shown.")
    if len(table) < 2:
        st.info(
            "Fewer than two finished runs on these data can be compared. Start a sweep above, or run again with other "
            "settings.",
            icon=":material/arrow_forward:",
        )
        return
    on_show = [index for index, each in enumerate(table["id"]) if each == folder.id]
    _pictures(table, [], key=f"history.{folder.id}", highlight=on_show)
    _table(table, ["name"])


def _pictures(table: pd.DataFrame, axes: list[str], *, key: str, highlight: list[int] | None = None) -> bool:
    """Two figures, all against the truth, all against all; whether there was anything to draw."""
    names = [name for name in FIGURES if name in table and table[name].notna().sum() >= 2]
    if len(names) < 2:
        return False
    truths = [name for name in names if FIGURES[name].needs_pairs]
    views = {
        "Two figures": partial(_scatter, table, names, axes, key=key, highlight=highlight),
        "Against the truth": partial(_against_truth, table, truths, key=key),
        "All against all": partial(_all_pairs, table, key=key),
    }
    tabs(views, key=f"compared.tabs.{key}")
    return True


def _scatter(
    table: pd.DataFrame, names: list[str], axes: list[str], *, key: str, highlight: list[int] | None = None
) -> None:
    """Any figure against any other, and how they rank."""
    from psmatch_core.plotting import runs_scatter

    left, middle, right = st.columns(3)
    # a sweep over the matcher alone leaves the loss where it is: begin with a figure that moves
    moves = [names.index(each) for each in moving(table) if each in names]
    x = left.selectbox("Across", names, index=moves[0] if moves else 0, format_func=_title, key=f"x.{key}")
    default = names.index("foscttm") if "foscttm" in names else 1
    y = middle.selectbox("Up", names, index=default, format_func=_title, key=f"y.{key}")
    color = right.selectbox("Colour by", axes, key=f"color.{key}", disabled=not axes)
    finding = in_words(x, y, rank_correlation(table[x], table[y]))
    titles = (_axis(x), _axis(y))
    figure = runs_scatter(table, x, y, titles=titles, finding=finding, color=color, highlight=highlight or [])
    charts.show(figure, key=f"runs.{key}.{x}.{y}", alt=f"{_title(x)} against {_title(y)}, one dot a run")


def _against_truth(table: pd.DataFrame, truths: list[str], *, key: str) -> None:
    """Every observable against a measure of the truth: which of them would have told, without a true pair?"""
    from psmatch_core.plotting import runs_panels

    if not truths:
        st.info(
            "No true pair is known on these data: only the figures that need none are compared.",
            icon=":material/arrow_forward:",
        )
        return
    truth = st.selectbox("The truth", truths, format_func=_title, key=f"truth.{key}")
    seen = [name for name in moving(table) if not FIGURES[name].needs_pairs and not name.startswith("entropy")]
    found = {name: rank_correlation(table[name], table[truth]) for name in seen}
    known = sorted((name for name in seen if found[name].rho == found[name].rho), key=lambda n: -abs(found[n].rho))
    if not known:
        st.info(f"{_title(truth)} is the same in all runs: nothing can track it.", icon=":material/arrow_forward:")
        return
    titles = {name: f"{_title(name)} {found[name].rho:+.2f}" for name in known} | {truth: _axis(truth)}
    charts.show(
        runs_panels(table, known, truth, titles=titles, finding=in_words(known[0], truth, found[known[0]])),
        key=f"truth.{key}.{truth}",
        alt=f"Every figure that needs no true pair against {_title(truth)}, one dot a run",
    )
    st.caption(
        "Numbers: rank correlation over the runs, strongest first. FOSCTTM and rank are good when small, weight on the "
        "true partner when large. Runs of a grid are not independent: read few of them with care."
    )


def _all_pairs(table: pd.DataFrame, *, key: str) -> None:
    from psmatch_core.plotting import rank_heatmap

    names = [name for name in moving(table) if table[name].notna().sum() >= 2]
    if len(names) < 2:
        st.info("Fewer than two figures differ between these runs.", icon=":material/arrow_forward:")
        return
    charts.show(
        rank_heatmap(
            rank_matrix(table, names),
            titles={name: _title(name) for name in names},
            finding=f"How {count(len(names), 'figure')} rank with each other over {count(len(table), 'run')}",
        ),
        key=f"matrix.{key}",
        alt="Rank correlation of every figure with every other over the runs",
    )


def _table(table: pd.DataFrame, first: list[str]) -> None:
    shown = [*first, *(name for name in FIGURES if name in table)]
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(_title(name), format="%.3f", help=FIGURES[name].unit or None)
        for name in FIGURES
    }
    config |= {name: st.column_config.Column(name.capitalize(), pinned=name in ("run", "name")) for name in first}
    st.dataframe(table[shown], hide_index=True, column_config=config, height=38 + 35 * min(len(table), 10))


def _failures(table: pd.DataFrame) -> None:
    failed = table[(table["problem"] != "") & (table["state"] != DONE)]
    if not len(failed):
        return
    with st.expander(f"{count(len(failed), 'run')} without a result", icon=":material/warning:"):
        for row in failed.to_dict("records"):
            st.markdown(f"- {plain(row['name'])}: {plain(row['problem'])}")


def _take_over(sweep: SweepJob, table: pd.DataFrame) -> None:
    """One run of a sweep done in full, as the run on show: its finished stages are used again."""
    done = table[table["state"] == DONE]
    if not len(done):
        return
    best = done.sort_values("loss").iloc[0] if "loss" in done else done.iloc[0]
    numbers = [int(each) for each in done["run"]]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "One of these settings",
            numbers,
            index=numbers.index(int(best["run"])),
            format_func=lambda n: f"{n}: {table['name'][n - 1]} (loss {number(float(table['loss'][n - 1]))})",
            key=f"take.{sweep.id}",
            help="It begins at the run with the smallest calibrated loss.",
        )
        pressed = st.button("Do it in full", key=f"full.{sweep.id}", help="With exports and maps, as a run of its own.")
    if pressed and chosen is not None:
        from pages.shell.workspace import from_recipe

        run = sweep.runs[int(chosen) - 1]
        session.keep(from_recipe(run.recipe, session.workspace().run_id))
        progress_box.start(run.recipe, stop_after=LastStage.MATCH, name=f"Of a sweep: {run_name(run)}")


def _title(name: str) -> str:
    return FIGURES[name].title()


def _axis(name: str) -> str:
    return FIGURES[name].axis()
