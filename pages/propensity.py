"""Propensity: one classifier per modality, and how well each distinguishes the labels."""

import streamlit as st

from pages.shell import progress_box, session
from pages.shell.changed_settings import TRAINED, warn_of_changed_settings
from pages.shell.clicks import clicked
from pages.shell.frame import next_step, picture_and_settings, require_data, start_page
from pages.shell.places import own_place
from pages.views.propensity.overview import propensity_view
from pages.views.propensity.settings import propensity_settings
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import LastStage

workspace = start_page("propensity", "Can each modality distinguish the perturbations?")
require_data(workspace)
folder = session.current_run()
is_working = folder is not None and folder.status().is_active
is_trained = folder is not None and files.PROPENSITY.is_in(folder)

picture, settings = picture_and_settings(folder, is_trained)
with settings:
    with st.expander("Settings", expanded=not is_trained and not is_working, icon=":material/tune:"):
        propensity_settings()
    workspace = session.workspace()
    if clicked(
        "Train again" if is_trained else "Train",
        type="secondary" if is_trained else "primary",
        key="train",
        disabled=is_working and not is_trained,
    ):
        name = session.new_run_name("propensity")
        progress_box.start_run(workspace.recipe, stop_after=LastStage.PROPENSITY, name=name)

with picture:
    with own_place():
        if folder is not None:
            progress_box.show_run(folder, curves=True)
        elif not is_trained:
            st.info("Not trained yet: press Train.", icon=":material/arrow_forward:")
    if folder is not None and is_trained:
        warn_of_changed_settings(folder, workspace, TRAINED, "Train again to use the current settings.")
        with progress_box.show_unreadable(folder):
            propensity_view(folder)
next_step("match", "Match the cells of each label by these scores.", is_ready=is_trained)
