"""Maps of both modalities with a feature as measured on one and as translated to the other."""

from __future__ import annotations

from pages.shell import cache
from pages.shell.cell_maps import map_view
from pages.shell.cell_values import FEATURE
from psmatch_core.workspace.run_folder import RunFolder


def feature_map_tab(folder: RunFolder) -> None:
    """The maps, coloured by the feature that marks the labels best until another is chosen."""
    map_view(folder, cache.scored_modalities(folder), key="translate.map", first=FEATURE)
