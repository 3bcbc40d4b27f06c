"""A two-dimensional map of all cells by their scores, coloured by label, metric, column or feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.shell import cache, cell_values, charts
from pages.shell.name_search import name_search
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.plotting import CellColumn

Color = Literal["label", "family", "modality", "loss"]
KNOWN: tuple[Color, ...] = ("label", "family", "modality", "loss")
FROM_CELLS = ("column", "feature")
COLORS: dict[str, str] = {
    "label": "label",
    "family": "families of labels",
    "panels": "label, one panel each",
    "modality": "modality",
    "loss": "loss of the cell",
    "column": "a column of the cells …",
    "feature": "a feature …",
}
ALL = ""
HUES = 8  # labels that can be distinguished by colour
HIGHLIGHTED = ("label", "family", "modality")
PANELS, MOST_PANELS = 9, 12  # labels with a panel at first, and at most


def map_tab(folder: RunFolder, models: cache.ScoredModalities) -> None:
    """The map with its colour and highlight."""
    from psmatch_core.plotting import score_map_figure

    method, scores = cache.score_map(folder)
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    first = "family" if len(models[0].label_names) > HUES else "label"
    color = left.selectbox(
        "Colour by",
        list(COLORS),
        index=list(COLORS).index(first),
        format_func=lambda each: COLORS[each],
        key=f"color.{folder.id}",
    )
    label = middle.selectbox(
        "Highlight",
        [ALL, *models[0].label_names],
        format_func=lambda each: display(each, 60) or "all labels",
        disabled=color not in HIGHLIGHTED,
        key=f"highlight.{folder.id}",
    )
    stacked = right.toggle("Stacked", help="One map above the other instead of side by side.", key=f"stack.{folder.id}")
    if color == "panels":
        _panels(folder, models, scores)
        return
    column = _chosen_column(folder, color) if color in FROM_CELLS else None
    highlight = label if label and color in HIGHLIGHTED else None
    known: Color = next((each for each in KNOWN if each == color), "label")
    figure = score_map_figure(scores, *models, color=known, highlight=highlight, stacked=stacked, column=column)
    charts.show(
        figure, key=f"map.{folder.id}", alt=f"Two-dimensional map of the {models[0].space_name} of both modalities"
    )
    if known == "family" and highlight is None:
        st.caption("A family is a group of labels whose cells lie together, named after its two largest labels.")
    if column is not None and len(column.sides) == 1:
        st.caption("Grey: this modality has no such value.")
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


def _panels(folder: RunFolder, models: cache.ScoredModalities, scores: ScoreMap) -> None:
    """A small map for each label that the visitor chooses."""
    from psmatch_core.plotting import label_panels

    chosen = st.multiselect(
        "Labels",
        models[0].label_names,
        default=_largest_labels(models)[:PANELS],
        max_selections=MOST_PANELS,
        format_func=lambda each: display(each, 60),
        key=f"panels.{folder.id}",
        help="The largest labels are chosen at first. Type to find others.",
    )
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


def _chosen_column(folder: RunFolder, kind: str) -> CellColumn | None:
    """The column or feature that the visitor chooses; None if there is none."""
    names = cell_values.column_names(folder) if kind == "column" else cell_values.feature_names(folder)
    if not names:
        st.info(
            "The files have no other columns of cells, or an earlier version that did not save them made this run. "
            "Run it again to see them.",
            icon=":material/arrow_forward:",
        )
        return None
    name = name_search(names, what=kind, key=f"map.{kind}.{folder.id}")
    if name is None:
        return None
    return cell_values.column(folder, name) if kind == "column" else cell_values.feature(folder, name)
