"""A search among many names: type a part, choose among the hits."""

from __future__ import annotations

import streamlit as st

from pages.shell import cell_values, session
from pages.shell.text import plain
from psmatch_core.data.checks import display


def find(names: list[str], *, what: str, key: str) -> str | None:
    """One of many names; None, and a word on it, where none holds what was typed.

    Few names are chosen from a list; of many the browser is only ever sent those that were looked for.
    """
    if len(names) <= cell_values.FOUND:
        return st.selectbox(f"Which {what}", names, format_func=lambda each: display(each, 60), key=key)
    text = st.text_input(
        f"Find a {what}", key=f"{key}.text", placeholder=f"a part of its name, such as {names[0][:24]}"
    )
    hits = cell_values.search(names, text)
    if not hits:
        with st.container(border=True):
            st.markdown(
                f":material/search_off: **No {what} among {len(names):,} holds {plain(text, 60)}.** Type less of it, "
                f"or another name, such as {plain(', '.join(display(each, 24) for each in names[:3]))}."
            )
            st.button("Show all again", key=f"{key}.clear", icon=":material/undo:", on_click=_clear, args=(key,))
        return None
    more = "" if len(hits) < cell_values.FOUND else f" (first {cell_values.FOUND}; type more to see others)"
    return st.selectbox(
        f"{len(hits)} of {len(names):,}{more}", hits, format_func=lambda each: display(each, 60), key=key
    )


def _clear(key: str) -> None:
    session.leave(f"{key}.text", "")
