"""A run as one HTML file: its figures, tables, statuses and settings; it opens without a server or the internet.

The file holds one copy of plotly.js from the installed package, and a policy that lets the browser ask nobody for
anything. It reads the run's folder alone, so that a report can be made of a run whose data files are gone.
"""

from __future__ import annotations

from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.report.content import Content
from psmatch_core.report.page import Page, render
from psmatch_core.report.sections import SECTIONS
from psmatch_core.workspace import files
from psmatch_core.workspace.results import has_coupling, has_propensities, load_matching, load_models
from psmatch_core.workspace.run_folder import RunFolder

__all__ = ["REPORT", "report_html", "write_report"]

REPORT = "report.html"


def write_report(folder: RunFolder, path: Path | None = None) -> Path:
    """Write the report of a run; returns where it lies.

    Parameters
    ----------
    path
        The HTML file; ``report.html`` among the run's exports unless given.

    Raises
    ------
    PsmatchError
        If the folder holds no run.
    """
    if not (folder.path / "recipe.json").exists():
        raise PsmatchError(
            f"The folder {folder.path.name} holds no run.", hint="Give the folder of a run: it holds a recipe.json."
        )
    path = path or folder.exports / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    return disk.write_text(path, report_html(folder))


def report_html(folder: RunFolder) -> str:
    """The report as text."""
    models = load_models(folder) if has_propensities(folder) else None
    coupling = load_matching(folder, models) if models is not None and has_coupling(folder) else None
    content = Content(folder, models, coupling, files.LABELS.read(folder))
    page = Page()
    for section in SECTIONS:
        section(content, page)
    return render(page, _name(folder))


def _name(folder: RunFolder) -> str:
    return display(str(folder.job.get("name") or folder.id), 120)
