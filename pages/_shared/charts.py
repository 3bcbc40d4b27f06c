"""Figures and figures of merit on pages: one look, one set of tools, a text for those who do not see them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

import streamlit as st

from pages._shared.text import plain

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "psmatch"},
}
SELECTING = {**CONFIG, "modeBarButtonsToRemove": ["autoScale2d"]}
TITLE_LINE = 20  # px that psmatch_core.plotting leaves for each line of a title


def show(figure: Any, *, key: str, alt: str, on_select: Callable[[], None] | None = None) -> None:
    """Draw a figure over the width at hand, its title as text of the page: there it breaks where the screen ends.

    Parameters
    ----------
    alt
        What it shows, for screen readers.
    on_select
        Called when a box or a lasso was drawn on it; nothing can be selected unless given.
    """
    layout = figure.layout
    title = layout.title.text or ""
    if title:
        finding, *notes = re.split(r"<br><span[^>]*>", title)
        st.markdown(f"**{plain(_text(finding))}**")
        if notes:
            st.caption(plain(" ".join(_text(note) for note in notes)))
        room = TITLE_LINE * (title.count("<br>") + 1)
        top, height = (layout.margin.t or room), layout.height
        figure.update_layout(title_text="", margin_t=max(10, top - room), height=height - room if height else None)
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


def _text(piece: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", piece))
