"""Choose one of many names: type part of it, then pick from the matches."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from pages.shell import session
from pages.shell.text import plain
from psmatch_core.data.checks import display

OFFERED = 40  # names that are offered at once; with more matches it is better to type more


def name_search(names: list[str], *, what: str, key: str, persist: bool = False) -> str | None:
    """One of many names; None, with a message, if none contains what was typed.

    Few names are chosen from a list. Of many, only the matches are sent to the browser.

    Parameters
    ----------
    what
        What the names are, in the singular, such as ``feature``.
    persist
        Keep the choice on other pages that ask with the same key.
    """
    kept: Literal["session"] | None = "session" if persist else None
    if len(names) <= OFFERED:
        return st.selectbox(
            what.capitalize(), names, format_func=lambda each: display(each, 60), key=key, persist_state=kept
        )
    example = f"part of its name, such as {names[0][:24]}"
    text = st.text_input(f"Find a {what}", key=f"{key}.text", placeholder=example, persist_state=kept)
    matches = matching_names(names, text)
    if not matches:
        with st.container(border=True):
            examples = plain(", ".join(display(each, 24) for each in names[:3]))
            st.markdown(
                f":material/search_off: **None of the {len(names):,} {what}s contains {plain(text, 60)}.** Type less "
                f"of the name, or try another, such as {examples}."
            )
            st.button("Show all again", key=f"{key}.clear", icon=":material/undo:", on_click=_clear, args=(key,))
        return None
    more = "" if len(matches) < OFFERED else f" (first {OFFERED}; type more to narrow the search)"
    return st.selectbox(
        f"{len(matches)} of {len(names):,}{more}",
        matches,
        format_func=lambda each: display(each, 60),
        key=key,
        persist_state=kept,
    )


def matching_names(names: list[str], text: str) -> list[str]:
    """Names that contain the text in any case, at most ``OFFERED``; those that begin with it come first."""
    wanted = text.strip().casefold()
    found = [name for name in names if wanted in name.casefold()]
    found.sort(key=lambda name: (name.casefold() != wanted, not name.casefold().startswith(wanted)))
    return found[:OFFERED]


def _clear(key: str) -> None:
    session.put(f"{key}.text", "")
