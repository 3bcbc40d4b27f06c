"""Figures on pages: one look, one set of tools, a text for those who do not see them."""

from __future__ import annotations

from typing import Any

import streamlit as st

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "psmatch"},
}


def show(figure: Any, *, key: str, alt: str) -> None:
    """Draw a figure over the width at hand.

    Parameters
    ----------
    alt
        What it shows, for screen readers.
    """
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
