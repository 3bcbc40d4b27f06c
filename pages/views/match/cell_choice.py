"""Choose a cell: by side, label and name, and step through the cells of a label, of a selection, or by agreement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import cache, session
from pages.shell.text import count, plain
from pages.views.match import selected_cells
from pages.views.match.label_box import label_box
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.coupling import Coupling

LISTED = 1000  # cells in the list of one label; any other can be typed
EXTREME = 10  # cells whose matches agree best, or worst
WHOLE, SELECTED, BEST, WORST = "all of the label", "selected", "best", "worst"
KEYS = {"previous": "Shift+Up", "next": "Shift+Down"}  # left and right walk the tabs


@dataclass(frozen=True)
class ChosenCell:
    """The chosen cell: side, row in its modality, name, and its agreement between halves where it was asked for."""

    side: str
    cell: int
    name: str
    agreement: float = float("nan")


def cell_choice(folder: RunFolder, coupling: Coupling) -> ChosenCell | None:
    """The controls; None if there is no cell to show, which is said."""
    left, middle, right = st.columns([2, 4, 3])
    with left:
        side = _side_box(folder, coupling)
    with middle:
        label = label_box(folder, coupling, "cell")
    if label is None:
        return None
    modality = (coupling.source if side == "source" else coupling.target).modality
    with right:
        among = _among_box(folder, coupling, side, label)
    cells, agreement = _cells(folder, coupling, side, label, among)
    names = [str(each) for each in modality.obs_names[cells]]
    if not names:
        st.info(f"Label {plain(label)} has no such cell. Choose other cells.", icon=":material/arrow_forward:")
        return None
    name = _name_box(folder, names, side, label, among)
    if name not in names:
        st.info(
            f"Label {plain(label)} has no {side} cell {plain(name or '')}. Choose one from the list.",
            icon=":material/arrow_forward:",
        )
        return None
    at = names.index(name)
    return ChosenCell(side, int(cells[at]), name, float(agreement[at]))


def open_selected(folder: RunFolder, coupling: Coupling) -> None:
    """Open the selected cells one by one in “One cell”, the first one first; for a callback."""
    selection = selected_cells.selected(folder)
    if selection is None:
        return
    modality = (coupling.source if selection.side == "source" else coupling.target).modality
    labels = [each for each in modality.labels[selection.cells].tolist() if each in coupling.blocks]
    if labels:
        session.put(f"cell.side.{folder.id}", selection.side)
        session.put(f"cell.label.{folder.id}", labels[0])
        session.put(f"cell.among.{folder.id}", SELECTED)
        session.put(f"match.tabs.{folder.id}", "One cell")


def _side_box(folder: RunFolder, coupling: Coupling) -> str:
    titles = {"source": coupling.source.modality.name, "target": coupling.target.modality.name}
    key = f"cell.side.{folder.id}"
    if session.get(key) not in SIDES:
        session.put(key, SIDES[0])
    words = {side: display(name, 24) for side, name in titles.items()}
    chosen = st.selectbox("Cells of", SIDES, format_func=words.__getitem__, key=key, persist_state="session")
    return str(chosen)


def _among_box(folder: RunFolder, coupling: Coupling, side: str, label: str) -> str:
    from psmatch_core.exploration.cell_agreement import REPRODUCED, can_compare_cells

    options = {WHOLE: "all of the label"}
    selection = selected_cells.selected(folder)
    if selection is not None and selection.side == side:
        options[SELECTED] = "the selected cells"
    can_compare = can_compare_cells(cache.scored_modalities(folder), folder.recipe.matcher)
    if files.HALF_SCORES.is_in(folder) and can_compare:
        options[BEST] = f"the {EXTREME} that agree best between halves"
        options[WORST] = f"the {EXTREME} that agree worst between halves"
    key = f"cell.among.{folder.id}"
    if session.get(key) not in options:
        session.put(key, WHOLE)
    chosen = st.selectbox(
        "Step through",
        list(options),
        format_func=options.__getitem__,
        key=key,
        help=REPRODUCED,
        persist_state="session",
    )
    return chosen or WHOLE


def _name_box(folder: RunFolder, names: list[str], side: str, label: str, among: str) -> str | None:
    """The list of cells with a button before and after it; the buttons answer to the keyboard, too."""
    is_long = len(names) > LISTED
    key = (
        f"cell.{folder.id}.{label}"
        if (side, among) == ("source", WHOLE)
        else f"cell.{folder.id}.{side}.{among}.{label}"
    )
    at = names.index(session.get(key)) if session.get(key) in names else 0
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"cell-steps-{folder.id}"):
        name = st.selectbox(
            f"{side.capitalize()} cell",
            names[:LISTED],
            key=key,
            accept_new_options=is_long,
            help=f"{count(len(names), 'cell')}; you can type a name that is not listed." if is_long else None,
        )
        for which, step, icon in (
            ("previous", -1, ":material/arrow_upward:"),
            ("next", 1, ":material/arrow_downward:"),
        ):
            place = at + step
            st.button(
                which.capitalize(),
                key=f"cell.{which}.{folder.id}",
                icon=icon,
                shortcut=KEYS[which],
                disabled=not 0 <= place < len(names),
                on_click=session.put,
                args=(key, names[place] if 0 <= place < len(names) else None),
            )
    st.caption(f"Cell {at + 1:,} of {len(names):,}")
    return name


def _cells(folder: RunFolder, coupling: Coupling, side: str, label: str, among: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the cells to step through, in order, and their agreement between halves; NaN if it was not asked for."""
    cells = (coupling.source_cells if side == "source" else coupling.target_cells)[label]
    selection = selected_cells.selected(folder)
    if among == SELECTED and selection is not None:
        cells = np.intersect1d(cells, selection.cells)
    if among not in (BEST, WORST):
        return cells, np.full(cells.size, np.nan)
    agreement = _agreement(
        str(folder.path), (*files.COUPLING.times(folder), *files.HALF_SCORES.times(folder)), label, side
    )
    known = np.flatnonzero(np.isfinite(agreement))
    order = known[np.argsort(agreement[known], kind="stable")]
    chosen = order[::-1][:EXTREME] if among == BEST else order[:EXTREME]
    return cells[chosen], agreement[chosen]


@st.cache_resource(max_entries=16, show_spinner="Matching the label with both halves…")
def _agreement(path: str, times: tuple[int, ...], label: str, side: str) -> np.ndarray:
    from psmatch_core.exploration.cell_agreement import cell_agreement

    folder = RunFolder(Path(path))
    halves = [files.HALF_SCORES.read(folder, which=each) for each in SIDES]
    return cell_agreement(
        cache.scored_modalities(folder),  # type: ignore[arg-type]
        (halves[0], halves[1]),  # type: ignore[arg-type]
        folder.recipe.matcher,
        label=label,
        side=side,
        judging=folder.recipe.judging,
        seed=folder.recipe.seed,
    )
