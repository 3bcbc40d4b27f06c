"""The list of pages, and the guard that lets any of them be opened first."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.shell.precompile import warm_engine
from pages.shell.session import root
from pages.shell.upload_cleanup import clean_once

PAGES = {
    "data": ("Data", ":material/folder_open:"),
    "propensity": ("Propensity", ":material/show_chart:"),
    "match": ("Match", ":material/link:"),
    "monitor": ("Monitor", ":material/monitor_heart:"),
    "translate": ("Translate", ":material/translate:"),
    "evaluate": ("Evaluate", ":material/target:"),
    "export": ("Export", ":material/download:"),
}
BOOTED = "booted"
# Local files: an emoji or a material icon in the tab would be fetched from the internet.
STATIC = Path(__file__).parents[2] / "static"
ICON, LOGO = STATIC / "icon.png", STATIC / "logo.svg"


def boot() -> StreamlitPage:
    """Tell Streamlit the pages, in the order of the work; returns the one to run."""
    st.session_state[BOOTED] = True
    warm_engine()
    clean_once(root())
    return st.navigation(
        [
            # No icons here: the browser would fetch a page's icon from the internet, as the icon of its tab.
            st.Page(f"pages/{name}.py", title=title, url_path=name, default=name == "data")
            for name, (title, _) in PAGES.items()
        ]
    )


def guard() -> None:
    """Go through ``app.py`` where a page was opened without it.

    On a fresh server a deep link runs the page's file alone, without a sidebar, until someone has opened ``/``.
    """
    if not st.session_state.get(BOOTED):
        boot()
        st.rerun()


def path_of(page: str) -> str:
    """The file of a page, as links want it."""
    return f"pages/{page}.py"
