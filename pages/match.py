"""Match: the cells of each label coupled by their propensity scores."""

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import MATCHED, matcher_settings, say_what_changed
from pages.shell.frame import begin, need_data, next_step
from pages.views.match.overview import match_view
from psmatch_core.workspace.run_folder import DONE, LastStage

workspace = begin("match", "Who goes with whom?")
need_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_trained = folder is not None and cache.has_propensities(folder)
is_working = folder is not None and folder.status().is_active
# A run that has only its map of scores left to draw holds nobody up.
is_ready = is_matched or (is_trained and folder is not None and folder.job.get("stop_after") == LastStage.PROPENSITY)

with st.expander("Settings", expanded=not is_matched and not is_working, icon=":material/tune:"):
    matcher_settings(has_pairs=session.may_know_pairs())
workspace = session.workspace()
if st.button(
    "Match again" if is_matched else "Match",
    type="secondary" if is_matched else "primary",
    key="match",
    disabled=is_working and not is_ready,
):
    progress_box.start(workspace.recipe, stop_after=LastStage.MATCH, name=session.next_name("match"))

if folder is not None:
    progress_box.watch(folder, curves=True)
if not is_matched and (is_ready or folder is None or folder.status().state == DONE):
    trained = "The propensity scores are used again." if is_trained else "The propensity models are trained first."
    st.info(f"Not matched yet: press Match. {trained}", icon=":material/arrow_forward:")
if folder is not None and is_matched:
    say_what_changed(folder, workspace, MATCHED, "Match again to see those of the present settings.")
    with progress_box.readable(folder):
        match_view(folder)
next_step("monitor", "See whether the matching is to be believed, without knowing the truth.")
