"""Runs compared: a sweep over settings launched with its budget, and every figure of its runs against every other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages._shared import background, charts, jobs, session
from pages._shared.frame import run_name
from pages._shared.sweep_form import sweep_form
from pages._shared.text import count, number, plain, when
from psmatch_core.folder import DONE, RunFolder
from psmatch_core.sweeps import FIGURES, SweepFolder, history, list_sweeps, rank_correlation, start_again, sweep_table
from psmatch_core.sweeps.points import short
from psmatch_core.sweeps.table import FEWEST_RUNS
from psmatch_core.sweeps.working import FOLDER

if TYPE_CHECKING:
    import pandas as pd

ALL_RUNS = ""
SWEEPS_SHOWN = 30


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
    sweeps = {each.id: each for each in _sweeps(folder)[:SWEEPS_SHOWN]}
    chosen = st.selectbox(
        "Which runs",
        [*sweeps, ALL_RUNS],
        format_func=lambda each: (
            f"Sweep of {when(sweeps[each].created)}: {sweeps[each].name}" if each else "All finished runs on these data"
        ),
        key=f"compared.{folder.id}",
    )
    if chosen:
        _one_sweep(sweeps[chosen])
    else:
        _history(folder)


def _sweeps(folder: RunFolder) -> list[SweepFolder]:
    """Sweeps of the workspace, those of this run first."""
    found = list_sweeps(session.root() / FOLDER)
    return sorted(found, key=lambda each: each.base_id != folder.id)


def _one_sweep(sweep: SweepFolder) -> None:
    if sweep.job.status().state != DONE:
        background.follow(
            sweep.job, "The sweep", partial(start_again, session.store(), sweep), drawn=background.parts(sweep.job)
        )
    table = sweep_table(sweep)
    _failures(table)
    axes = [short(axis.name) for axis in sweep.sweep.axes]
    if not _scatter(table, axes, key=sweep.id):
        done = int((table["state"] == DONE).sum())
        st.info(
            f"{done} of {count(len(table), 'run')} done: dots appear from the second on.", icon=":material/schedule:"
        )
    _table(table, ["run", "state", *axes])
    _take_over(sweep, table)


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
    _scatter(table, [], key=f"history.{folder.id}", highlight=on_show)
    _table(table, ["name"])


def _scatter(table: pd.DataFrame, axes: list[str], *, key: str, highlight: list[int] | None = None) -> bool:
    """Any figure against any other, and how they rank; whether there was anything to draw."""
    from psmatch_core.plotting import runs_scatter

    names = [name for name in FIGURES if name in table and table[name].notna().sum() >= 2]
    if len(names) < 2:
        return False
    truths = [name for name in names if FIGURES[name].is_truth]
    left, middle, right = st.columns(3)
    # a sweep over the matcher alone leaves the loss where it is: begin with a figure that moves
    moving = [index for index, name in enumerate(names) if table[name].nunique() > 1]
    x = left.selectbox("Across", names, index=moving[0] if moving else 0, format_func=_title, key=f"x.{key}")
    default = names.index("foscttm") if "foscttm" in names else 1
    y = middle.selectbox("Up", names, index=default, format_func=_title, key=f"y.{key}")
    color = right.selectbox("Colour by", axes, key=f"color.{key}", disabled=not axes)
    found = rank_correlation(table[x], table[y])
    interval = f", 95% interval {found.low:+.2f} to {found.high:+.2f}" if found.low == found.low else ""
    if found.n < FEWEST_RUNS:
        interval = ", too few to rely on"
    finding = (
        f"{_title(x)} and {_title(y)}: rank correlation {found.rho:+.2f} over {found.n} runs{interval}"
        if found.rho == found.rho
        else f"{_title(x)} and {_title(y)}: too few different values for a rank correlation"
    )
    titles = (_axis(x), _axis(y))
    figure = runs_scatter(table, x, y, titles=titles, finding=finding, color=color, highlight=highlight or [])
    charts.show(figure, key=f"runs.{key}.{x}.{y}", alt=f"{_title(x)} against {_title(y)}, one dot a run")
    if not truths:
        st.caption("No true pair is known on these data: only the figures that need none are compared.")
    else:
        _tracking(table, names, truths)
    return True


def _tracking(table: pd.DataFrame, names: list[str], truths: list[str]) -> None:
    """How every observable ranks with every measure of the truth."""
    rows = []
    for name in names:
        if name in truths or name.startswith("entropy"):
            continue
        found = {truth: rank_correlation(table[name], table[truth]).rho for truth in truths}
        if any(rho == rho for rho in found.values()):  # a figure that does not move ranks with nothing
            rows.append({"figure": _title(name), **{_title(truth): rho for truth, rho in found.items()}})
    with st.expander("Which figure tracks the truth here? Rank correlations of all"):
        config = {_title(truth): st.column_config.NumberColumn(_title(truth), format="%+.2f") for truth in truths}
        st.dataframe(rows, hide_index=True, column_config=config)
        st.caption(
            "FOSCTTM and rank are good when small, weight on the true partner when large: a loss that tracks the "
            "matching has a positive correlation with the first two and a negative one with the last."
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


def _take_over(sweep: SweepFolder, table: pd.DataFrame) -> None:
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
        from pages._shared.workspace import from_recipe

        run = sweep.runs[int(chosen) - 1]
        session.keep(from_recipe(run.recipe, session.workspace().run_id))
        jobs.start(run.recipe, stop_after="match", name=f"Of a sweep: {run_name(run)}")


def _title(name: str) -> str:
    return FIGURES[name].title


def _axis(name: str) -> str:
    return f"{FIGURES[name].title} ({FIGURES[name].unit})" if FIGURES[name].unit else FIGURES[name].title
