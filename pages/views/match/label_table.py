"""All labels of a matching with their status; selecting rows selects their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shell.tables import EMPTY_FIGURE, ROW, fitted_height, text_width
from pages.shell.verdicts import with_verdicts
from pages.views.match import selected_cells
from psmatch_core.base.errors import some
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.matching.coupling import Coupling

ROWS = 9  # visible rows
SOLVER = ("iterations", "marginal_error", "epsilon")  # columns that some methods do not have at all


def match_table(folder: RunFolder, coupling: Coupling, table: pd.DataFrame) -> None:
    """The table, labels that need attention first."""
    ordered = table.sort_values(["needs_attention", "n_source"], ascending=[False, False]).copy()
    ordered, verdicts = with_verdicts(folder, ordered)
    labels = ordered["label"].tolist()
    ordered.insert(0, "attention", [":material/warning:" if each else "" for each in ordered["needs_attention"]])
    ordered["label"] = [display(each, 60) for each in ordered["label"]]
    ordered["status"] = [
        f"{status}. {note}" if note else status for status, note in zip(ordered["status"], ordered["note"], strict=True)
    ]
    column, unit = st.column_config, coupling.source.space_unit
    config = {
        "attention": column.TextColumn("", width=30, pinned=True),
        "label": column.TextColumn("Label", width="medium", pinned=True),
        "n_source": column.NumberColumn(f"{coupling.source.modality.name} [cells]", format="localized"),
        "n_target": column.NumberColumn(f"{coupling.target.modality.name} [cells]", format="localized"),
        "n_effective": column.NumberColumn(
            "Effective matches", format="%.1f", help="Median over the label's source cells that have a match."
        ),
        "status": column.TextColumn("Status", width=text_width(ordered["status"])),
        "iterations": column.NumberColumn("Iterations", format="localized"),
        "marginal_error": column.NumberColumn(
            "Marginal error",
            format="%.1e",
            help="How far the row and column sums of the plan are from their targets, for a total mass of 1.",
        ),
        "epsilon": column.NumberColumn(
            f"ε [{unit}]" if unit else "ε", format="%.3g", help="Regularisation in units of the method's cost."
        ),
    }
    place = list(config).index("n_source")  # beside the label, where a phone shows it too
    config = dict([*list(config.items())[:place], *verdicts.items(), *list(config.items())[place:]])
    key, height = f"match.table.{folder.id}", fitted_height(ordered, config)
    st.dataframe(
        ordered[[name for name in config if name not in SOLVER or ordered[name].notna().any()]],
        hide_index=True,
        column_config=config,
        height=38 + min(height * len(ordered), ROW * ROWS),
        row_height=height,
        key=key,
        selection_mode="multi-row",
        on_select=lambda: _select_labels(folder, coupling, labels, key),
        placeholder=EMPTY_FIGURE,
    )


def _select_labels(folder: RunFolder, coupling: Coupling, labels: list[str], key: str) -> None:
    """Select the source cells of the labels whose rows are selected."""
    from psmatch_core.exploration.selection import Selection

    chosen = [labels[row] for row in selected_cells.selected_rows(key) if labels[row] in coupling.blocks]
    if chosen:
        cells = [cell for label in chosen for cell in coupling.source_cells[label].tolist()]
        names = some((display(label, 24) for label in chosen), 3)
        selected_cells.select(folder, Selection("source", cells, f"all cells of {names}"))  # type: ignore[arg-type]
