"""The list of pages, and how the app starts whichever page is opened first."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.shell.precompile import precompile_engine
from pages.shell.session import STEP_ASKED, root
from pages.shell.upload_cleanup import clean_once
from psmatch_core.workspace.watch import watch_once

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
STEP, MAIN_STEP = "page-step", "main-page-step"  # starts of the keys of containers, for the style sheet
# Local files: the browser would fetch an emoji or a material icon for the tab from the internet.
STATIC = Path(__file__).parents[2] / "static"
ICON, LOGO = STATIC / "icon.png", STATIC / "logo.svg"


def boot() -> StreamlitPage:
    """Give Streamlit the pages, in the order of the work; returns the one to run."""
    st.session_state[BOOTED] = True
    precompile_engine()
    clean_once(root())
    watch_once(root())
    return st.navigation(
        [
            # No icons here: the browser would fetch them from the internet for its tab.
            st.Page(f"pages/{name}.py", title=title, url_path=name, default=name == "data")
            for name, (title, _) in PAGES.items()
        ]
    )


def boot_if_opened_alone() -> None:
    """Do what ``main.py`` does if a page was opened without it.

    On a fresh server a deep link runs the page's file alone, without a sidebar, until someone has opened ``/``.
    """
    if not st.session_state.get(BOOTED):
        boot()
        st.rerun()


def page_button(page: str, label: str, *, is_main: bool = False, step: str = "") -> None:
    """A link to a page that looks like the button it is used as: the browser follows it without drawing this page anew.

    Parameters
    ----------
    is_main
        Whether it is the one thing to do next.
    step
        The step of the page to show, for the Data page.
    """
    asked = {STEP_ASKED: step} if step else None
    with st.container(key=f"{MAIN_STEP if is_main else STEP}-{page}-{label}", width="content"):
        st.page_link(path_of(page), label=label, icon=PAGES[page][1], query_params=asked)


def path_of(page: str) -> str:
    """The file of a page, for links to it."""
    return f"pages/{page}.py"
