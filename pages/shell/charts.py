"""Figures and metrics on pages: one look, one set of tools, and alternative text for screen readers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import streamlit as st

from pages.shell.places import own_place
from pages.shell.style import growing_key, hidden_title_key
from pages.shell.text import plain

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "psmatch"},
}


def show(
    figure: Any,
    *,
    key: str,
    alt: str,
    grows: bool = False,
) -> None:
    """Draw a figure over the full width, with its title as page text, which wraps on narrow screens.

    The figure keeps its own title, hidden on the page (pages/shell/style.py), so that a downloaded picture has it.

    Parameters
    ----------
    alt
        What the figure shows, for screen readers.
    grows
        As high as suits the width of the screen, instead of the height of the figure.
    """
    from psmatch_core.plotting import set_ink, title_text

    scheme = st.context.theme.type
    if scheme:
        set_ink(figure, scheme)
    finding, note, height = title_text(figure)
    with own_place():
        if finding:
            st.markdown(f"**{plain(finding)}**")
        if note:
            st.caption(plain(note))
    high: Literal["stretch", "content"] = "stretch" if grows else "content"
    growing = growing_key(figure.layout.height or 0) if grows else ""
    with st.container(key=f"{hidden_title_key(height)}-{growing}{key}"):
        st.plotly_chart(figure, key=key, config=CONFIG, alt=alt, height=high)


def metrics(rows: Iterable[tuple[str, str, str, str]], *, gap: Literal["xsmall", "small", "medium"] = "medium") -> None:
    """Metrics in a row that wraps: label, value, what to compare it with, and what it means."""
    with st.container(horizontal=True, gap=gap):
        for label, value, comparison, meaning in rows:
            st.metric(
                label,
                value,
                delta=comparison or None,
                delta_color="off",
                delta_arrow="off",
                help=meaning or None,
                width="content",
            )
