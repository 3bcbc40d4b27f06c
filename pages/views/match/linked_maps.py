"""Two linked maps: a lasso on one selects cells, and their matches are highlighted on the other by weight.

The matches follow the slider of each label; the slider of the selected label is shown here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import cache, session
from pages.shell.cell_canvas import CanvasEvent
from pages.shell.cell_maps import SideOfMap, draw_cells, picture_and_controls
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors
from pages.shell.map_choice import map_boxes
from pages.shell.map_colors import MapColor, color_boxes
from pages.shell.places import in_own_place, own_place
from pages.shell.read_only import may_change
from pages.shell.tabs import leave_closed_tab
from pages.shell.text import count, plain
from pages.views.match import selected_cells, slider_state
from pages.views.match.cell import show_selected_pair
from pages.views.match.selection_panel import selection_panel
from pages.views.match.typed_selection import typed_selection
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from pages.shell.map_choice import ChosenMap
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob


MAPS_TAB = "Linked maps"  # of the tab


def linked_maps_tab(folder: RunFolder, coupling: Coupling) -> None:
    """The maps, and a panel about the selected cells; a lasso redraws only this part of the page."""
    fragment: Callable[[], None] = st.fragment(lambda: _view(folder, coupling))
    fragment()


def _view(folder: RunFolder, run: Coupling) -> None:
    leave_closed_tab(MAPS_TAB, key=f"match.tabs.{folder.id}")
    models = (run.source, run.target)
    selection = selected_cells.chip(folder, run, "maps")
    labels = _labels_of(run, selection) if selection is not None else []
    _slider(folder, labels)
    at_sliders = slider_state.coupling_at_sliders(folder, run)
    coupling = at_sliders.coupling
    at = at_sliders.describe(labels, slider_state.run_value(folder))
    picture, controls = picture_and_controls()
    with controls:
        chosen = map_boxes(folder, models, run)
        is_apart = chosen.panels is not None
        color = color_boxes(folder, models, coupling, selection=selection, is_apart=is_apart)
        drawn_side = _side_box(folder, models) if is_apart else ""
    look = color or MapColor("modality")
    with picture:
        weight = _draw(folder, coupling, chosen, look, selection, note=f"matches {at}", drawn_side=drawn_side)
    scores = chosen.scores
    with picture, own_place():
        for remark in look.remarks:
            st.caption(remark)
        st.caption(f"{chosen.caption} Larger, more opaque dots have more weight.{_what_is_drawn(scores, run)}")
    typed_selection(folder, scores, run)
    with own_place():
        if selection is None:
            st.info(
                "Nothing is selected. Draw around cells, click one to see its match, choose labels or a rectangle "
                "above, or select rows or blocks under “One label”.",
                icon=":material/arrow_forward:",
            )
            selected_cells.saved_buttons(folder, run)
    if selection is None:
        return
    show_selected_pair(folder, at_sliders, selection)
    selection_panel(folder, coupling, selection, at=at, weight=weight)
    selected_cells.save_form(folder, run, selection)


def _draw(
    folder: RunFolder,
    coupling: Coupling,
    chosen: ChosenMap,
    look: MapColor,
    selection: Selection | None,
    *,
    note: str,
    drawn_side: str,
) -> np.ndarray | None:
    """Both maps, with the selected cells on one and their matches on the other; returns the weight of the matches.

    ``drawn_side`` is the modality whose cells a shape in a panel selects.
    """
    from psmatch_core.exploration.selection import matched_weight
    from psmatch_core.plotting.linked_maps import linked_note, linked_title
    from psmatch_core.plotting.map_layers import map_marks

    models, scores = (coupling.source, coupling.target), chosen.scores
    weight = matched_weight(coupling, selection) if selection is not None else None
    names = {side: display(model.modality.name, 24) for side, model in zip(SIDES, models, strict=True)}
    notes = {side: linked_note(selection, side, note, look.column) for side in SIDES}
    sides = {}
    for side, name in names.items():
        has_matches = selection is not None and selection.side != side
        cells = scores.source_cells if side == SIDES[0] else scores.target_cells
        sides[side] = SideOfMap(
            f"Draw around {names[drawn_side]} cells"
            if drawn_side and selection is None
            else linked_title(selection, weight, name, has_matches),
            alt=f"Map of the {name} cells with the selected cells, or their matches, highlighted",
            note=notes[side] if any(notes.values()) else None,
            marks=map_marks(cells, side, selection, weight),
            on_drawn=partial(select_drawn, folder, models, scores, side=drawn_side or side),
        )
    draw_cells(
        folder,
        models,
        scores,
        look,
        sides=sides,
        key="linked",
        is_selected=selection is not None,
        panels=chosen.panels,
    )
    return weight


def _side_box(folder: RunFolder, models: cache.ScoredModalities) -> str:
    """The modality whose cells a shape selects in a panel, which has those of both."""
    names = {side: plain(model.modality.name, 24) for side, model in zip(SIDES, models, strict=True)}
    return st.radio(
        "Drawing selects",
        SIDES,
        format_func=lambda each: f"{names[each]} cells",
        key=f"panels.side.{folder.id}",
        help="A lasso or a rectangle belongs to the panel where it begins. A click selects a cell of either modality.",
        persist_state="session",
    )


def _what_is_drawn(scores: ScoreMap, run: Coupling) -> str:
    n_placed = (scores.source_cells.size, scores.target_cells.size)
    n_cells = (run.source.modality.n_cells, run.target.modality.n_cells)
    shown = f" The map has {sum(n_placed):,} of {sum(n_cells):,} cells, and only these can be selected on it."
    return shown if n_placed != n_cells else ""


def _labels_of(coupling: Coupling, selection: Selection) -> list[str]:
    """Labels of the selected cells that have a plan, those with most cells first."""
    model = coupling.source if selection.side == "source" else coupling.target
    counts = Counter(model.modality.labels[selection.cells].tolist())
    return [label for label, _ in counts.most_common() if label in coupling.blocks]


@in_own_place
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
        if not may_change(folder, to=f"adjust label {name}"):
            return
        text = f"Adjust {slider_state.symbol_for(folder)} for label {name}"
        if clicked(text, key=f"linked.solve.{folder.id}", icon=":material/stairs:"):
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


def select_drawn(
    folder: RunFolder, models: cache.ScoredModalities, scores: ScoreMap, event: CanvasEvent, *, side: str
) -> None:
    """Select the cells of ``side`` inside the shape drawn on a map or in a panel, or the cell that was clicked."""
    from psmatch_core.exploration.selection import Selection, in_panel, on_map

    if event.row is not None:
        selected_cells.select(folder, Selection(event.side, np.array([event.row]), "clicked on the map"))
        return
    with show_errors():
        if event.label is None:
            found = on_map(scores, side, event.corners)
        else:
            found = in_panel(scores, models, side, event.corners, label=models[0].label_names[event.label])
        if len(found):
            selected_cells.select(folder, found)
