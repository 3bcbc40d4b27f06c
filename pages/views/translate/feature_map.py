"""Maps of both modalities with a feature as measured on one and as translated to the other."""

from __future__ import annotations

from pages.shell import cache
from pages.shell.cell_maps import draw_maps, picture_and_controls
from pages.shell.cell_values import FEATURE
from pages.shell.map_colors import color_boxes
from psmatch_core.workspace.run_folder import RunFolder


def feature_map_tab(folder: RunFolder) -> None:
    """The maps, coloured by the feature that marks the labels best until another is chosen."""
    models = cache.scored_modalities(folder)
    _, scores = cache.score_map(folder)
    picture, controls = picture_and_controls()
    with controls:
        color = color_boxes(folder, models, cache.coupling(folder), first=FEATURE)
    if color is not None:
        with picture:
            draw_maps(folder, models, scores, color, stacked=False, key="translate.map")
