"""Places of their own on a page for what comes and goes, so that nothing that stands below is made anew.

A browser knows a block of a page (columns, an expander, tabs, the frame of a figure) by its number among its
neighbours. Where a note appears or goes above it, the block gets another number, and all that it holds is made anew:
the keyboard's focus, a half-drawn shape, the zoom and a half-typed text are lost. A container that is always there,
empty or not, keeps the numbers as they are. An empty one takes no room: :data:`PLACE_RULES` take it out of the column,
which would otherwise leave a gap before and after it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

P = ParamSpec("P")
R = TypeVar("R")
_UNSEEN = "unseen-"
_SHOWN = ", ".join(
    f'[data-testid="{each}"]'
    for each in ("stElementContainer", "stHorizontalBlock", "stExpander", "stTabs", "stForm", "stPopover")
)
# A container is a block in a wrapper, and the gaps of a column are around wrappers, whatever their height.
EMPTY_PLACE = f'[data-testid="stLayoutWrapper"]:has(> [data-testid="stVerticalBlock"]):not(:has({_SHOWN}))'
PLACE_RULES = f"""
    {EMPTY_PLACE} {{ display: none; }}
    [data-testid="stLayoutWrapper"]:has(> [class*="st-key-{_UNSEEN}"]) {{ position: absolute; }}
"""


def own_place() -> DeltaGenerator:
    """A place for what is drawn only sometimes; to be opened always, whether or not something is drawn in it."""
    return st.container()


def unseen(key: str) -> DeltaGenerator:
    """A place for what a browser needs and nobody sees, such as scripts: it takes no room, though it is not empty."""
    return st.container(gap=None, key=f"{_UNSEEN}{key}")


def in_own_place(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function that draws something only sometimes draw it in a place of its own."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with own_place():
            return draw(*args, **kwargs)

    return drawn
