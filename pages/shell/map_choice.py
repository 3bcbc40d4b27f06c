"""Which map is drawn: scores by UMAP or PCA, cells as matched, or the maps of the files; one choice for all pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import cache
from pages.shell.drawing_umap import draw_umap
from pages.shell.text import plain
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.score_map import UMAP
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.matching.coupling import Coupling

PCA, AS_MATCHED, OWN = "pca", "as matched", "own"
MAPS = {
    UMAP: "scores by UMAP",
    PCA: "scores by PCA",
    AS_MATCHED: "as matched",
    OWN: "maps of the files",
}
ALL, APART = "", "\n"  # neither can be a label
SCORES = ""  # instead of a map of the file
AT_ONCE = 25  # panels: as many as a screen has room for
CHOSEN = -1  # instead of the first of the labels that are drawn: those that the visitor chooses
FIRST_CHOSEN = 9  # labels, before the visitor chooses others


@dataclass(frozen=True)
class ChosenMap:
    """What is drawn where.

    Parameters
    ----------
    scores
        Places of the cells of both modalities.
    panels
        Labels that are drawn side by side; None for one picture.
    caption
        What the map shows, of which scores.
    """

    scores: ScoreMap
    panels: list[str] | None
    caption: str


def map_boxes(folder: RunFolder, models: cache.ScoredModalities, coupling: Coupling | None) -> ChosenMap:
    """The boxes that choose the map.

    Parameters
    ----------
    coupling
        The plan, for cells as they were matched; None if the run is not matched yet.
    """
    own = [_own_maps(str(folder.path), side, _times(folder)) for side in SIDES]
    known = {PCA: True, UMAP: True, AS_MATCHED: coupling is not None, OWN: any(own)}
    offered = [each for each, is_known in known.items() if is_known]
    if files.SCORE_MAP.is_in(folder, UMAP):
        offered = [UMAP, *(each for each in offered if each != UMAP)]
    kind = st.selectbox(
        "Map",
        offered,
        format_func=lambda each: MAPS[each],
        key=f"map.kind.{folder.id}",
        help="Maps are for looking: nothing is matched on them.",
        persist_state="session",
    )
    names = (SCORES, SCORES)
    if kind == OWN:
        names = _own_boxes(folder, models, own)
    label = st.selectbox(
        "Labels",
        [ALL, APART, *models[0].label_names],
        format_func=lambda each: {ALL: "all labels", APART: "side by side"}.get(each) or display(each, 60),
        key=f"map.labels.{folder.id}",
        persist_state="session",
    )
    panels = _panel_box(folder, models) if label == APART else None
    one = label if label not in (ALL, APART) else ""
    if kind == AS_MATCHED and coupling is not None and (not one or one in coupling.blocks):
        scores = _as_matched(str(folder.path), one, files.COUPLING.times(folder))
        return ChosenMap(scores, panels, _of_matching(folder, one))
    if kind == PCA:
        scores = _pca_of(str(folder.path), one, files.PROPENSITY.times(folder))
        return ChosenMap(scores, panels, f"First two principal components of {what_is_placed(folder, models)}.")
    if kind == UMAP and not files.SCORE_MAP.is_in(folder, UMAP):
        draw_umap(folder)
    method, scores = cache.score_map(folder)
    caption = _of_scores(folder, models, method)
    if kind == OWN and panels is not None:
        caption = f"Side by side, both modalities share a panel, and so the map of scores. {caption}"
    elif kind == OWN and any(names):
        from psmatch_core.exploration.map_choice import own_maps

        places = [each.get(name) for each, name in zip(own, names, strict=True)]
        scores, caption = own_maps(scores, *places), _of_files(models, names)
    if one:
        from psmatch_core.exploration.map_choice import map_of_label

        scores = map_of_label(scores, models, one)
    return ChosenMap(scores, panels, caption)


def what_is_placed(folder: RunFolder, models: cache.ScoredModalities) -> str:
    """Which scores a map shows, by classifiers that saw which cells, and how both sides are laid over each other."""
    from psmatch_core.classification.propensity import PropensityModel

    if not isinstance(models[0], PropensityModel):
        return f"the {models[0].space_name} of the cells that the model was trained on"
    aligned = (
        "each label centred and scaled on both sides, as the matching compares them"
        if folder.recipe.matcher.aligns
        else "with one centre and scale for each side"
    )
    return f"held-out {models[0].space_name} (of classifiers that were not trained on the cell), {aligned}"


def _of_scores(folder: RunFolder, models: cache.ScoredModalities, method: str) -> str:
    what = what_is_placed(folder, models)
    if method == "umap":
        return f"UMAP of {what}. Cells are not matched on the map, and distances between islands mean little."
    return f"First two principal components of {what}."


def _of_matching(folder: RunFolder, label: str) -> str:
    how = "centred and scaled" if folder.recipe.matcher.aligns else "centred"
    which = "the cells of this label" if label else "each label, all around one centre"
    return (
        f"Positions from which the matching computed its costs, {how} for {which}: their two main directions. The "
        "classifiers may have been trained on these cells."
    )


def _of_files(models: cache.ScoredModalities, names: tuple[str, str]) -> str:
    where = [f"{plain(name)} of its file" if name else "map of scores" for name in names]
    shown = [f"{plain(model.modality.name)}: {place}" for model, place in zip(models, where, strict=True)]
    return f"{'; '.join(shown)}. Places on the two maps cannot be compared."


def _own_boxes(folder: RunFolder, models: cache.ScoredModalities, own: list[dict[str, np.ndarray]]) -> tuple[str, str]:
    chosen = []
    for side, model, maps in zip(SIDES, models, own, strict=True):
        found = st.selectbox(
            f"Map of {plain(model.modality.name, 40)}",
            [*maps, SCORES],
            format_func=lambda each: display(each, 60) if each else "map of scores",
            key=f"map.own.{side}.{folder.id}",
            disabled=not maps,
            persist_state="session",
        )
        chosen.append(found or SCORES)
    return chosen[0], chosen[1]


def _panel_box(folder: RunFolder, models: cache.ScoredModalities) -> list[str]:
    """The labels that have a panel: all, some in the order of their cells, or those that the visitor chooses."""
    ordered = _largest_labels(models)
    n = len(ordered)
    words = {at: f"labels {at + 1} to {min(at + AT_ONCE, n)} of {n}" for at in range(0, n, AT_ONCE)}
    if n <= AT_ONCE:
        words = {0: f"all {n} labels"}
    words[CHOSEN] = "labels of my choice …"
    first = st.selectbox(
        "Panels",
        list(words),
        format_func=lambda each: words[each],
        key=f"panels.which.{folder.id}",
        help=f"Up to {AT_ONCE} panels are drawn at once, labels with most cells first.",
        persist_state="session",
    )
    if first != CHOSEN:
        return ordered[first : first + AT_ONCE]
    return st.multiselect(
        "Labels with a panel",
        models[0].label_names,
        default=ordered[:FIRST_CHOSEN],
        max_selections=AT_ONCE,
        format_func=lambda each: display(each, 60),
        key=f"panels.{folder.id}",
        help="The largest labels are chosen at first. Type to find others.",
        persist_state="session",
    )


def _largest_labels(models: cache.ScoredModalities) -> list[str]:
    """The labels by their number of cells in both modalities, the largest first."""
    counts = dict.fromkeys(models[0].label_names, 0)
    for model in models:
        for row in model.per_label:
            counts[row.label] += row.n_cells
    return sorted(counts, key=lambda name: -counts[name])


def _times(folder: RunFolder) -> tuple[int, ...]:
    return (*files.EMBEDDINGS.times(folder), *files.COLUMNS.times(folder))


@st.cache_resource(max_entries=2 * cache.KEPT, show_spinner=False)
def _own_maps(path: str, side: str, times: tuple[int, ...]) -> dict[str, np.ndarray]:
    from psmatch_core.workspace.predictions import load_embeddings

    return load_embeddings(RunFolder(Path(path)), side)


@st.cache_resource(max_entries=4 * cache.KEPT, show_spinner=False)
def _pca_of(path: str, label: str, times: tuple[int, ...]) -> ScoreMap:
    """All cells, or those of one label; unlike UMAP it needs no sample."""
    from psmatch_core.exploration.maps import map_scores

    folder = RunFolder(Path(path))
    models = cache.scored_modalities(folder)
    largest = max(model.modality.n_cells for model in models)
    by_label = folder.recipe.matcher.aligns
    return map_scores(*models, method="pca", by_label=by_label, largest=largest, label=label)


@st.cache_resource(max_entries=4 * cache.KEPT, show_spinner=False)
def _as_matched(path: str, label: str, times: tuple[int, ...]) -> ScoreMap:
    from psmatch_core.exploration.map_choice import map_as_matched

    folder = RunFolder(Path(path))
    coupling = cache.coupling(folder)
    labels = [label] if label else list(coupling.labels)
    return map_as_matched(coupling, labels, align=folder.recipe.matcher.aligns)
