"""Tabs that draw only the open one: drawing the hidden ones would slow every page switch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from pages.shell import session


def tabs(views: Mapping[str, Callable[[], None]], *, key: str) -> None:
    """Draw the open tab; ``views`` are the tabs by title, and the first is open at the start."""
    for tab, view in zip(st.tabs(list(views), key=key, on_change="rerun"), views.values(), strict=True):
        if tab.open:
            with tab:
                view()


def leave_closed_tab(title: str, *, key: str) -> None:
    """Draw the whole page instead of the fragment of a tab that is no longer open; ``key`` is that of the tabs.

    A callback that opens another tab would otherwise wait until the fragment with its button is drawn once more.
    """
    if session.get(key) not in (None, title):
        st.rerun()
