"""The maps of both modalities side by side, with colour, hover and what they show: the same on all pages."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shell import cache, charts
from pages.shell.map_choice import ChosenMap, map_boxes
from pages.shell.map_colors import MapColor, color_boxes, confidence_by_label
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap

MOST_DRAWN_ON_PAGE = 20_000  # cells of each modality that a browser moves without stutter


def map_view(folder: RunFolder, models: cache.ScoredModalities, *, key: str, first: str = "") -> None:
    """The maps with the boxes that choose map and colour beside them.

    Parameters
    ----------
    key
        Start of the figure's key.
    first
        What the maps are coloured by at first; labels or their families without it.
    """
    coupling = cache.coupling(folder) if cache.has_matching(folder) else None
    picture, controls = picture_and_controls()
    with controls:
        chosen = map_boxes(folder, models, coupling)
        color = color_boxes(folder, models, coupling, first=first) if chosen.panels is None else None
        stack = "One map above the other instead of side by side."
        stacked = st.toggle("Stacked", help=stack, key=f"stack.{folder.id}", persist_state="session")
    with picture:
        if chosen.panels is not None:
            draw_panels(folder, models, chosen)
        elif color is not None:
            draw_maps(folder, models, chosen, color, stacked=stacked, key=key)


def picture_and_controls() -> tuple[DeltaGenerator, DeltaGenerator]:
    """A wide column for the maps and a narrow one for what is chosen; on a phone the maps come first."""
    picture, controls = st.columns([7, 2], gap="medium")
    return picture, controls


def draw_panels(folder: RunFolder, models: cache.ScoredModalities, chosen: ChosenMap) -> None:
    """A small map for each label that the visitor chose."""
    from psmatch_core.plotting import label_panels

    if not chosen.panels:
        st.info("Choose labels to see one panel for each.", icon=":material/arrow_forward:")
        return
    charts.show(
        label_panels(chosen.scores, *models, chosen.panels),
        key=f"panels.map.{folder.id}",
        alt=f"One map for each of {len(chosen.panels)} labels, with its cells of both modalities",
    )
    st.caption(chosen.caption)


def draw_maps(
    folder: RunFolder, models: cache.ScoredModalities, chosen: ChosenMap, color: MapColor, *, stacked: bool, key: str
) -> None:
    """Both maps in one figure, with the remarks on their colour and on the map under it."""
    from psmatch_core.exploration.map_choice import sample_of_map
    from psmatch_core.plotting import score_map_figure

    drawn = sample_of_map(chosen.scores, models, MOST_DRAWN_ON_PAGE)
    figure = score_map_figure(
        drawn,
        *models,
        color=color.known,
        highlight=color.highlight,
        stacked=stacked,
        column=color.column,
        hover=hover_of(folder, drawn),
    )
    names = " and ".join(model.modality.name for model in models)
    what = color.column.name if color.column is not None else color.known
    alt = f"Two-dimensional maps of the {names} cells, coloured by {what}"
    charts.show(figure, key=f"{key}.{folder.id}", alt=alt, grows=not stacked)
    for remark in color.remarks:
        st.caption(remark)
    st.caption(chosen.caption)


def hover_of(folder: RunFolder, scores: ScoreMap) -> dict[str, np.ndarray]:
    """What the hover says of the displayed cells, for the sides that are few enough."""
    lines = {}
    for side, cells in zip(SIDES, (scores.source_cells, scores.target_cells), strict=True):
        digest = hashlib.sha256(cells.tobytes()).hexdigest()
        times = (*files.PROPENSITY.times(folder), *files.COUPLING.times(folder), *files.MONITOR_REPORT.times(folder))
        found = _hover(str(folder.path), side, digest, times, _cells=cells)
        if found is not None:
            lines[side] = found
    return lines


@st.cache_resource(max_entries=4 * cache.KEPT, show_spinner="Looking up the best matches…")
def _hover(path: str, side: str, digest: str, times: tuple[int, ...], *, _cells: np.ndarray) -> np.ndarray | None:
    from psmatch_core.exploration.projection import heaviest_match
    from psmatch_core.plotting.cell_hover import MOST_HOVERED, hover_lines

    folder, at = RunFolder(Path(path)), SIDES.index(side)
    if _cells.size > MOST_HOVERED:
        return None
    modality, other = (cache.scored_modalities(folder)[each].modality for each in (at, 1 - at))
    names, labels = modality.obs_names[_cells], modality.labels[_cells]
    if not cache.has_matching(folder):
        return hover_lines(names, labels)
    match, weight = heaviest_match(cache.coupling(folder), side, _cells)
    best = np.where(match >= 0, other.obs_names[match], "")
    return hover_lines(names, labels, confidence=confidence_by_label(folder), best=(best, weight))
