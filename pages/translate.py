"""Translate: what cells would look like in the other modality, compared with what was measured."""

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import TRANSLATED, warn_of_changed_settings
from pages.shell.clicks import clicked
from pages.shell.frame import next_step, picture_and_settings, require, require_data, start_page
from pages.views.translate.overview import translate_view
from pages.views.translate.settings import translator_settings
from psmatch_core.workspace.run_folder import LastStage

workspace = start_page("translate", "What would these cells look like in the other modality?")
require_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_working = folder is not None and folder.status().is_active

picture, settings = picture_and_settings(folder, is_matched)
with settings:
    with st.expander("Settings", icon=":material/tune:"):
        translator_settings()
    workspace = session.workspace()
    if is_matched and clicked("Translate again", key="translate"):
        progress_box.start_run(workspace.recipe, stop_after=LastStage.MATCH, name=session.new_run_name("match"))

with picture:
    if folder is not None:
        progress_box.show_run(folder)
    if folder is not None and is_matched:
        warn_of_changed_settings(folder, workspace, TRANSLATED, "Translate again to use the current settings.")
        with progress_box.show_unreadable(folder):
            translate_view(folder)
require(is_matched or is_working, "Nothing is matched yet, so there is nothing to translate.", "match")
next_step("evaluate", "Compare the matching with known pairs.", is_ready=is_matched)
