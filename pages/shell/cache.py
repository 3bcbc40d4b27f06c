"""Results of runs, loaded once for all visitors and kept while their files do not change.

Cache keys hold only paths and times of files: Streamlit hashes large arrays by a sample of their values.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.data.modality import Modality
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.matching.coupling import Coupling

KEPT = 4  # runs in memory for all visitors together; loading one again takes milliseconds
ScoredModalities = tuple["ScoredModality", "ScoredModality"]


def finished_parts(folder: RunFolder) -> tuple[int, ...]:
    """Which parts of a run are finished; when this changes, the page has more to show."""
    maps = (files.SCORE_MAP.is_in(folder, method) for method in files.MAPS)
    parts = (files.PROPENSITY.is_in(folder), *maps, has_exports(folder), folder.status().is_active)
    return (
        *parts,
        *files.LABELS.times(folder),
        *files.EVALUATION.times(folder),
    )  # the verdicts come later than the rest


def has_matching(folder: RunFolder) -> bool:
    """Whether there is a coupling with its table of labels."""
    return files.COUPLING.is_in(folder) and files.LABELS.is_in(folder)


def has_exports(folder: RunFolder) -> bool:
    """Whether all exported files are written."""
    return (folder.exports / "psmatch-export.zip").exists()


def scored_modalities(folder: RunFolder) -> ScoredModalities:
    """Both scored modalities of a run: propensity models, or latents of a joint VAE."""
    return _scored_modalities(str(folder.path), files.PROPENSITY.times(folder))


def cells_as_read(folder: RunFolder, side: str) -> Modality | None:
    """The cells of one side with the values they came with, such as the pixels of images."""
    return _cells_as_read(str(folder.path), side, files.DATA.times(folder))


def coupling(folder: RunFolder) -> Coupling:
    """The coupling of a run."""
    return _coupling(str(folder.path), files.COUPLING.times(folder))


def score_map(folder: RunFolder) -> tuple[str, ScoreMap]:
    """The best map of scores so far, and its method: UMAP, else PCA."""
    for method in ("umap", "pca"):
        if files.SCORE_MAP.is_in(folder, method):
            found = _score_map(str(folder.path), method, files.SCORE_MAP.times(folder))
            if found is not None:
                return method, found
    return "pca", _quick_map(str(folder.path), files.PROPENSITY.times(folder))


@st.cache_resource(max_entries=KEPT, show_spinner="Loading the scores…")
def _scored_modalities(path: str, times: tuple[int, ...]) -> ScoredModalities:
    from psmatch_core.workspace.results import load_models

    return load_models(RunFolder(Path(path)))


@st.cache_resource(max_entries=2 * KEPT, show_spinner="Loading the cells…")
def _cells_as_read(path: str, side: str, times: tuple[int, ...]) -> Modality | None:
    return files.DATA.read(RunFolder(Path(path)), which=side)


@st.cache_resource(max_entries=KEPT, show_spinner="Loading the coupling…")
def _coupling(path: str, times: tuple[int, ...]) -> Coupling:
    from psmatch_core.workspace.results import load_matching

    folder = RunFolder(Path(path))
    return load_matching(folder, scored_modalities(folder)).asked_often()


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _score_map(path: str, method: str, times: tuple[int, ...]) -> ScoreMap | None:
    return files.SCORE_MAP.read(RunFolder(Path(path)), which=method)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _quick_map(path: str, times: tuple[int, ...]) -> ScoreMap:
    from psmatch_core.exploration.maps import map_scores as make

    folder = RunFolder(Path(path))
    return make(*scored_modalities(folder), method="pca", by_label=folder.recipe.matcher.aligns)
