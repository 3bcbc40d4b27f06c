"""Monitor: what the matches are good for, without true pairs."""

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import MATCHED, NAME_SETTINGS, warn_of_changed_settings
from pages.shell.frame import next_step, require, require_data, start_page
from pages.shell.places import own_place
from pages.views.monitor.overview import monitor_view
from pages.views.monitor.runs_compared import runs_compared

workspace = start_page("monitor", "What are the matches good for?")
require_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_working = folder is not None and folder.status().is_active

if folder is not None:
    progress_box.show_run(folder)
require(is_matched or is_working, "Nothing is matched yet, so there is nothing to check.", "match")
if folder is not None and is_matched:
    warn_of_changed_settings(folder, workspace, MATCHED, "Match again, then return here.", ignored=NAME_SETTINGS)
    with progress_box.show_unreadable(folder):
        with own_place():
            monitor_view(folder)
        runs_compared(folder)
next_step("translate", "Predict the features of one modality for the cells of the other.", is_ready=is_matched)
