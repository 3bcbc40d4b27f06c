"""The few rules that the theme cannot say: contrast of small text, visible focus, less motion, titles of figures."""

from __future__ import annotations

import streamlit as st

# The dark theme's primary colour is bright, for lines and links; white text on a button needs a deeper one.
_BUTTON = "#1f6a8c"
_ROOMS = tuple(range(20, 181, 20))  # px that titles of one to nine lines take


def unseen_title(room: int) -> str:
    """How the key of a container begins whose figure has a title of that height [px] that is not to be seen."""
    return f"untitled-{min(room, _ROOMS[-1])}"


def _rules() -> str:
    """The style sheet.

    A figure's title is hidden on the page, which has it as text, and the figure moved up by its height; a picture that
    is downloaded is drawn anew outside of the page's rules, and so has its title.
    """
    titles = "".join(
        f'[class*="st-key-untitled-{room}-"] {{ margin-bottom: -{room}px; }}'
        f'[class*="st-key-untitled-{room}-"] .js-plotly-plot {{ margin-top: -{room}px; }}'
        f'[class*="st-key-untitled-{room}-"] .modebar-container {{ top: {room}px !important; }}'
        for room in _ROOMS
    )
    return f"""
    [data-testid="stCaptionContainer"] {{ color: inherit; opacity: .8; }}
    [data-testid="stCaptionContainer"] p {{ color: inherit; }}
    [data-testid^="stBaseButton-primary"]:not(:disabled) {{ background-color: {_BUTTON} !important;
      border-color: {_BUTTON} !important; color: #ffffff !important; }}
    a:focus-visible, [role="tab"]:focus-visible, summary:focus-visible {{
      outline: 2px solid currentColor !important; outline-offset: 2px; }}
    [class*="st-key-untitled-"] .g-gtitle {{ display: none; }}
    {titles}
    @media (prefers-reduced-motion: reduce) {{
      *, *::before, *::after {{ animation-duration: .01ms !important; transition-duration: .01ms !important; }} }}
    """


_STYLE = f"<style>{_rules()}</style>"


def style() -> None:
    """Put the rules on the page."""
    st.html(_STYLE)
