"""Propensity: two classifiers, one a modality, and how well they tell the labels."""

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import TRAINED, propensity_settings, say_what_changed
from pages.shell.frame import begin, need_data, next_step
from pages.views.propensity.overview import propensity_view
from psmatch_core.workspace.run_folder import LastStage

workspace = begin("propensity", "Can each modality tell the perturbations apart?")
need_data(workspace)
folder = session.current_run()
is_working = folder is not None and folder.status().is_active
is_trained = folder is not None and cache.has_propensities(folder)

with st.expander("Settings", expanded=not is_trained and not is_working, icon=":material/tune:"):
    propensity_settings()
workspace = session.workspace()
if st.button(
    "Train again" if is_trained else "Train",
    type="secondary" if is_trained else "primary",
    key="train",
    disabled=is_working and not is_trained,
):
    progress_box.start(workspace.recipe, stop_after=LastStage.PROPENSITY, name=session.next_name("propensity"))

if folder is not None:
    progress_box.watch(folder, curves=True)
elif not is_trained:
    st.info("Not trained yet: press Train. It takes some 10 s for 1,000 cells a side.", icon=":material/arrow_forward:")
if folder is not None and is_trained:
    say_what_changed(folder, workspace, TRAINED, "Train again to see those of the present ones.")
    with progress_box.readable(folder):
        propensity_view(folder)
next_step("match", "Couple the cells of each label by these scores.")
