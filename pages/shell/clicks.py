"""Buttons whose click is never lost, whatever the visitor does next.

``st.button`` tells a script of a click when the script gets to it. A visitor who clicks anything else before that ends
the script, and the click is gone: a run that was cancelled would go on. Streamlit calls ``on_click`` before the
script, so that is where a click is remembered, or its action carried out. With ``fastReruns`` off a click that comes
while a script runs waits with those that follow it. What is left are the milliseconds between the start of a script
and its ``on_click``, in which Streamlit itself drops the click for another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_error
from pages.shell.text import plain
from psmatch_core.base.errors import PsmatchError

CLICKS = "clicks"  # in the session: clicks that no script has answered yet, as {key: text of the button}
ERRORS = "errors of clicks"  # in the session: what failed and was not told yet, as {key: error}


def clicked(label: str, *, key: str, in_form: bool = False, **settings: Any) -> bool:
    """A button; whether it was clicked since it was drawn last.

    A click that another one overtakes is answered when its button is drawn again. If the visitor opens another page
    before that, :func:`tell_lost_clicks` says what was not done.

    Parameters
    ----------
    in_form
        Draw the button that submits the form it stands in.
    settings
        More of ``st.button``, such as its icon.
    """
    button = st.form_submit_button if in_form else st.button
    button(label, key=key, on_click=_remember, args=(key, label), **settings)
    return _kept(CLICKS).pop(key, None) is not None


def act_on_click(label: str, act: Callable[[], object], *, key: str, **settings: Any) -> bool:
    """A button whose action is carried out before anything else, also if the visitor opens another page at once.

    For what must not get lost: to cancel, to delete and bring back, to save. What fails is told under the button, and
    on another page if the visitor has left.

    Parameters
    ----------
    act
        What to do. What was typed beside the button is read in it, by :func:`typed`; it must draw nothing, since any
        other click ends what draws.

    Returns
    -------
    Whether it was just done, so that what is drawn above can be drawn again.
    """
    is_done = st.button(label, key=key, on_click=_act, args=(key, act), **settings)
    error = _kept(ERRORS).pop(key, None)
    if error is not None:
        show_error(error)
    return is_done and error is None


def typed(field: str) -> str:
    """What stands in a text field, for an action of :func:`act_on_click`.

    Parameters
    ----------
    field
        The key of the field.

    Raises
    ------
    PsmatchError
        If the browser left the page before it sent the text.
    """
    text = session.get(field)
    if text is None:
        raise PsmatchError("Nothing was saved: the page was left before its text arrived.", hint="Type it again.")
    return str(text)


def tell_lost_clicks() -> None:
    """At the end of a page: say which clicks no button on it has answered, and which actions failed."""
    for label in _kept(CLICKS).values():
        st.toast(
            f"“{plain(label)}” was not done: the page changed first. Click it again if you still want it.",
            icon=":material/info:",
            duration="long",
        )
    for error in _kept(ERRORS).values():
        st.toast(f"{plain(error.problem)} → {plain(error.hint)}", icon=":material/error:", duration="infinite")
    _kept(CLICKS).clear()
    _kept(ERRORS).clear()


def _kept(name: str) -> dict[str, Any]:
    if session.get(name) is None:
        session.put(name, {})
    found: dict[str, Any] = session.get(name)
    return found


def _remember(key: str, label: str) -> None:
    _kept(CLICKS)[key] = label


def _act(key: str, act: Callable[[], object]) -> None:
    try:
        act()
    except PsmatchError as error:
        _kept(ERRORS)[key] = error
