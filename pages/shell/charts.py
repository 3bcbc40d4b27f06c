"""Figures and figures of merit on pages: one look, one set of tools, a text for those who do not see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import streamlit as st

from pages.shell.style import unseen_title
from pages.shell.text import plain

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "psmatch"},
}
SELECTING = {**CONFIG, "modeBarButtonsToRemove": ["autoScale2d"]}


def show(figure: Any, *, key: str, alt: str, on_select: Callable[[], None] | None = None) -> None:
    """Draw a figure over the width at hand, its title as text of the page: there it breaks where the screen ends.

    The figure keeps its own title, unseen here (pages/shell/style.py), so that a downloaded picture has it.

    Parameters
    ----------
    alt
        What it shows, for screen readers.
    on_select
        Called when a box or a lasso was drawn on it; nothing can be selected unless given.
    """
    from psmatch_core.plotting import set_ink, title_text

    scheme = st.context.theme.type
    if scheme:
        set_ink(figure, scheme)
    finding, note, room = title_text(figure)
    if finding:
        st.markdown(f"**{plain(finding)}**")
    if note:
        st.caption(plain(note))
    with st.container(key=f"{unseen_title(room)}-{key}"):
        if on_select is None:
            st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
        else:
            shapes: tuple[Literal["lasso", "box"], ...] = ("lasso", "box")
            st.plotly_chart(figure, key=key, config=SELECTING, alt=alt, on_select=on_select, selection_mode=shapes)


def metrics(rows: Iterable[tuple[str, str, str, str]], *, gap: Literal["xsmall", "small", "medium"] = "medium") -> None:
    """Figures of merit in a row that wraps: label, value, what to compare it with, and what it means."""
    with st.container(horizontal=True, gap=gap):
        for label, value, beside, meaning in rows:
            st.metric(
                label,
                value,
                delta=beside or None,
                delta_color="off",
                delta_arrow="off",
                help=meaning or None,
                width="content",
            )
