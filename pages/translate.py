"""Translate: what cells would look like in the other modality, held against what was measured."""

import streamlit as st

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import TRANSLATED, say_what_changed, translator_settings
from pages.shell.frame import begin, need, need_data, next_step
from pages.views.translate.overview import translate_view
from psmatch_core.workspace.run_folder import LastStage

workspace = begin("translate", "What would this cell look like in the other modality?")
need_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_working = folder is not None and folder.status().is_active

with st.expander("Settings", icon=":material/tune:"):
    translator_settings()
workspace = session.workspace()
if is_matched and st.button("Translate again", key="translate", disabled=is_working and not is_matched):
    progress_box.start(workspace.recipe, stop_after=LastStage.MATCH, name=session.next_name("match"))
if folder is not None:
    progress_box.watch(folder)
need(is_matched or is_working, "Nothing is matched yet, so there is nothing to translate.", "match")
if folder is not None and is_matched:
    say_what_changed(folder, workspace, TRANSLATED, "Translate again to see those of the present settings.")
    with progress_box.readable(folder):
        translate_view(folder)
next_step("evaluate", "Hold the matching against the pairs that are known.")
