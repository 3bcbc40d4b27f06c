"""A user's note on a run, shown as the text that it is."""

from __future__ import annotations

import streamlit as st

from pages.shell.text import plain

BEGINNING = 300  # characters of a note in a list


def show_note(note: str, *, most: int = BEGINNING, rest: str = "the rest under More") -> None:
    """Show a note with its lines; nothing if there is none.

    Parameters
    ----------
    most
        Longest note that is shown as a whole; of a longer one, the beginning [characters].
    rest
        Where to find the rest.
    """
    if not note:
        return
    shown = note if len(note) <= most else note[:most].rsplit(maxsplit=1)[0]
    lines = "  \n".join(plain(line) for line in shown.splitlines() if line.strip())
    more = "" if shown == note else f" … ({rest})"
    st.markdown(f":material/edit_note: {lines}{more}")
