"""One modality on a step of the Data page: its file, what was wrong with it, and a form whose choices are kept."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shell import session
from pages.shell.errors import show_error
from pages.shell.places import in_own_place, own_place
from pages.shell.text import plain
from pages.shell.workspace import Side
from pages.views.data.changed_file import warn_of_changed_file
from pages.views.data.file_choice import choose_file, save_side, use_new_file, with_summary
from psmatch_core.data.readers import FileSummary
from psmatch_core.data.sides import SIDES, THIRD

HEADINGS = {"source": "Modality 1 (source)", "target": "Modality 2 (target)", THIRD: "Modality 3"}
Form = Callable[[str, Side, FileSummary], Side]


def both_sides(form: Form, *, with_uploader: bool = False) -> None:
    """The form of each modality, beside each other."""
    for which, place in zip(SIDES, st.columns(2, gap="large"), strict=True):
        with place:
            _side_form(which, form, with_uploader=with_uploader)


@in_own_place
def third_side(form: Form, *, with_uploader: bool = False) -> None:
    """The form of a third modality below the other two; where a file can be loaded, a place for it, folded.

    Nothing until both others are there.
    """
    workspace = session.workspace()
    if workspace.source is None or workspace.target is None or not (with_uploader or workspace.third is not None):
        return
    if workspace.third is None and session.get(f"new.{THIRD}.path") is None:
        with st.expander("Add a third modality", icon=":material/add_circle:"):
            st.markdown(
                "A third file of the same perturbations is matched together with the two, and nothing of a run of "
                "the two changes."
            )
            _side_form(THIRD, form, with_uploader=True)
        return
    place, beside = st.columns(2, gap="large")
    with place:
        _side_form(THIRD, form, with_uploader=with_uploader)
    with beside:
        if with_uploader:
            st.caption("Matched with the other two by “Match all three”. A run of the two knows nothing of it.")
            st.button("Remove the third modality", key="third.remove", icon=":material/close:", on_click=_remove_third)


def _remove_third() -> None:
    session.set_workspace(session.workspace().with_side(THIRD, None))
    session.clear_error(THIRD)
    for name in (f"new.{THIRD}.path", f"new.{THIRD}.labels"):
        session.pop(name)


def _side_form(which: str, form: Form, *, with_uploader: bool) -> None:
    st.subheader(HEADINGS[which], anchor=False)
    if with_uploader:
        choose_file(which)
    use_new_file(which)
    error = session.error_at(which)
    with own_place():
        if error is not None:
            show_error(error)
            if session.workspace().side(which) is not None:
                st.caption("The file chosen before is still in use.")
    side = session.workspace().side(which)
    if side is None:
        if not with_uploader:
            st.caption("No file is loaded yet: load one in step 1.")
        return
    side = with_summary(which, side)
    if side is None or side.summary is None:
        return
    with st.container(border=True):
        st.markdown(f"**{plain(side.summary.name)}**")
        warn_of_changed_file(which, side)
        changed = form(which, side, side.summary)
    if changed != side:
        save_side(which, changed, inspect=changed.content != side.content)
