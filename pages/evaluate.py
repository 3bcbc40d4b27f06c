"""Evaluate: the coupling compared with known pairs, and how certain the comparison is."""

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import JUDGED, NAME_SETTINGS, warn_of_changed_settings
from pages.shell.distributions import translated_and_observed
from pages.shell.frame import next_step, require, require_data, start_page
from pages.shell.places import own_place
from pages.views.evaluate.overview import evaluate_view

workspace = start_page("evaluate", "How good is the matching where the true pairs are known?")
require_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_working = folder is not None and folder.status().is_active

if folder is not None:
    progress_box.show_run(folder)
require(is_matched or is_working, "Nothing is matched yet, so there is nothing to evaluate.", "match")
if folder is not None and is_matched:
    warn_of_changed_settings(folder, workspace, JUDGED, "Match again, then return here.", ignored=NAME_SETTINGS)
    with progress_box.show_unreadable(folder):
        with own_place():
            evaluate_view(folder)
        translated_and_observed(folder)
next_step("export", "Download the pairs, the coupling and the recipe.", is_ready=is_matched)
