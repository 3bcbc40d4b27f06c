"""The button that matches all three modalities, with what it needs and what is still to be decided before."""

from __future__ import annotations

import streamlit as st

from pages.shell import session
from pages.shell.clicks import clicked
from pages.shell.data_steps import DataStep
from pages.shell.errors import show_errors
from pages.shell.needs import all_fit_this_machine
from pages.shell.places import in_own_place
from pages.shell.several import current_several, several_questions, start_several
from pages.shell.text import plain


@in_own_place
def several_button() -> None:
    """The button, once nothing is left to decide about a third modality; else what is; nothing without a third.

    A press starts the job and shows it in the last step.
    """
    workspace = session.workspace()
    if workspace.third is None:
        return
    questions = several_questions(workspace)
    if questions:
        step, text = questions[0]
        st.info(f"To match all three: {plain(text)} (step {step.number})", icon=":material/hub:")
        return
    fits = all_fit_this_machine(workspace)
    job = current_several(workspace)
    if clicked(
        "Match all three",
        key="several.match",
        icon=":material/hub:",
        disabled=not fits or (job is not None and job.is_active and not job.folder.is_read_only),
        help="One classifier for each modality, every pair matched, and one file with all of them.",
    ):
        with show_errors():
            session.set_several(start_several(workspace).id)
            session.ask_for_step(DataStep.JUDGE)
            st.rerun()
