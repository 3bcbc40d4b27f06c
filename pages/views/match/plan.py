"""The plan of one label: a slider from sharp to smooth with its heatmap, its pairs and its trade-off curve.

All positions of the slider are solved once in the background; moving it only shows what is already solved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts, progress_box, session
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors
from pages.shell.heat_canvas import show_heatmap
from pages.shell.places import own_place
from pages.shell.read_only import may_change
from pages.shell.tables import EMPTY_CELL, in_percent, percent_column
from pages.shell.text import count, number, plain
from pages.views.match import selected_cells, slider_state
from pages.views.match.l_curve import l_curve_view
from pages.views.match.label_box import label_box
from pages.views.match.witness import witness_view
from psmatch_core.data.checks import display
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.witness import WITNESSED
from psmatch_core.workspace.run_folder import LastStage, RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.epsilon_path import EpsilonPath
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

AUTOMATIC = 30_000_000  # pairs of cells up to which a label is solved without being asked: about ten seconds
A_MINUTE = 150_000_000  # pairs of cells that are solved in less than a minute
LEGEND = 24  # px added above the curve: in a narrow column its legend takes two lines
LISTED = 100  # cells in the table of pairs
SLIDER_WORKS = "You can already move the slider: the figures show the nearest plan that is solved."


def plan_tab(folder: RunFolder, coupling: Coupling) -> None:
    """The plan of one label, and below it the curve over several labels."""
    label = label_box(folder, coupling, "heat")
    if label is None:
        return
    with own_place():
        _one_label(folder, coupling, label)
    if isinstance(folder.recipe.matcher, WITNESSED):
        with st.expander("Check this label with another solver"):
            witness_view(folder, label)
    if folder.recipe.matcher.has_epsilon():
        with st.expander("Trade-off curve over several labels"):
            l_curve_view(folder, coupling)


def _one_label(folder: RunFolder, coupling: Coupling, label: str) -> None:
    """A label with its slider once the first plans are solved; until then the plan of the run."""
    from psmatch_core.exploration.epsilon_grid import is_adjustable
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    if not is_adjustable(folder.recipe.matcher):
        _plan_of_run(folder, coupling, label)
        st.caption("This method has no epsilon or k that can be adjusted per label.")
        return
    job = EpsilonPathJob.latest(folder, label)
    n, m = coupling[label].shape
    if job is None and n * m > AUTOMATIC:
        _solve_button(folder, label, n, m)
    elif job is None and may_change(folder, to="adjust epsilon for this label"):
        with show_errors():
            job = session.store().start_job(EpsilonPathJob.create(folder, label))
    if job is None or not (job.is_active or job.is_done):
        if job is not None:
            progress_box.show_job(job)
        _plan_of_run(folder, coupling, label)
        return
    current, is_active = job, job.is_active
    fragment: Callable[[], None] = st.fragment(
        lambda: _with_slider(folder, coupling, current, is_active), run_every="1s" if is_active else None
    )
    fragment()


def _solve_button(folder: RunFolder, label: str, n: int, m: int) -> None:
    """A button that solves the plans of a large label, with how long that takes."""
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    if not may_change(folder, to="adjust epsilon for this label"):
        return
    duration = "less than a minute" if n * m <= A_MINUTE else "several minutes"
    st.caption(f"{n:,} × {m:,} cells. To adjust this label, about 25 plans are solved first, which takes {duration}.")
    if clicked("Solve the plans", key=f"epsilon.start.{folder.id}", icon=":material/stairs:"):
        with show_errors():
            session.store().start_job(EpsilonPathJob.create(folder, label))
        st.rerun()


def _with_slider(folder: RunFolder, coupling: Coupling, job: EpsilonPathJob, was_active: bool) -> None:
    path = slider_state.epsilon_path(folder, job)
    with own_place():
        if job.is_active:
            progress_box.draw_box(job, note=SLIDER_WORKS if path is not None else "")
        elif was_active:
            st.rerun()
    if path is None:
        _plan_of_run(folder, coupling, job.label)
        return
    selected_cells.chip(folder, coupling, "label")  # inside the fragment, because drawing a block changes it
    position = slider_state.slider(folder, job, path)
    place, symbol = path.nearest_solved(position), slider_state.symbol_of(path)
    note = own_place()
    if place != position:
        note.info(
            f"{symbol} = {path.values[position]:.3g} is still being solved. The figures show the nearest solved value, "
            f"**{symbol} = {path.values[place]:.3g}**.",
            icon=":material/hourglass_top:",
        )
    _metrics(path, place, symbol)
    left, right = st.columns([3, 2])
    with left:
        _heatmap(folder, coupling, path, place)
    with right:
        from psmatch_core.plotting import l_curve_figure

        marks = slider_state.marks(folder, path)
        figure = l_curve_figure(path.curve, current=float(path.values[place]), marks=marks)
        figure.update_layout(height=figure.layout.height + LEGEND, margin_t=figure.layout.margin.t + LEGEND)
        alt = "Cost and spread of all positions of the slider, with the current one marked"
        charts.show(figure, key=f"epsilon.curve.{job.id}", alt=alt, grows=True)
    _pairs(folder, coupling, path, place)
    _use_for_all(folder, path, place, symbol)


def _plan_of_run(folder: RunFolder, coupling: Coupling, label: str) -> None:
    from psmatch_core.matching.blocks.heatmap_bins import block_means
    from psmatch_core.plotting.coupling_heatmap import heat_title

    block = coupling[label]
    show_heatmap(
        block_means(block),
        heat_title(block),
        row_names=coupling.source.modality.obs_names[coupling.source_cells[label]],
        column_names=coupling.target.modality.obs_names[coupling.target_cells[label]],
        key=f"heat.{folder.id}.{label}",
        alt=f"Heatmap of the plan of label {display(label)}",
    )
    st.caption(f"This label has {coupling.mass(label):.1%} of the matched source cells.")


def _metrics(path: EpsilonPath, place: int, symbol: str) -> None:
    point = path.points[place]
    spread = sorted(path.n_effective[place].tolist())
    middle = spread[len(spread) // 2] if len(spread) % 2 else sum(spread[len(spread) // 2 - 1 :][:2]) / 2
    n, m = path.problem.x.shape[0], path.problem.y.shape[0]
    rows = [
        (symbol, f"{path.values[place]:.3g}", "", "The value at the slider's position."),
        (
            "Effective matches per cell",
            number(float(middle), 3),
            f"of {m:,}",
            f"How many target cells share a cell's weight, as exp(entropy): median over all {n:,} source cells of the "
            "label.",
        ),
        ("Cost", number(point.cost, 3), "", "Mean distance between matched cells, without the entropy term."),
    ]
    if path.n_judged:
        sampled = "" if path.n_judged == path.n_pairs else f" (a sample of {path.n_pairs:,})"
        rows.append(
            (
                "FOSCTTM, inflated",
                number(float(path.foscttm[place]), 3),
                "chance 0.5",
                f"Fraction of cells closer than the true partner, over {path.n_judged:,} true pairs{sampled}: 0 is "
                f"perfect. It compares epsilons; its level is {INFLATED}.",
            )
        )
    status = point.status
    rows.append(("Status", status.outcome.value.partition(":")[0], "", status.message or "How the solver ended."))
    charts.metrics(rows)
    with own_place():
        if status.outcome is Outcome.NOT_CONVERGED or not status.outcome.is_usable:
            st.warning(
                f"**This plan has not converged**: {plain(status.message)}. → Use it with caution, or move the slider "
                "to the right.",
                icon=":material/warning:",
            )


def _heatmap(folder: RunFolder, coupling: Coupling, path: EpsilonPath, place: int) -> None:
    from psmatch_core.plotting import spread_title

    rows, columns = coupling.source_cells[path.label], coupling.target_cells[path.label]
    show_heatmap(
        path.means_at(place),
        spread_title(path.n_effective[place], columns.size),
        row_names=coupling.source.modality.obs_names[rows],
        column_names=coupling.target.modality.obs_names[columns],
        key=f"epsilon.heat.{folder.id}.{path.label}",
        alt=f"Heatmap of the plan of label {display(path.label)}",
        on_rows=partial(_select_block, folder, coupling, path),
    )


def _select_block(folder: RunFolder, coupling: Coupling, path: EpsilonPath, low: float, high: float) -> None:
    """Select the source cells in the rows of a block drawn on the heatmap."""
    from psmatch_core.exploration.selection import Selection

    cells = coupling.source_cells[path.label][path.means.rows_between(low, high)]
    if cells.size:
        selected_cells.select(folder, Selection("source", cells, f"a block of the heatmap of {path.label}"))


def _pairs(folder: RunFolder, coupling: Coupling, path: EpsilonPath, place: int) -> None:
    """The best matches of the label's cells, the selected cells first."""
    from psmatch_core.exploration.epsilon_path import best_matches

    selected = selected_cells.selected(folder)
    cells = selected.cells if selected is not None and selected.side == "source" else None
    table = best_matches(path, coupling, place, first=cells, most=LISTED)
    key = f"epsilon.pairs.{folder.id}.{path.label}"
    column = st.column_config
    st.dataframe(
        in_percent(table.drop(columns="row"), "weight", "second_weight"),
        hide_index=True,
        key=key,
        height=318,
        selection_mode="multi-row",
        on_select=lambda: _select_rows(folder, path, table["row"].to_numpy(), key),
        column_config={
            "source_cell": column.TextColumn("Source cell", pinned=True),
            "target_cell": column.TextColumn("Best match"),
            "weight": percent_column("Weight", help="Share of the source cell's weight."),
            "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
            "second": column.TextColumn("Second match"),
            "second_weight": percent_column("Weight"),
        },
        placeholder=EMPTY_CELL,
    )
    n = path.problem.x.shape[0]
    listed = f"the first {LISTED} of {n:,} cells" if n > LISTED else count(n, "cell")
    st.caption(f"Best matches at this position: {listed}, selected cells first. Tick rows to select cells.")


def _select_rows(folder: RunFolder, path: EpsilonPath, rows: Any, key: str) -> None:
    from psmatch_core.exploration.selection import Selection

    ticked = selected_cells.selected_rows(key)
    if ticked:
        selected_cells.select(folder, Selection("source", rows[ticked], f"rows of the table of {path.label}"))


def _use_for_all(folder: RunFolder, path: EpsilonPath, place: int, symbol: str) -> None:
    value = f"{symbol} = {path.values[place]:.3g}"
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = clicked(
            f"Use {value} for all labels",
            key=f"epsilon.use.{folder.id}",
            icon=":material/done_all:",
            disabled=place == path.own_step,
            help="Starts a new run with the same scores; nothing is trained again.",
        )
        if place == path.own_step:
            st.caption("The run was matched with this value.")
    if pressed:
        matcher = path.matcher_at(place)
        session.reset_widgets("matcher")
        session.set_workspace(replace(session.workspace(), matcher=matcher))
        recipe = replace(folder.recipe, matcher=matcher)
        progress_box.start_run(recipe, stop_after=LastStage.MATCH, name=session.new_run_name("match"))
