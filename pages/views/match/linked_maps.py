"""Two linked maps: a lasso on either selects cells, and their matches light up on the other, by weight.

The matches are those of the epsilon that each label's slider says; the slider of the selected label stands here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.errors import told
from pages.shell.text import count, plain
from pages.views.match import selected_cells, slider_state
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

LISTED = 200  # selected cells in the table


def linked_view(folder: RunFolder, coupling: Coupling) -> None:
    """The maps with what is selected, and a panel about it; a lasso redraws this part of the page alone."""
    fragment: Callable[[], None] = st.fragment(lambda: _view(folder, coupling))
    fragment()


def _view(folder: RunFolder, run: Coupling) -> None:
    from psmatch_core.exploration.selection import SIDES, matched_weight
    from psmatch_core.plotting import linked_map
    from psmatch_core.plotting.linked_maps import MOST_DRAWN

    method, scores = cache.score_map(folder)
    chosen = selected_cells.chip(folder, run, "maps")
    labels = _labels_of(run, chosen) if chosen is not None else []
    _slider(folder, labels)
    followed = slider_state.followed(folder, run)
    coupling = followed.coupling
    weight = matched_weight(coupling, chosen) if chosen is not None else None
    at = followed.words(labels, slider_state.own_value(folder))
    for place, side in zip(st.columns(2), SIDES, strict=True):
        key = f"linked.{side}.{folder.id}"
        name = (run.source if side == "source" else run.target).modality.name
        with place:
            charts.show(
                linked_map(scores, coupling, side, chosen, weight, note=f"matches {at}"),
                key=key,
                alt=f"Map of the {display(name, 40)} cells: those selected, or the matches of those selected",
                on_select=partial(_drawn, folder, side, key),
            )
    n_placed = (scores.source_cells.size, scores.target_cells.size)
    n_cells = (run.source.modality.n_cells, run.target.modality.n_cells)
    thinned = "" if n_placed == n_cells else f" The map holds {sum(n_placed):,} of {sum(n_cells):,} cells."
    if max(n_placed) > MOST_DRAWN:
        thinned += f" At most {MOST_DRAWN:,} a side are drawn; a lasso holds all that lie in it."
    st.caption(
        f"{method.upper()} of the {run.source.space_name}, for eyes only. A dot's area and opacity tell its "
        f"weight.{thinned}"
    )
    if chosen is None:
        st.info(
            "Nothing is selected: draw around cells with the lasso or the box, tick labels in the table below, or rows "
            "and blocks under One label.",
            icon=":material/arrow_forward:",
        )
        _saved(folder, run)
        return
    _panel(folder, coupling, chosen, at)
    selected_cells.keep_selection(folder, run, chosen)


def _labels_of(coupling: Coupling, chosen: Selection) -> list[str]:
    """Labels of the selected cells that have a plan, those with most cells first."""
    model = coupling.source if chosen.side == "source" else coupling.target
    counts = Counter(model.modality.labels[chosen.cells].tolist())
    return [label for label, _ in counts.most_common() if label in coupling.blocks]


def _slider(folder: RunFolder, labels: list[str]) -> None:
    """The slider of the label that most of the selected cells have, where its plans are worked out."""
    from psmatch_core.exploration.epsilon_grid import is_adjustable
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    if not labels or not is_adjustable(folder.recipe.matcher):
        return
    job = EpsilonPathJob.latest(folder, labels[0])
    path = slider_state.epsilon_path(folder, job) if job is not None else None
    name = plain(display(labels[0], 40))
    if job is None or path is None:
        if job is not None and job.status().is_active:
            waiting = job
            watching: Callable[[], None] = st.fragment(lambda: _wait(folder, waiting), run_every="1s")
            watching()
            return
        text = f"Drag {slider_state.symbol_for(folder)} for label {name}"
        if st.button(text, key=f"linked.solve.{folder.id}", icon=":material/stairs:"):
            with told():
                session.store().start_job(EpsilonPathJob.create(folder, labels[0]))
            st.rerun()
        return
    with st.container(border=True, key=f"linked-slider-{folder.id}"):
        others = f" The {count(len(labels) - 1, 'other label')} stay as they are." if len(labels) > 1 else ""
        st.caption(f"Label **{name}** from sharp to smooth: the matches below follow.{others}")
        slider_state.slider(folder, job, path)


def _wait(folder: RunFolder, job: EpsilonPathJob) -> None:
    if slider_state.epsilon_path(folder, job) is not None or not job.status().is_active:
        st.rerun()
    st.caption(":material/hourglass_top: The first plans of this label are being solved; then a slider stands here.")


def _drawn(folder: RunFolder, side: str, key: str) -> None:
    """Select the cells inside the shapes that were drawn on one map."""
    from psmatch_core.exploration.selection import Selection, on_map

    shapes = selected_cells.shapes_drawn(
        key
    )  # a figure that is drawn anew forgets its shapes; the chip clears the selection
    _, scores = cache.score_map(folder)
    cells: set[int] = set()
    for _, x, y in shapes:
        with told():
            cells.update(on_map(scores, side, list(zip(x, y, strict=True))).cells.tolist())
    if cells:
        selected_cells.select(folder, Selection(side, sorted(cells), "drawn on the map"))  # type: ignore[arg-type]


def _saved(folder: RunFolder, coupling: Coupling) -> None:
    from psmatch_core.workspace.selections import load_selections

    saved = load_selections(folder, coupling)
    if saved:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Saved with this run:")
            for number, each in enumerate(saved):
                if st.button(plain(each.name), key=f"saved.{folder.id}.{number}", icon=":material/bookmark:"):
                    selected_cells.select(folder, each)
                    st.rerun()


def _panel(folder: RunFolder, coupling: Coupling, chosen: Selection, at: str) -> None:
    from psmatch_core.exploration.selection import selected_cells_table

    here = (coupling.source if chosen.side == "source" else coupling.target).modality
    st.markdown(f"**Selected cells and their best matches** {plain(at)}")
    table = selected_cells_table(coupling, chosen, most=LISTED)
    column = st.column_config
    share = {f"weight_{i}": column.NumberColumn("Weight", format="percent", width="small") for i in (1, 2, 3)}
    match = {f"match_{i}": column.TextColumn(f"Match {i}") for i in (1, 2, 3)}
    st.dataframe(
        table,
        hide_index=True,
        key=f"selected.table.{folder.id}",
        height=min(38 + 35 * len(table), 318),
        column_config={
            "cell": column.TextColumn("Cell", pinned=True),
            "label": column.TextColumn("Label"),
            "confidence": column.NumberColumn(
                "Confidence", format="percent", help="Calibrated probability of the cell's best-scoring label."
            ),
            "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
            **match,
            **share,
        },
    )
    counts = here.labels[chosen.cells]
    labels = sorted(set(counts.tolist()), key=lambda each: -int((counts == each).sum()))
    parts = [f"{plain(each, 24)} {int((counts == each).sum()):,}" for each in labels[:6]]
    more = f" and {len(labels) - 6} more labels" if len(labels) > 6 else ""
    listed = f" The first {LISTED} are listed." if len(chosen) > LISTED else ""
    st.caption(f"{count(len(chosen), 'cell')}: {', '.join(parts)}{more}.{listed}")
    _features(folder, coupling, chosen)


def _features(folder: RunFolder, coupling: Coupling, chosen: Selection) -> None:
    from psmatch_core.exploration.selection import feature_values

    st.markdown("**Features, measured beside projected**")
    sides = selected_cells.readable(folder)
    picked = []
    for which, (place, modality) in enumerate(zip(st.columns(2), sides, strict=True)):
        picked.append(
            place.multiselect(
                f"{plain(modality.name)} features",
                [str(each) for each in modality.var_names],
                default=session.peek(f"features.{folder.id}.{which}") or [str(each) for each in modality.var_names[:2]],
                key=f"selected.features.{folder.id}.{which}",
                max_selections=12,
            )
        )
        session.leave(f"features.{folder.id}.{which}", picked[-1])
    with told():
        table = feature_values(coupling, chosen, sides, (picked[0], picked[1]))
        column = st.column_config
        st.dataframe(
            table,
            hide_index=True,
            key=f"selected.values.{folder.id}",
            column_config={
                "modality": column.TextColumn("Modality"),
                "feature": column.TextColumn("Feature", pinned=True),
                "measured_in": column.TextColumn("Measured in"),
                "measured": column.NumberColumn("Measured", format="%.3g", help="Mean over those cells, by weight."),
                "projected": column.NumberColumn(
                    "Projected", format="%.3g", help="Mean of what the matches predict on the other side, by weight."
                ),
                "same_labels": column.NumberColumn(
                    "All of these labels", format="%.3g", help="Mean over all cells of the selection's labels."
                ),
            },
        )
