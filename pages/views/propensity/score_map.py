"""A two-dimensional map of all cells by their scores, coloured by label, metric, column or feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, charts
from pages.shell.cell_maps import draw_maps, picture_and_controls
from pages.shell.map_colors import color_boxes
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap

PANELS, MOST_PANELS = 9, 12  # labels with a panel at first, and at most


def map_tab(folder: RunFolder, models: cache.ScoredModalities) -> None:
    """The map with its colour and highlight."""
    method, scores = cache.score_map(folder)
    coupling = cache.coupling(folder) if cache.has_matching(folder) else None
    picture, controls = picture_and_controls()
    with controls:
        are_apart = st.toggle("Labels side by side", help="A small map for each label.", key=f"apart.{folder.id}")
        if are_apart:
            chosen = _panel_labels(folder, models)
        else:
            stack = "One map above the other instead of side by side."
            stacked = st.toggle("Stacked", help=stack, key=f"stack.{folder.id}")
            color = color_boxes(folder, models, coupling)
    with picture:
        if are_apart:
            _panels(folder, models, scores, chosen)
            return
        if color is None:
            return
        draw_maps(folder, models, scores, color, stacked=stacked, key="cells.map")
        _say_what_is_shown(folder, models, method)


def _say_what_is_shown(folder: RunFolder, models: cache.ScoredModalities, method: str) -> None:
    what = _what_is_shown(folder, models)
    if method == "umap":
        st.caption(f"UMAP of {what}. Cells are not matched on the map, and distances between islands mean little.")
    else:
        waiting = " UMAP replaces it when it is ready." if folder.status().is_active else ""
        st.caption(f"First two principal components of {what}.{waiting}")


def _what_is_shown(folder: RunFolder, models: cache.ScoredModalities) -> str:
    """Which scores the map shows, by classifiers that saw which cells, and how both sides are laid over each other."""
    from psmatch_core.classification.propensity import PropensityModel

    if not isinstance(models[0], PropensityModel):
        return f"the {models[0].space_name} of the cells that the model was trained on"
    aligned = (
        "each label centred and scaled on both sides, as the matching compares them"
        if folder.recipe.matcher.aligns
        else "with one centre and scale for each side"
    )
    return f"held-out {models[0].space_name} (of classifiers that were not trained on the cell), {aligned}"


def _panel_labels(folder: RunFolder, models: cache.ScoredModalities) -> list[str]:
    return st.multiselect(
        "Labels",
        models[0].label_names,
        default=_largest_labels(models)[:PANELS],
        max_selections=MOST_PANELS,
        format_func=lambda each: display(each, 60),
        key=f"panels.{folder.id}",
        help="The largest labels are chosen at first. Type to find others.",
    )


def _panels(folder: RunFolder, models: cache.ScoredModalities, scores: ScoreMap, chosen: list[str]) -> None:
    """A small map for each label that the visitor chose."""
    from psmatch_core.plotting import label_panels

    if not chosen:
        st.info("Choose labels to see one panel for each.", icon=":material/arrow_forward:")
        return
    charts.show(
        label_panels(scores, *models, chosen),
        key=f"panels.map.{folder.id}",
        alt=f"One map for each of {len(chosen)} labels, with its cells of both modalities",
    )


def _largest_labels(models: cache.ScoredModalities) -> list[str]:
    """The labels by their number of cells in both modalities, the largest first."""
    counts = dict.fromkeys(models[0].label_names, 0)
    for model in models:
        for row in model.per_label:
            counts[row.label] += row.n_cells
    return sorted(counts, key=lambda name: -counts[name])
