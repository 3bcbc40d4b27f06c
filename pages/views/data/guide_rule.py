"""The rule by which guides are called from the UMIs in a table of labels."""

from __future__ import annotations

import streamlit as st

from pages.shell.places import in_own_place
from pages.shell.workspace import Side


@in_own_place
def guide_rule_box(side: Side, key: str) -> tuple[int, float]:
    """Fewest UMIs of a guide, and its UMIs over those of the second; shown where labels come from a table."""
    if not side.labels_path:
        return side.guide_umis, side.guide_ratio
    with st.expander("Call guides from their UMIs", icon=":material/filter_1:"):
        st.caption(
            "If the table holds UMIs of guides (protospacer_calls_per_cell.csv, or a column of counts for each guide), "
            "the label of a cell is the guide with most UMIs, if it meets both. 0 and 0 keep the table's calls."
        )
        least = st.number_input(
            "Fewest UMIs of the guide", min_value=0, value=side.guide_umis, step=1, key=f"{key}.least"
        )
        ratio = st.number_input(
            "Fewest times the UMIs of the second guide",
            min_value=0.0,
            value=side.guide_ratio,
            step=0.5,
            key=f"{key}.ratio",
        )
    return int(least), float(ratio)
