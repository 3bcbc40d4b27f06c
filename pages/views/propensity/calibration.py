"""Whether the classifiers' stated confidence matches how often they are right."""

from __future__ import annotations

from pages.shell import cache, charts
from psmatch_core.workspace.run_folder import RunFolder


def calibration_tab(folder: RunFolder, models: cache.ScoredModalities) -> None:
    """Reliability diagram of both modalities."""
    from psmatch_core.plotting import reliability

    alt = "Stated confidence and hit rate in both modalities"
    charts.show(reliability(*models), key=f"reliability.{folder.id}", alt=alt)
