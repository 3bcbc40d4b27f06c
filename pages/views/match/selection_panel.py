"""About the selected cells: their best matches, and their features measured and projected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import cell_values, session
from pages.shell.errors import show_errors
from pages.shell.places import own_place
from pages.shell.tables import EMPTY_CELL, in_percent, percent_column
from pages.shell.text import count, plain
from pages.views.match.cell_choice import open_selected
from pages.views.match.markers import open_markers
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.data.modality import Modality
    from psmatch_core.exploration.selection import Selection
    from psmatch_core.matching.coupling import Coupling

LISTED = 200  # selected cells in the table


def selection_panel(
    folder: RunFolder, coupling: Coupling, selection: Selection, *, at: str, weight: np.ndarray | None
) -> None:
    """Two tables below the linked maps; of a single cell, whose pair is shown above, only that of features, folded.

    Parameters
    ----------
    at
        The epsilon of the matches in words.
    weight
        How the weight of the selected cells is distributed over the other modality, ``(n_other_cells,)``.
    """
    is_one = len(selection) == 1
    with own_place():
        if not is_one:
            _cells_and_matches(folder, coupling, selection, at)
    with st.container(horizontal=True):
        st.button(
            "Open in “One cell”" if is_one else "See them one by one",
            key=f"selected.steps.{folder.id}",
            icon=":material/person_search:",
            on_click=open_selected,
            args=(folder, coupling),
        )
        if not is_one:
            st.button(
                "What distinguishes them?",
                key=f"selected.markers.{folder.id}",
                icon=":material/compare:",
                on_click=open_markers,
                args=(folder,),
            )
    # What is folded is not computed: the way back through the plan takes longer than all else of a clicked cell.
    features = st.expander(
        "Features, measured and projected",
        expanded=not is_one,
        key=f"selected.open.{'one' if is_one else 'several'}.{folder.id}",
        on_change="rerun",
    )
    if features.open:
        with features:
            _features(folder, coupling, selection, weight)


def _cells_and_matches(folder: RunFolder, coupling: Coupling, selection: Selection, at: str) -> None:
    from psmatch_core.exploration.selection import selected_cells_table

    modality = (coupling.source if selection.side == "source" else coupling.target).modality
    st.markdown(f"**Selected cells and their best matches** {plain(at)}")
    table = selected_cells_table(coupling, selection, most=LISTED)
    column = st.column_config
    share = {f"weight_{i}": percent_column("Weight", width="small") for i in (1, 2, 3)}
    match = {f"match_{i}": column.TextColumn(f"Match {i}") for i in (1, 2, 3)}
    st.dataframe(
        in_percent(table, "weight_1", "weight_2", "weight_3"),
        hide_index=True,
        key=f"selected.table.{folder.id}",
        height=min(38 + 35 * len(table), 318),
        column_config={
            "cell": column.TextColumn("Cell", pinned=True),
            "label": column.TextColumn("Label"),
            "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
            **match,
            **share,
        },
        placeholder=EMPTY_CELL,
    )
    cell_labels = modality.labels[selection.cells]
    labels = sorted(set(cell_labels.tolist()), key=lambda each: -int((cell_labels == each).sum()))
    parts = [f"{plain(each, 24)} {int((cell_labels == each).sum()):,}" for each in labels[:6]]
    more = f" and {len(labels) - 6} more labels" if len(labels) > 6 else ""
    listed = f" The table shows the first {LISTED}." if len(selection) > LISTED else ""
    st.caption(f"{count(len(selection), 'cell')}: {', '.join(parts)}{more}.{listed}")


def _features(folder: RunFolder, coupling: Coupling, selection: Selection, weight: np.ndarray | None) -> None:
    from psmatch_core.exploration.selection import feature_values

    sides = cell_values.measured(folder, "source"), cell_values.measured(folder, "target")
    chosen = []
    for place, side, modality in zip(st.columns(2), SIDES, sides, strict=True):
        names = [str(each) for each in modality.var_names]
        chosen.append(
            place.multiselect(
                f"{plain(modality.name)} features",
                names,
                default=session.get(f"features.{folder.id}.{side}") or _marking(selection, side, modality),
                key=f"selected.features.{folder.id}.{side}",
                max_selections=12,
            )
        )
        session.put(f"features.{folder.id}.{side}", chosen[-1])
    with show_errors():
        table = feature_values(coupling, selection, sides, (chosen[0], chosen[1]), weight=weight)
        column = st.column_config
        st.dataframe(
            table,
            hide_index=True,
            key=f"selected.values.{folder.id}",
            column_config={
                "modality": column.TextColumn("Modality"),
                "feature": column.TextColumn("Feature", pinned=True),
                "measured_in": column.TextColumn("Measured in"),
                "measured": column.NumberColumn(
                    "Measured", format="%.3g", help="Mean over the cells in which it was measured, by weight."
                ),
                "projected": column.NumberColumn(
                    "Projected", format="%.3g", help="Mean of the prediction from the matches, by weight."
                ),
                "same_labels": column.NumberColumn(
                    "All of these labels", format="%.3g", help="Mean over all cells with the labels of the selection."
                ),
            },
            placeholder=EMPTY_CELL,
        )


def _marking(selection: Selection, side: str, modality: Modality) -> list[str]:
    """Two features that mark the selected cells; those that mark the labels in the other modality."""
    from psmatch_core.exploration.marking_features import shares_between

    is_selected = np.isin(np.arange(modality.n_cells), selection.cells)
    share = shares_between(modality.X, is_selected if side == selection.side else modality.labels)
    return [str(each) for each in modality.var_names[np.argsort(-share, kind="stable")[:2]]]
