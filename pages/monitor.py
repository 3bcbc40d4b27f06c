"""Monitor: may the matching be believed where no true pair is known?"""

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import MATCHED, SILENT_IN_JUDGING, say_what_changed
from pages.shell.frame import begin, need, need_data, next_step
from pages.views.monitor.overview import monitor_view
from pages.views.monitor.runs_compared import sweep_view

workspace = begin("monitor", "Should I believe it?")
need_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_working = folder is not None and folder.status().is_active

if folder is not None:
    progress_box.watch(folder)
need(is_matched or is_working, "Nothing is matched yet, so there is nothing to believe or to doubt.", "match")
if folder is not None and is_matched:
    say_what_changed(folder, workspace, MATCHED, "Match again, then look here.", silent=SILENT_IN_JUDGING)
    with progress_box.readable(folder):
        monitor_view(folder)
        sweep_view(folder)
next_step("translate", "Carry the features of one modality to the cells of the other.")
