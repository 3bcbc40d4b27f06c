"""Export: the files of a run, and how to repeat it."""

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import TRANSLATED, warn_of_changed_settings
from pages.shell.frame import next_step, require, require_data, start_page
from pages.views.export.overview import export_view

workspace = start_page("export", "How do I download the results?")
require_data(workspace)
folder = session.current_run()
is_exported = folder is not None and cache.has_exports(folder)
is_working = folder is not None and folder.status().is_active

if folder is not None:
    progress_box.show_run(folder)
require(is_exported or is_working, "Nothing is matched yet, so there is nothing to download.", "match")
if folder is not None and is_exported:
    warn_of_changed_settings(folder, workspace, TRANSLATED, "Match again to export results with the current settings.")
    with progress_box.show_unreadable(folder):
        export_view(folder)
next_step("data", "Load other data, or open an earlier run.")
