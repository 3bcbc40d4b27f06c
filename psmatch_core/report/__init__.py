"""A run as one HTML file with its figures, tables, statuses and settings; it opens without a server or the internet.

The file holds one copy of plotly.js from the installed package, and a policy that forbids the browser every request.
The report needs only the run's folder, so it can also be made when the data files are gone.
"""

from __future__ import annotations

from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.report.chapters import CHAPTERS
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page, render
from psmatch_core.workspace.run_folder import RunFolder

__all__ = ["REPORT_FILE", "report_html", "write_report"]

REPORT_FILE = "report.html"


def write_report(folder: RunFolder, path: Path | None = None) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    path
        The HTML file; ``report.html`` among the exports of the run unless given.

    Returns
    -------
    The path.

    Raises
    ------
    PsmatchError
        If the folder holds no run, or may only be read and the file would lie in it.
    """
    if path is None or folder.path in path.parents:
        folder.check_writable()
    if not (folder.path / "recipe.json").exists():
        raise PsmatchError(
            f"The folder {folder.path.name} holds no run.", hint="Give the folder of a run: it holds a recipe.json."
        )
    return disk.write_text(path or folder.exports / REPORT_FILE, report_html(folder))


def report_html(folder: RunFolder) -> str:
    """The report as HTML text."""
    run, page = LoadedRun.load(folder), Page()
    for add_chapter in CHAPTERS:
        add_chapter(run, page)
    return render(page, display(str(folder.job.get("name") or folder.id), 120))
