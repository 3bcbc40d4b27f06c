"""Cells that were left out of a run, with the reasons."""

from __future__ import annotations

import streamlit as st

from pages.shell.tables import EMPTY_CELL
from pages.shell.text import count
from psmatch_core.workspace.manifest import checked_file
from psmatch_core.workspace.run_folder import RunFolder

SHOWN = 5000
TABLE = "excluded_cells.csv"


def excluded_cells_section(folder: RunFolder) -> None:
    """How many cells were left out for each reason, and the list of them."""
    import pandas as pd

    table = pd.read_csv(checked_file(folder.path, folder.exports / TABLE), dtype=str, keep_default_na=False)
    if not len(table):
        st.markdown("No cell was left out.")
        return
    reasons = table.groupby(["modality", "reason"]).size().reset_index(name="cells")
    reasons = reasons.sort_values("cells", ascending=False)
    st.dataframe(
        reasons,
        hide_index=True,
        column_config={"cells": st.column_config.NumberColumn(format="localized")},
        placeholder=EMPTY_CELL,
    )
    with st.expander(f"All {count(len(table), 'cell')}"):
        st.dataframe(table.head(SHOWN), hide_index=True, height=320, placeholder=EMPTY_CELL)
        if len(table) > SHOWN:
            st.caption(f"The first {SHOWN:,} of {len(table):,}; {TABLE} has all of them.")
