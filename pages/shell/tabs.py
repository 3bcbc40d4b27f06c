"""Tabs of which only the open one is drawn: what nobody looks at would make every page switch wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st


def tabs(views: Mapping[str, Callable[[], None]], *, key: str) -> None:
    """Draw the open one of some views, by title; the first is open at the start."""
    for tab, view in zip(st.tabs(list(views), key=key, on_change="rerun"), views.values(), strict=True):
        if tab.open:
            with tab:
                view()
