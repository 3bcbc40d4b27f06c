"""Style rules that the theme cannot express: contrast of small text, visible focus, less motion, figure titles."""

from __future__ import annotations

import streamlit as st

from pages.shell.navigation import MAIN_STEP, STEP
from pages.shell.places import PLACE_RULES

# The dark theme's primary colour is bright, for lines and links; white text on a button needs a darker one.
_BUTTON = "#1f6a8c"
_HEIGHTS = tuple(range(20, 181, 20))  # px taken by titles of one to nine lines
_LEAST = tuple(range(360, 801, 40))  # px of figures that grow with the screen


def hidden_title_key(height: int) -> str:
    """Start of the key of a container whose figure has a title of that height [px], hidden on the page."""
    return f"untitled-{min(height, _HEIGHTS[-1])}"


def growing_key(height: float) -> str:
    """Part of the key of a container whose figure of that height [px] grows with the width of the screen."""
    return f"grows{min((each for each in _LEAST if each >= height), default=_LEAST[-1])}-"


def _rules() -> str:
    """The style sheet.

    The page shows a figure's title as text, so the title inside the figure is hidden and the figure moved up by its
    height. A downloaded picture is redrawn without these rules, so it has its title.
    """
    titles = "".join(
        f'[class*="st-key-untitled-{height}-"] {{ margin-bottom: -{height}px; }}'
        f'[class*="st-key-untitled-{height}-"] .js-plotly-plot {{ margin-top: -{height}px; }}'
        f'[class*="st-key-untitled-{height}-"] .modebar-container {{ top: {height}px !important; }}'
        for height in _HEIGHTS
    )
    growing = "".join(
        f'[class*="untitled-"][class*="-grows{least}-"] {{ min-height: max({least}px, min(32vw, 80vh, 900px)); }}'
        for least in _LEAST
    )
    return f"""
    [data-testid="stCaptionContainer"] {{ color: inherit; opacity: .8; }}
    [data-testid="stCaptionContainer"] p {{ color: inherit; }}
    [data-testid^="stBaseButton-primary"]:not(:disabled) {{ background-color: {_BUTTON} !important;
      border-color: {_BUTTON} !important; color: #ffffff !important; }}
    a:focus-visible, [role="tab"]:focus-visible, summary:focus-visible {{
      outline: 2px solid currentColor !important; outline-offset: 2px; }}
    [data-testid="stMainBlockContainer"] {{ padding-left: clamp(1rem, 2.5vw, 3rem);
      padding-right: clamp(1rem, 2.5vw, 3rem); }}
    [class*="st-key-untitled-"] .g-gtitle {{ display: none; }}
    {growing}
    {PLACE_RULES}
    button kbd, button kbd * {{ color: inherit !important; opacity: .9 !important; }}
    [class*="{STEP}-"] a {{ border: 1px solid var(--st-border-color, #8886); border-radius: .5rem; padding: .4rem .9rem;
      min-height: 2.5rem; }}
    [class*="{STEP}-"] a:hover {{ border-color: {_BUTTON}; }}
    [class*="{MAIN_STEP}-"] a {{ background-color: {_BUTTON}; border-color: {_BUTTON}; }}
    [class*="{MAIN_STEP}-"] a, [class*="{MAIN_STEP}-"] a * {{ color: #ffffff !important; }}
    [class*="st-key-data-step-here"] button {{ border-color: {_BUTTON}; box-shadow: inset 0 -3px 0 {_BUTTON}; }}
    [class*="st-key-data-step-here"] button p {{ font-weight: 600; }}
    [class*="st-key-answer-"] p {{ font-size: 1.12rem; }}
    {titles}
    @media (max-width: 640px) {{
      [class*="st-key-cell-steps-"] > [data-testid="stElementContainer"]:first-child {{ flex: 1 1 100% !important; }} }}
    @media (prefers-reduced-motion: reduce) {{
      *, *::before, *::after {{ animation-duration: .01ms !important; transition-duration: .01ms !important; }} }}
    """


_STYLE = f"<style>{_rules()}</style>"


def style() -> None:
    """Apply the rules to the page."""
    st.html(_STYLE)
