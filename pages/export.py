"""Export: the files of a run, and the lines that repeat it."""

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import TRANSLATED, say_what_changed
from pages.shell.frame import begin, need, need_data, next_step
from pages.views.export.overview import export_view

workspace = begin("export", "How do I take it with me?")
need_data(workspace)
folder = session.current_run()
is_exported = folder is not None and cache.has_exports(folder)
is_working = folder is not None and folder.status().is_active

if folder is not None:
    progress_box.watch(folder)
need(is_exported or is_working, "Nothing is matched yet, so there is nothing to take along.", "match")
if folder is not None and is_exported:
    say_what_changed(folder, workspace, TRANSLATED, "Match again to export those of the present settings.")
    with progress_box.readable(folder):
        export_view(folder)
next_step("data", "Load other data, or open an earlier run.")
