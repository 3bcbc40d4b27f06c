"""The last chapter: how to repeat the run, all settings, and the versions of the libraries."""

from __future__ import annotations

import json
import time

from psmatch_core.pipeline.preset_words import changed_from_preset, preset_in_words
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files


def settings_chapter(run: LoadedRun, page: Page) -> None:
    """What it takes to repeat the run."""
    from psmatch_core.exports.provenance import portable_recipe

    folder, recipe = run.folder, run.folder.recipe
    started = time.strftime("%d %b %Y, %H:%M", time.localtime(float(folder.job.get("created", 0.0))))
    page.heading("Settings and versions")
    page.text(f"Run {folder.id}, started {started}; seed {recipe.seed}.")
    words = preset_in_words(recipe)
    page.text(f"{words[0].upper()}{words[1:]}.")
    if changed := changed_from_preset(recipe):
        page.table(("setting", "preset", "this run"), [(each.title, each.before, each.now) for each in changed])
    page.text(
        "To repeat the run, put recipe.json and the data files into one folder and run there: "
        "python -m psmatch_core run recipe.json"
    )
    page.details("All settings (recipe.json)", json.dumps(portable_recipe(recipe), indent=2, ensure_ascii=False))
    versions = files.ENVIRONMENT.read(folder)
    if versions:
        page.table(("library", "version"), list(versions.items()))
