"""A two-dimensional map of all cells by their scores."""

from __future__ import annotations

from pages.shell import cache
from pages.shell.cell_maps import map_view
from psmatch_core.workspace.run_folder import RunFolder


def map_tab(folder: RunFolder, models: cache.ScoredModalities) -> None:
    """The maps of both modalities, coloured by labels until something else is chosen."""
    map_view(folder, models, key="cells.map")
