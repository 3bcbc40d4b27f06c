"""Evaluate: the coupling held against known pairs, and how sure that is."""

from pages.shell import cache, progress_box, session
from pages.shell.changed_settings import SILENT_IN_JUDGING, TRANSLATED, say_what_changed
from pages.shell.distributions import distribution_view
from pages.shell.frame import begin, need, need_data, next_step
from pages.views.evaluate.overview import evaluate_view

workspace = begin("evaluate", "How good is the matching where I know the truth?")
need_data(workspace)
folder = session.current_run()
is_matched = folder is not None and cache.has_matching(folder)
is_working = folder is not None and folder.status().is_active

if folder is not None:
    progress_box.watch(folder)
need(is_matched or is_working, "Nothing is matched yet, so there is nothing to judge.", "match")
if folder is not None and is_matched:
    say_what_changed(folder, workspace, TRANSLATED, "Match again, then look here.", silent=SILENT_IN_JUDGING)
    with progress_box.readable(folder):
        evaluate_view(folder)
        distribution_view(folder)
next_step("export", "Take the pairs, the coupling and the recipe with you.")
