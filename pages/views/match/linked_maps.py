"""Two linked maps: a lasso on one selects cells, and their matches are highlighted on the other by weight.

The matches follow the slider of each label; the slider of the selected label is shown here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import charts, session
from pages.shell.cell_maps import draw_panels, hover_of, picture_and_controls
from pages.shell.errors import show_errors
from pages.shell.map_choice import map_boxes
from pages.shell.map_colors import MapColor, color_boxes
from pages.shell.text import count, plain
from pages.views.match import selected_cells, slider_state
from pages.views.match.cell import show_selected_pair
from pages.views.match.selection_panel import selection_panel
from pages.views.match.typed_selection import typed_selection
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

DRAWING, CLICKING = "drawing", "clicking"  # how cells are selected on the maps


def linked_maps_tab(folder: RunFolder, coupling: Coupling) -> None:
    """The maps, and a panel about the selected cells; a lasso redraws only this part of the page."""
    fragment: Callable[[], None] = st.fragment(lambda: _view(folder, coupling))
    fragment()


def _view(folder: RunFolder, run: Coupling) -> None:
    from psmatch_core.data.sides import SIDES
    from psmatch_core.exploration.selection import matched_weight
    from psmatch_core.plotting import linked_map

    models = (run.source, run.target)
    selection = selected_cells.chip(folder, run, "maps")
    labels = _labels_of(run, selection) if selection is not None else []
    _slider(folder, labels)
    at_sliders = slider_state.coupling_at_sliders(folder, run)
    coupling = at_sliders.coupling
    weight = matched_weight(coupling, selection) if selection is not None else None
    at = at_sliders.describe(labels, slider_state.run_value(folder))
    picture, controls = picture_and_controls()
    with controls:
        chosen = map_boxes(folder, models, run)
        color = color_boxes(folder, models, coupling, selection=selection) if chosen.panels is None else None
        by_click = chosen.panels is None and _selects_by_click(folder)
    if chosen.panels is not None:
        with picture:
            draw_panels(folder, models, chosen)
        return
    scores, look = chosen.scores, color or MapColor("modality")
    hover = hover_of(folder, scores)
    for place, side in zip(picture.columns(2), SIDES, strict=True):
        key = f"linked.{side}.{folder.id}"
        name = (run.source if side == "source" else run.target).modality.name
        with place:
            charts.show(
                linked_map(
                    scores,
                    coupling,
                    side,
                    selection,
                    weight=weight,
                    note=f"matches {at}",
                    color=look.known,
                    highlight=look.highlight,
                    column=look.column,
                    hover=hover,
                ),
                key=key,
                alt=f"Map of the {display(name, 40)} cells with the selected cells, or their matches, highlighted",
                on_select=partial(_select_drawn, folder, scores, side, key),
                grows=True,
                can_click=by_click,
            )
    with picture:
        for remark in look.remarks:
            st.caption(remark)
        st.caption(f"{chosen.caption} Larger, more opaque dots have more weight.{_what_is_drawn(scores, run)}")
    typed_selection(folder, scores, run)
    if selection is None:
        st.info(
            "Nothing is selected. Draw around cells with the lasso or the box, click one to see its match (*Select "
            "by*), choose labels or a rectangle above, or select rows or blocks under “One label”.",
            icon=":material/arrow_forward:",
        )
        selected_cells.saved_buttons(folder, run)
        return
    show_selected_pair(folder, at_sliders, selection)
    selection_panel(folder, coupling, selection, at)
    selected_cells.save_form(folder, run, selection)


def _selects_by_click(folder: RunFolder) -> bool:
    """Whether a click selects a cell, in place of a drawn shape: the browser's part cannot do both at once."""
    ways = {DRAWING: "drawing around cells", CLICKING: "clicking a cell"}
    key = f"linked.by.{folder.id}"
    chosen = st.selectbox("Select by", list(ways), format_func=ways.__getitem__, key=key, persist_state="session")
    return chosen == CLICKING


def _what_is_drawn(scores: ScoreMap, run: Coupling) -> str:
    from psmatch_core.plotting.linked_maps import MOST_DRAWN

    n_placed = (scores.source_cells.size, scores.target_cells.size)
    n_cells = (run.source.modality.n_cells, run.target.modality.n_cells)
    shown = f" The map has {sum(n_placed):,} of {sum(n_cells):,} cells, and only these can be selected on it."
    thinned = shown if n_placed != n_cells else ""
    if max(n_placed) > MOST_DRAWN:
        thinned += f" At most {MOST_DRAWN:,} per modality are drawn, but a lasso selects all cells inside it."
    return thinned


def _labels_of(coupling: Coupling, selection: Selection) -> list[str]:
    """Labels of the selected cells that have a plan, those with most cells first."""
    model = coupling.source if selection.side == "source" else coupling.target
    counts = Counter(model.modality.labels[selection.cells].tolist())
    return [label for label, _ in counts.most_common() if label in coupling.blocks]


def _slider(folder: RunFolder, labels: list[str]) -> None:
    """The slider of the most frequent label of the selected cells, if its plans are solved."""
    from psmatch_core.exploration.epsilon_grid import is_adjustable
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

    if not labels or not is_adjustable(folder.recipe.matcher):
        return
    job = EpsilonPathJob.latest(folder, labels[0])
    path = slider_state.epsilon_path(folder, job) if job is not None else None
    name = plain(display(labels[0], 40))
    if job is None or path is None:
        if job is not None and job.status().is_active:
            active = job
            fragment: Callable[[], None] = st.fragment(lambda: _wait(folder, active), run_every="1s")
            fragment()
            return
        text = f"Adjust {slider_state.symbol_for(folder)} for label {name}"
        if st.button(text, key=f"linked.solve.{folder.id}", icon=":material/stairs:"):
            with show_errors():
                session.store().start_job(EpsilonPathJob.create(folder, labels[0]))
            st.rerun()
        return
    with st.container(border=True, key=f"linked-slider-{folder.id}"):
        others = f" The {count(len(labels) - 1, 'other label')} do not change." if len(labels) > 1 else ""
        st.caption(f"Label **{name}** from sharp to smooth: the matches below follow the slider.{others}")
        slider_state.slider(folder, job, path)


def _wait(folder: RunFolder, job: EpsilonPathJob) -> None:
    if slider_state.epsilon_path(folder, job) is not None or not job.status().is_active:
        st.rerun()
    st.caption(":material/hourglass_top: The first plans of this label are being solved; a slider will appear here.")


def _select_drawn(folder: RunFolder, scores: ScoreMap, side: str, key: str) -> None:
    """Select the cells inside the shapes drawn on one map, or the cell that was clicked."""
    from psmatch_core.exploration.selection import Selection, nearest_on_map, on_map

    clicked = selected_cells.clicked_point(key)
    if clicked is not None:
        selected_cells.select(folder, nearest_on_map(scores, side, clicked))
        return

    shapes = selected_cells.drawn_shapes(key)  # a redrawn figure forgets its shapes; the chip clears the selection
    cells: set[int] = set()
    for _, x, y in shapes:
        with show_errors():
            cells.update(on_map(scores, side, list(zip(x, y, strict=True))).cells.tolist())
    if cells:
        selected_cells.select(folder, Selection(side, sorted(cells), "drawn on the map"))  # type: ignore[arg-type]
