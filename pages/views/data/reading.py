"""How a file is read: label of several columns, cells by rule, and missing values."""

from __future__ import annotations

import streamlit as st

from pages.shell.clicks import clicked
from pages.shell.places import in_own_place
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import count, plain
from pages.shell.workspace import DEMO, Side
from psmatch_core.data.checks import display
from psmatch_core.data.readers import FileSummary

# What the page calls the choices of ``bad_values``.
MENDING = {
    "drop features": "Leave out these features",
    "fill": "Fill them with the median of their feature",
    "drop cells": "Leave out the cells that have them",
}


@in_own_place
def further_label_columns(side: Side, summary: FileSummary, key: str) -> tuple[str, ...]:
    """Columns that make the label together with the label column."""
    names = [each.name for each in summary.columns if each.name not in (side.label_key, side.spec.label_name)]
    if not side.label_key or not names or side.path.startswith(DEMO):
        return side.label_with
    chosen = ", ".join(display(each) for each in side.label_with)
    with st.expander("Label of several columns" + (f": with {plain(chosen)}" if chosen else "")):
        return tuple(
            st.multiselect(
                "Columns that make the label together with the label column",
                names,
                default=[each for each in side.label_with if each in names],
                format_func=display,
                key=key,
                help="Such as drug and dose: cells are then matched within each dose of a drug.",
            )
        )


@in_own_place
def cell_rules_box(side: Side, key: str) -> tuple[str, ...]:
    """Rules that a cell must meet, one per line."""
    if side.path.startswith(DEMO):
        return side.cells
    with st.expander("Cells to use" + (f": {plain('; '.join(side.cells), 60)}" if side.cells else ": all")):
        text = st.text_area(
            "Rules, one per line",
            "\n".join(side.cells),
            key=key,
            height=90,
            placeholder="grna_frac > 0.8\ndonor = D1\nplate in P1, P2",
            help="A column, a comparison (>, >=, <, <=, =, !=, in, not in) and a value. Cells that miss a rule, or "
            "have no value, are left out before anything else, and listed in the export.",
        )
    return tuple(line.strip() for line in text.splitlines() if line.strip())


@in_own_place
def bad_values_box(side: Side, summary: FileSummary, key: str) -> tuple[str, float]:
    """What is done about missing and infinite values of the chosen matrix; asked only where there are some."""
    matrix = summary.matrix(side.matrix)
    if side.bad_values != "refuse":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"✓ Missing and infinite values: {MENDING[side.bad_values].lower()}.")
            undone = clicked("Undo", key=f"{key}.undo")
        return ("refuse" if undone else side.bad_values), side.most_missing
    if matrix is None or not matrix.needs_mending:
        return side.bad_values, side.most_missing
    bad = sorted(matrix.bad_features, key=lambda each: -each[1])
    st.warning(
        f"**{count(len(bad), 'feature')} of {matrix.n_features:,} with missing or infinite values.** "
        "→ Choose what to do with them.",
        icon=":material/warning:",
    )
    rows = [{"feature": name, "cells without value": cells} for name, cells in bad]
    st.dataframe(rows, hide_index=True, height=min(220, 38 + 35 * len(rows)), placeholder=EMPTY_CELL)
    most = st.number_input(
        "Largest share of missing values that is filled",
        min_value=0.0,
        max_value=1.0,
        value=side.most_missing,
        step=0.01,
        key=f"{key}.most",
        help="A feature that lacks more is left out, whether others are filled or their cells left out.",
    )
    chosen = side.bad_values
    with st.container(horizontal=True):
        for how, text in MENDING.items():
            if clicked(text, key=f"{key}.{how}"):
                chosen = how
    return chosen, most
