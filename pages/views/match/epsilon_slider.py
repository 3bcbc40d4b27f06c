"""Epsilon (or k) by eye: the plans of one label from sharp to smooth, solved once in the background, then dragged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts, progress_box, session
from pages.shell.errors import tell, told
from pages.shell.text import count, number, plain
from pages.views.match import selected_cells, slider_state
from psmatch_core.data.checks import display
from psmatch_core.matching.coupling import Outcome
from psmatch_core.workspace.run_folder import CANCELLED, DONE, LastStage, RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.epsilon_path import EpsilonPath
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

AT_ONCE = 30_000_000  # pairs of cells up to which a label is solved without being asked: about ten seconds
A_MINUTE = 150_000_000  # up to which it takes less
LEGEND = 24  # px more above the curve: in a narrow column its legend takes two lines
LISTED = 100  # cells in the table of pairs


def epsilon_view(folder: RunFolder, coupling: Coupling, label: str) -> None:
    """One label with a slider, as soon as its first plans are there; until then the plan of the run."""
    from psmatch_core.exploration.epsilon_grid import is_adjustable
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    if not is_adjustable(folder.recipe.matcher):
        _plan_of_the_run(folder, coupling, label)
        st.caption("This method has neither an epsilon nor a k for one label: there is nothing to drag.")
        return
    job = EpsilonPathJob.latest(folder, label)
    status = job.status() if job is not None else None
    n, m = coupling[label].shape
    if status is None and n * m <= AT_ONCE:
        with told():
            job = session.store().start_job(EpsilonPathJob.create(folder, label))
    elif status is None or not (status.is_active or status.state == DONE):
        if status is not None and status.state != CANCELLED:
            tell(status.problem, status.hint)
        about = "under a minute" if n * m <= A_MINUTE else "minutes"
        st.caption(f"{n:,} × {m:,} cells: some 25 plans are solved, which takes {about} for a label of this size.")
        if st.button("Work the plans out", key=f"epsilon.start.{folder.id}", icon=":material/stairs:"):
            with told():
                session.store().start_job(EpsilonPathJob.create(folder, label))
            st.rerun()
    if job is None or not (job.status().is_active or job.status().state == DONE):
        _plan_of_the_run(folder, coupling, label)
        return
    here, is_active = job, job.status().is_active
    fragment: Callable[[], None] = st.fragment(
        lambda: _slider(folder, coupling, here, is_active), run_every="1s" if is_active else None
    )
    fragment()


def _slider(folder: RunFolder, coupling: Coupling, job: EpsilonPathJob, was_active: bool) -> None:
    if was_active and not _at_work(job):
        st.rerun()
    path = slider_state.epsilon_path(folder, job)
    if path is None:
        _plan_of_the_run(folder, coupling, job.label)
        return
    selected_cells.chip(folder, coupling, "label")  # within the fragment: a block that is drawn changes it
    asked = slider_state.slider(folder, job, path)
    step, symbol = path.nearest_solved(asked), slider_state.symbol_of(path)
    if step != asked:
        st.info(
            f"{symbol} = {path.values[asked]:.3g} is still being solved: you see the nearest that is, "
            f"**{symbol} = {path.values[step]:.3g}**.",
            icon=":material/hourglass_top:",
        )
    _figures(path, step, symbol)
    left, right = st.columns([3, 2])
    with left:
        _heatmap(folder, coupling, path, step)
    with right:
        from psmatch_core.plotting import l_curve_figure

        marks = {name: float(path.values[at]) for name, at in path.named_steps.items() if path.solved[at]}
        figure = l_curve_figure(path.curve, current=float(path.values[step]), marks=marks)
        figure.update_layout(height=figure.layout.height + LEGEND, margin_t=figure.layout.margin.t + LEGEND)
        charts.show(
            figure, key=f"epsilon.curve.{job.id}", alt="Cost against effective matches, the present plan marked"
        )
    _pairs(folder, coupling, path, step)
    _use(folder, path, step, symbol)


def _at_work(job: EpsilonPathJob) -> bool:
    """Show how far the plans are, with a way to stop; whether they are still being solved."""
    status = job.status()
    if status.is_active:
        with st.container(horizontal=True, vertical_alignment="center"):
            text = f"Solving this label from sharp to smooth; the slider moves through it. {plain(status.message)}"
            st.progress(min(1.0, status.fraction), text=text)
            if st.button("Cancel", key=f"epsilon.cancel.{job.id}", type="tertiary"):
                session.store().cancel(job.folder)
                st.rerun()
    return status.is_active


def _plan_of_the_run(folder: RunFolder, coupling: Coupling, label: str) -> None:
    from psmatch_core.plotting import coupling_heatmap

    names = coupling.source.modality.obs_names, coupling.target.modality.obs_names
    figure = coupling_heatmap(
        coupling[label],
        row_names=names[0][coupling.source_cells[label]],
        column_names=names[1][coupling.target_cells[label]],
    )
    charts.show(figure, key=f"heat.{folder.id}.{label}", alt=f"The plan of label {display(label)} as a heatmap")
    st.caption(f"This label holds {coupling.mass(label):.1%} of the matched source cells.")


def _figures(path: EpsilonPath, step: int, symbol: str) -> None:
    point = path.points[step]
    spread = sorted(path.n_effective[step].tolist())
    middle = spread[len(spread) // 2] if len(spread) % 2 else sum(spread[len(spread) // 2 - 1 :][:2]) / 2
    n, m = path.problem.x.shape[0], path.problem.y.shape[0]
    rows = [
        (symbol, f"{path.values[step]:.3g}", "", "What the slider says."),
        (
            "Effective matches a cell",
            number(float(middle), 3),
            f"of {m:,}",
            f"exp(entropy) of a cell's weights, median over all {n:,} source cells of the label.",
        ),
        ("Cost", number(point.cost, 3), "", "Mean distance of matched cells, the entropy term left out."),
    ]
    if path.n_judged:
        sampled = "" if path.n_judged == path.n_pairs else f" (a sample of {path.n_pairs:,})"
        rows.append(
            (
                "FOSCTTM",
                number(float(path.foscttm[step]), 3),
                "chance 0.5",
                f"Share of cells closer than the true partner, over {path.n_judged:,} true pairs{sampled}; 0 is "
                "perfect.",
            )
        )
    rows.append(("Status", point.status.outcome.value.partition(":")[0], "", point.status.message or "How it ended."))
    charts.metrics(rows)
    if point.status.outcome is Outcome.NOT_CONVERGED or not point.status.outcome.is_usable:
        st.warning(
            f"**This position is not converged**: {plain(point.status.message)}. → Take it with care, or move right.",
            icon=":material/warning:",
        )


def _heatmap(folder: RunFolder, coupling: Coupling, path: EpsilonPath, step: int) -> None:
    from psmatch_core.plotting import means_heatmap, spread_title

    rows, columns = coupling.source_cells[path.label], coupling.target_cells[path.label]
    figure = means_heatmap(
        path.means_at(step),
        spread_title(path.n_effective[step], columns.size),
        row_names=coupling.source.modality.obs_names[rows],
        column_names=coupling.target.modality.obs_names[columns],
        selectable=True,
    )
    key = f"epsilon.heat.{folder.id}.{path.label}"
    charts.show(
        figure,
        key=key,
        alt=f"The plan of label {display(path.label)} as a heatmap",
        on_select=lambda: _block_drawn(folder, coupling, path, key),
    )


def _block_drawn(folder: RunFolder, coupling: Coupling, path: EpsilonPath, key: str) -> None:
    """Select the source cells in the rows of a block that was drawn on the heatmap."""
    from psmatch_core.exploration.selection import Selection

    shapes = selected_cells.shapes_drawn(key)
    if shapes:
        _, _, y = shapes[-1]
        rows = path.means.rows_between(min(y), max(y))
        cells = coupling.source_cells[path.label][rows]
        if cells.size:
            origin = f"a block of the heatmap of {path.label}"
            selected_cells.select(folder, Selection("source", cells, origin))


def _pairs(folder: RunFolder, coupling: Coupling, path: EpsilonPath, step: int) -> None:
    """The best matches of the label's cells; those that are selected come first."""
    from psmatch_core.exploration.epsilon_path import best_matches

    chosen = selected_cells.selected(folder)
    cells = chosen.cells if chosen is not None and chosen.side == "source" else None
    table = best_matches(path, coupling, step, first=cells, most=LISTED)
    key = f"epsilon.pairs.{folder.id}.{path.label}"
    column = st.column_config
    st.dataframe(
        table.drop(columns="row"),
        hide_index=True,
        key=key,
        height=318,
        selection_mode="multi-row",
        on_select=lambda: _rows_chosen(folder, path, table["row"].to_numpy(), key),
        column_config={
            "source_cell": column.TextColumn("Source cell", pinned=True),
            "target_cell": column.TextColumn("Best match"),
            "weight": column.NumberColumn("Weight", format="percent", help="Share of the source cell's weight."),
            "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
            "second": column.TextColumn("Second match"),
            "second_weight": column.NumberColumn("Weight", format="percent"),
        },
    )
    n = path.problem.x.shape[0]
    listed = f"the first {LISTED} of {n:,} cells" if n > LISTED else count(n, "cell")
    st.caption(f"Best matches at this position: {listed}, selected ones first. Tick rows to select cells.")


def _rows_chosen(folder: RunFolder, path: EpsilonPath, rows: Any, key: str) -> None:
    from psmatch_core.exploration.selection import Selection

    ticked = selected_cells.rows_chosen(key)
    if ticked:
        selected_cells.select(folder, Selection("source", rows[ticked], f"rows of the table of {path.label}"))


def _use(folder: RunFolder, path: EpsilonPath, step: int, symbol: str) -> None:
    value = f"{symbol} = {path.values[step]:.3g}"
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            f"Use {value} for all labels",
            key=f"epsilon.use.{folder.id}",
            icon=":material/done_all:",
            disabled=step == path.own_step,
            help="Starts a new run with the same scores: nothing is trained again.",
        )
        if step == path.own_step:
            st.caption("This is what the run was matched with.")
    if pressed:
        matcher = path.matcher_at(step)
        session.renew("matcher")
        session.keep(replace(session.workspace(), matcher=matcher))
        progress_box.start(
            replace(folder.recipe, matcher=matcher), stop_after=LastStage.MATCH, name=session.next_name("match")
        )
