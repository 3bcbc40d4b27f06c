"""Tables: texts that are never cut, numbers with the digits they carry, and a search when there are many labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell.places import own_place
from pages.shell.text import plain
from psmatch_core.data.checks import display

if TYPE_CHECKING:
    import pandas as pd

EMPTY_FIGURE = "not measured"  # in an empty cell of a table of measurements; Streamlit would write None
EMPTY_CELL = "–"  # in an empty cell of any other table
LONG = 12  # rows above which there is a search
ROWS = 14  # visible rows
NARROWEST, WIDEST, PER_CHARACTER = 70, 600, 7.2  # px of a column of texts, and of a character in it
LINE, ROW = 21, 35  # px of a further line, and of a row with one
MOST_LINES = 8
LEAST_WRAPPED = 66  # px; Streamlit breaks the texts of rows above 4 rem only


def text_width(texts: Iterable[str], *, widest: int = WIDEST) -> int:
    """Width of a column in which no text is cut, unless it is wider than ``widest`` [px]."""
    longest = max((len(text) for text in texts), default=0)
    return min(widest, max(NARROWEST, math.ceil(PER_CHARACTER * longest + 20)))


def wrapped_height(texts: Iterable[str], width: int) -> int:
    """Height of rows in which no text is cut in a column of that width, because it goes on in further lines [px]."""
    longest = max((len(text) for text in texts), default=0)
    n_lines = min(MOST_LINES, max(1, math.ceil(PER_CHARACTER * longest / (width - 20))))
    return ROW if n_lines == 1 else max(LEAST_WRAPPED, ROW + LINE * (n_lines - 1))


def fitted_height(table: pd.DataFrame, config: Mapping[str, Any]) -> int:
    """Height of the rows of a table in which no text is cut whose column has a width in ``config`` [px]."""
    widths = {name: how.get("width") for name, how in config.items() if how is not None and name in table}
    heights = [
        wrapped_height((str(each) for each in table[name]), width)
        for name, width in widths.items()
        if isinstance(width, int)
        and width >= NARROWEST  # narrower columns hold icons
        and table[name].dtype.kind not in "biuf"  # numbers are formatted by the browser
    ]
    return max(heights, default=ROW)


def percent_column(title: str, **how: Any) -> Any:
    """A column of percentages with two significant digits, for values from :func:`in_percent`."""
    return st.column_config.NumberColumn(title, format="%.2g%%", **how)


def in_percent(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The table with some columns of shares as percentages; columns that it lacks are passed over."""
    return table.assign(**{name: 100 * table[name] for name in names if name in table})


def label_table(
    table: pd.DataFrame,
    config: dict[str, Any],
    *,
    key: str,
    columns: list[str] | None = None,
    can_choose: bool = False,
) -> str | None:
    """A table with a column ``label``: a click on a heading sorts it, and a search keeps the matching labels.

    Long texts go on in further lines.

    Parameters
    ----------
    config
        Titles and number formats of the columns.
    columns
        Columns to show; all by default.
    can_choose
        Whether a row can be chosen.

    Returns
    -------
    The label of the chosen row; without one, the first label that is shown after a search; else None.
    """
    if len(table) > LONG:
        text = st.text_input("Find a label", key=f"{key}.find", placeholder=f"part of its name; {len(table):,} rows")
        wanted = text.strip().casefold()
        table = table[[wanted in str(each).casefold() for each in table["label"]]]
        with own_place():
            if not len(table):
                st.info(
                    f"No label contains {plain(text, 60)}. Clear the search to see all labels.",
                    icon=":material/search_off:",
                )
        if not len(table):
            return None
    labels = [str(each) for each in table["label"]]
    shown = table[columns] if columns else table.copy()
    shown = shown.assign(label=[display(each, 200) for each in shown["label"]])
    named = {"label": st.column_config.TextColumn("Label", width="medium", pinned=True), **config}
    row_height = fitted_height(shown, config)
    how: dict[str, Any] = {
        "hide_index": True,
        "column_config": named,
        "height": 38 + min(row_height * len(shown), ROW * ROWS),
        "key": f"{key}.table",
        "row_height": row_height,
        "placeholder": EMPTY_FIGURE,
    }
    if not can_choose:
        st.dataframe(shown, **how)
        return None
    rows = st.dataframe(shown, **how, on_select="rerun", selection_mode="single-row").selection.rows
    return next((labels[row] for row in rows if row < len(labels)), labels[0] if labels else None)
