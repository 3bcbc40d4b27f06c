"""Cells selected without drawing: by modality, labels, and a rectangle on the map, all from the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shell.clicks import clicked
from pages.shell.text import plain
from pages.views.match import selected_cells
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.matching.coupling import Coupling

WHOLE = (0, 100)  # percent of the map's width and height


def typed_selection(folder: RunFolder, scores: ScoreMap, run: Coupling) -> None:
    """A form that selects what a lasso would; while it is folded, no click on a map draws it again."""
    box = st.expander(
        "Select without drawing", icon=":material/keyboard:", key=f"typed.open.{folder.id}", on_change="rerun"
    )
    if box.open:
        with box:
            _form(folder, scores, run)


def _form(folder: RunFolder, scores: ScoreMap, run: Coupling) -> None:
    from psmatch_core.exploration.selection import in_rectangle

    modalities = {side: model.modality for side, model in zip(SIDES, (run.source, run.target), strict=True)}
    with st.form(f"typed.{folder.id}", border=False):
        side = st.radio(
            "Modality",
            SIDES,
            format_func=lambda each: plain(modalities[each].name),
            horizontal=True,
            key=f"typed.side.{folder.id}",
        )
        labels = st.multiselect("Labels", sorted(run.blocks), key=f"typed.labels.{folder.id}", placeholder="All labels")
        across, up = (
            place.slider(title, *WHOLE, WHOLE, format="%d%%", key=f"typed.{key}.{folder.id}")
            for place, title, key in zip(
                st.columns(2), ("From left to right", "From bottom to top"), ("across", "up"), strict=True
            )
        )
        if not clicked("Select these cells", in_form=True, key=f"typed.go.{folder.id}", icon=":material/select:"):
            return
        found = in_rectangle(scores, modalities[side], side, across=across, up=up, labels=labels)
        if not len(found):
            st.warning("No cell of these labels lies there. → Widen the rectangle, or choose other labels.")
            return
        selected_cells.select(folder, found)
    st.rerun()
