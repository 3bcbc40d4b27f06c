"""A user's note on a run, shown as the text that it is."""

from __future__ import annotations

import streamlit as st

from pages.shell.text import plain

BEGINNING = 300  # characters of a note in a list


def show_note(note: str, *, is_whole: bool = False, rest: str = "the rest under More") -> None:
    """Show a note with its lines; nothing if there is none.

    Parameters
    ----------
    is_whole
        Whether all of a long note is shown, and not only its beginning.
    rest
        Where to find the rest.
    """
    if not note:
        return
    shown = note if is_whole or len(note) <= BEGINNING else note[:BEGINNING].rsplit(maxsplit=1)[0]
    lines = "  \n".join(plain(line) for line in shown.splitlines() if line.strip())
    more = "" if shown == note else f" … ({rest})"
    st.markdown(f":material/edit_note: {lines}{more}")
