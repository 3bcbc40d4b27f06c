"""Match: the cells of each label coupled by their propensity scores."""

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import MATCHED, warn_of_changed_settings
from pages.shell.clicks import clicked
from pages.shell.frame import next_step, picture_and_settings, require_data, start_page
from pages.shell.needs import fits_this_machine
from pages.shell.places import own_place
from pages.views.match.overview import match_view
from pages.views.match.settings import matcher_settings
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import DONE, LastStage

workspace = start_page("match", "Which cells match across the two modalities?")
require_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_trained = folder is not None and files.PROPENSITY.is_in(folder)
is_working = folder is not None and folder.status().is_active
# A run of which only the map of scores is missing need not be waited for.
is_ready = is_matched or (is_trained and folder is not None and folder.job.get("stop_after") == LastStage.PROPENSITY)

picture, settings = picture_and_settings(folder, is_matched)
with settings:
    with st.expander("Settings", expanded=not is_matched and not is_working, icon=":material/tune:"):
        matcher_settings(folder, has_pairs=session.may_have_known_pairs())
    workspace = session.workspace()
    fits = fits_this_machine(workspace)
    if clicked(
        "Match again" if is_matched else "Match",
        type="secondary" if is_matched else "primary",
        key="match",
        disabled=(is_working and not is_ready) or not fits,
    ):
        progress_box.start_run(workspace.recipe, stop_after=LastStage.MATCH, name=session.new_run_name("match"))

with picture:
    with own_place():
        if folder is not None:
            progress_box.show_run(folder, curves=True)
        if not is_matched and (is_ready or folder is None or folder.status().state == DONE):
            scores = (
                "The existing propensity scores are used." if is_trained else "The propensity models are trained first."
            )
            st.info(f"Not matched yet: press Match. {scores}", icon=":material/arrow_forward:")
    if folder is not None and is_matched:
        warn_of_changed_settings(folder, workspace, MATCHED, "Match again to use the current settings.")
        with progress_box.show_unreadable(folder):
            match_view(folder)
next_step("monitor", "See what the matches are good for, without known pairs.", is_ready=is_matched)
