"""The button that goes the whole way from two files: train, match, judge, and write the files to export."""

from __future__ import annotations

import streamlit as st

from pages.shell import progress_box, session
from pages.shell.clicks import clicked
from pages.shell.needs import fits_this_machine
from pages.shell.places import in_own_place
from psmatch_core.workspace.run_folder import LastStage


@in_own_place
def match_button(*, is_last_step: bool) -> None:
    """Start a run with the settings as they are and open it on Match, where each step is shown and can be cancelled.

    Parameters
    ----------
    is_last_step
        Whether the page is at its last step, where all that the button does is said; before, it is the short way.
    """
    workspace = session.workspace()
    if workspace.missing:
        return
    folder = session.current_run()
    if is_last_step:
        st.markdown(
            "Trains one classifier per modality, matches the cells of each label, judges the matches and writes the "
            "files to export, with the settings as they are (recommended, unless you changed them). You watch it on "
            "Match, can stop it at any time, and find the report on Export."
        )
    fits = fits_this_machine(workspace)
    is_working = folder is not None and folder.status().is_active
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = clicked(
            "Match and judge",
            type="secondary" if folder is not None else "primary",
            icon=":material/play_arrow:",
            key="data.match",
            disabled=is_working or not fits,
        )
        if not is_last_step:
            st.caption("All steps at once, with the settings as they are.", width="stretch")
    if pressed:
        progress_box.start_run(
            workspace.recipe, stop_after=LastStage.MATCH, name=session.new_run_name("match"), show_on="match"
        )
