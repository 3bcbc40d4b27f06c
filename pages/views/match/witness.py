"""The plan of one label checked by another solver: POT's plan beside the program's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, session
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import plain
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.witness import Witness

TITLES = {
    "cost": "Transport cost",
    "objective": "Objective",
    "marginal_error": "Error of the marginals",
    "mass": "Mass",
    "seconds": "Seconds",
}


def witness_view(folder: RunFolder, label: str) -> None:
    """A button that solves the label again by POT, and both plans side by side once it is pressed."""
    st.caption(
        "POT is an independent library. It solves the same problem from the same scores, so its plan must be the same. "
        "It stores all pairs: a label of 2,000 × 2,000 cells takes minutes."
    )
    key = f"witness.{folder.id}"
    if clicked("Solve by POT", key=f"witness.start.{folder.id}", icon=":material/fact_check:"):
        session.put(key, label)
    if session.get(key) == label:
        with show_errors():
            _show(folder, _witness(str(folder.path), label, files.COUPLING.times(folder)))


@st.cache_resource(max_entries=cache.KEPT, show_spinner="POT is solving this label…")
def _witness(path: str, label: str, times: tuple[int, ...]) -> Witness:
    from psmatch_core.matching.witness import witness

    folder = RunFolder(Path(path))
    recipe = folder.recipe
    return witness(cache.coupling(folder), label, recipe.matcher, seed=recipe.seed)


def _show(folder: RunFolder, found: Witness) -> None:
    column = st.column_config
    st.markdown(plain(found.sentence))
    table = found.table()
    st.dataframe(
        table.assign(figure=table["figure"].map(TITLES)),
        hide_index=True,
        key=f"witness.table.{folder.id}",
        column_config={
            "figure": column.TextColumn("Figure"),
            "program": column.NumberColumn("This program", format="%.6g"),
            "pot": column.NumberColumn("POT", format="%.6g"),
            "difference": column.NumberColumn("Difference", format="%.2g"),
        },
        placeholder=EMPTY_CELL,
    )
