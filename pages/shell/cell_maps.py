"""The maps of both modalities side by side, with colour, hover and what they show: the same on all pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shell import cache
from pages.shell.cell_canvas import CanvasCells, CanvasEvent, MapPart, cell_map, keep_part, part_name
from pages.shell.cell_texts import cell_texts, texts_name
from pages.shell.map_choice import ChosenMap, map_boxes
from pages.shell.map_colors import MapColor, color_boxes
from pages.shell.places import unseen
from pages.shell.scripts import send_scripts
from pages.shell.text import count, plain
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap


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
        is_apart = chosen.panels is not None
        color = color_boxes(folder, models, coupling, first=first, is_apart=is_apart)
        stack = "One map above the other instead of side by side."
        stacked = st.toggle("Stacked", help=stack, key=f"stack.{folder.id}", persist_state="session", disabled=is_apart)
    with picture:  # drawn while a search finds nothing, too: a map that goes comes back without its zoom
        draw_maps(folder, models, chosen, color or MapColor("modality"), stacked=stacked, key=key)
        send_scripts()


def picture_and_controls() -> tuple[DeltaGenerator, DeltaGenerator]:
    """A wide column for the maps and a narrow one for what is chosen; on a phone the maps come first."""
    picture, controls = st.columns([7, 2], gap="medium")
    return picture, controls


def draw_maps(
    folder: RunFolder, models: cache.ScoredModalities, chosen: ChosenMap, color: MapColor, *, stacked: bool, key: str
) -> None:
    """Both maps, with the remarks on their colour and on the map under them."""
    from psmatch_core.plotting.score_map import map_title, panel_title

    scores = chosen.scores
    st.markdown(f"**{plain(map_title(scores, models, highlight=color.highlight, column=color.column))}**")
    what = color.column.name if color.column is not None else color.known
    sides = {
        side: SideOfMap(
            panel_title(model, side, color.column),
            alt=f"Two-dimensional map of the {model.modality.name} cells, coloured by {what}",
        )
        for side, model in zip(SIDES, models, strict=True)
    }
    draw_cells(folder, models, scores, color, sides=sides, key=key, stacked=stacked, panels=chosen.panels)
    for remark in color.remarks:
        st.caption(remark)
    st.caption(chosen.caption)


@dataclass(frozen=True)
class SideOfMap:
    """What one of two maps says, and what is marked on it.

    Parameters
    ----------
    title
        Above the map.
    alt
        What it shows, for screen readers.
    note
        Smaller text under the title; empty to leave its line free, None without one.
    marks
        Selected cells or matches, from :func:`~psmatch_core.plotting.map_layers.map_marks`.
    on_drawn
        Called with what was drawn or clicked; without it the map is only looked at.
    """

    title: str
    alt: str
    note: str | None = None
    marks: dict[str, Any] = field(default_factory=dict)
    on_drawn: Callable[[CanvasEvent], None] | None = None


def draw_cells(
    folder: RunFolder,
    models: cache.ScoredModalities,
    scores: ScoreMap,
    color: MapColor,
    *,
    sides: Mapping[str, SideOfMap],
    key: str,
    stacked: bool = False,
    is_selected: bool = False,
    panels: list[str] | None = None,
) -> None:
    """The maps of one or both sides; what the browser holds of the cells is sent after them, so they are drawn first.

    Parameters
    ----------
    sides
        What each map says, by its side, in their order.
    key
        Start of the keys of the maps.
    stacked
        One above the other.
    is_selected
        Whether some cells are selected, behind which all others stand back.
    panels
        Labels that are drawn apart, each in a panel with its cells of all ``sides``; None for one map a side.
    """
    from psmatch_core.plotting import SOURCE_COLOR, TARGET_COLOR
    from psmatch_core.plotting.map_layers import map_look, map_places

    parts, drawn = [], []
    for side, shown in sides.items():
        cells = scores.source_cells if side == SIDES[0] else scores.target_cells
        places = map_places(scores, side)
        parts.append((side, MapPart(part_name(places), places)))
        look = map_look(
            models,
            cells,
            side,
            color=color.known,
            highlight=color.highlight,
            column=color.column,
            is_selected=is_selected,
        )
        hue = SOURCE_COLOR if side == SIDES[0] else TARGET_COLOR
        drawn.append(CanvasCells(side, parts[-1][1].name, look, shown.marks, hue))
    if panels is not None:
        _draw_panels(folder, models, scores, drawn, sides=sides, key=key, panels=panels)
    else:
        areas = [st.container() for _ in sides] if stacked or len(sides) == 1 else st.columns(len(sides))
        for area, each in zip(areas, drawn, strict=True):
            shown = sides[each.side]
            with area:
                cell_map(
                    [each],
                    key=f"{key}.{each.side}.{folder.id}",
                    texts=texts_name(folder),
                    axes=f"{folder.id}.{scores.is_shared or each.side}",
                    title=shown.title,
                    note=shown.note,
                    alt=shown.alt,
                    on_drawn=shown.on_drawn,
                )
    with unseen(f"{key}-parts-{folder.id}"):
        for side, part in parts:
            keep_part(part, key=f"{key}.places.{side}.{folder.id}")
        keep_part(cell_texts(folder), key=f"{key}.texts.{folder.id}")


def _draw_panels(
    folder: RunFolder,
    models: cache.ScoredModalities,
    scores: ScoreMap,
    drawn: list[CanvasCells],
    *,
    sides: Mapping[str, SideOfMap],
    key: str,
    panels: list[str],
) -> None:
    """One canvas with a panel for each label; titles and notes of the sides stand above it."""
    from psmatch_core.plotting.map_layers import map_panels

    if not panels:
        st.info("Choose labels to see a panel for each.", icon=":material/arrow_forward:")
        return
    n_labels = len(models[0].label_names)
    which = f"{len(panels)} of {n_labels} labels" if len(panels) < n_labels else count(n_labels, "label")
    shown_first = sorted(sides.values(), key=lambda shown: shown.marks.get("kind") == "matches")  # what is selected
    notes = [shown.note for shown in shown_first if shown.note]
    cell_map(
        drawn,
        key=f"{key}.panels.{folder.id}",
        texts=texts_name(folder),
        axes=f"{folder.id}.panels",
        title=f"{which} side by side. {' · '.join(dict.fromkeys(shown.title for shown in shown_first))}",
        note="; ".join(dict.fromkeys(notes)) or None,
        alt=f"{which} side by side, a panel for each. {'. '.join(shown.alt for shown in sides.values())}",
        panels=map_panels(models, scores, panels),
        on_drawn=next(iter(sides.values())).on_drawn,
    )
    if len(panels) < n_labels:
        st.caption(f"{which} have a panel; the box “Panels” has the others.")
