"""Tables with a row per label: sorted by their headings, with a search when they are long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell.text import plain
from psmatch_core.data.checks import display

if TYPE_CHECKING:
    import pandas as pd

LONG = 12  # rows above which there is a search
ROWS = 14  # visible rows


def label_table(table: pd.DataFrame, config: dict[str, Any], *, key: str, columns: list[str] | None = None) -> None:
    """A table with a column ``label``: a click on a heading sorts it, and a search keeps the matching labels.

    Parameters
    ----------
    config
        Titles and number formats of the columns.
    columns
        Columns to show; all by default.
    """
    if len(table) > LONG:
        text = st.text_input("Find a label", key=f"{key}.find", placeholder=f"part of its name; {len(table):,} rows")
        wanted = text.strip().casefold()
        table = table[[wanted in str(each).casefold() for each in table["label"]]]
        if not len(table):
            st.info(
                f"No label contains {plain(text, 60)}. Clear the search to see all labels.",
                icon=":material/search_off:",
            )
            return
    shown = table[columns] if columns else table.copy()
    shown = shown.assign(label=[display(each, 200) for each in shown["label"]])
    named = {"label": st.column_config.TextColumn("Label", width="medium", pinned=True), **config}
    st.dataframe(
        shown, hide_index=True, column_config=named, height=38 + 35 * min(len(shown), ROWS), key=f"{key}.table"
    )
