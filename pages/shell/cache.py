"""Results of runs, loaded once for all visitors and kept while their files do not change.

Cache keys hold only paths and times of files: Streamlit hashes large arrays by a sample of their values.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.matching.coupling import Coupling

KEPT = 4  # runs in memory for all visitors together; loading one again takes milliseconds
SIDES = ("source", "target")
ScoredModalities = tuple["ScoredModality", "ScoredModality"]


def finished_parts(folder: RunFolder) -> tuple[bool, ...]:
    """Which parts of a run are finished; when this changes, the page has more to show."""
    names = ("target_propensity.npz", "map_pca.npz", "map_umap.npz", "labels.parquet", "exports/psmatch-export.zip")
    return (*((folder.path / name).exists() for name in names), folder.status().is_active)


def has_propensities(folder: RunFolder) -> bool:
    """Whether both modalities have scores."""
    return all(folder.stage_file(f"{side}_propensity").exists() for side in SIDES)


def has_matching(folder: RunFolder) -> bool:
    """Whether there is a coupling with its table of labels."""
    return folder.stage_file("coupling").exists() and (folder.path / "labels.parquet").exists()


def has_exports(folder: RunFolder) -> bool:
    """Whether all exported files are written."""
    return (folder.exports / "psmatch-export.zip").exists()


def scored_modalities(folder: RunFolder) -> ScoredModalities:
    """Both scored modalities of a run: propensity models, or latents of a joint VAE."""
    names = [f"{side}_{part}.npz" for side in SIDES for part in ("features", "propensity")]
    return _scored_modalities(str(folder.path), file_times(folder, *names))


def coupling(folder: RunFolder) -> Coupling:
    """The coupling of a run."""
    return _coupling(str(folder.path), matching_times(folder))


def score_map(folder: RunFolder) -> tuple[str, ScoreMap]:
    """The best map of scores so far, and its method: UMAP, else PCA."""
    for method in ("umap", "pca"):
        if folder.stage_file(f"map_{method}").exists():
            found = _score_map(str(folder.path), method, file_times(folder, f"map_{method}.npz"))
            if found is not None:
                return method, found
    return "pca", _quick_map(str(folder.path), file_times(folder, "source_propensity.npz", "target_propensity.npz"))


def table(folder: RunFolder, name: str) -> pd.DataFrame | None:
    """A table of the run: ``labels``, ``evaluation_cells``, ``evaluation_labels``."""
    from psmatch_core.workspace.results import load_table

    return load_table(folder, name)


def facts(folder: RunFolder, name: str) -> Any:
    """Plain data of the run: ``inputs``, ``notes``, ``evaluation``, ``label_report``, ``feature_r2``."""
    from psmatch_core.workspace.results import load_facts

    return load_facts(folder, name)


def matching_times(folder: RunFolder) -> tuple[int, ...]:
    """Times of the files of the matching, for the cache keys of what depends on it."""
    return file_times(folder, "coupling.npz", "target_propensity.npz")


def file_times(folder: RunFolder, *names: str) -> tuple[int, ...]:
    """Times of some files of a run [ns], for cache keys."""
    paths = [folder.path / name for name in names]
    return tuple(path.stat().st_mtime_ns for path in paths if path.exists())


@st.cache_resource(max_entries=KEPT, show_spinner="Loading the scores…")
def _scored_modalities(path: str, times: tuple[int, ...]) -> ScoredModalities:
    from psmatch_core.workspace.results import load_models

    return load_models(RunFolder(Path(path)))


@st.cache_resource(max_entries=KEPT, show_spinner="Loading the coupling…")
def _coupling(path: str, times: tuple[int, ...]) -> Coupling:
    from psmatch_core.workspace.results import load_matching

    folder = RunFolder(Path(path))
    return load_matching(folder, scored_modalities(folder))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _score_map(path: str, method: str, times: tuple[int, ...]) -> ScoreMap | None:
    from psmatch_core.workspace.results import load_map

    return load_map(RunFolder(Path(path)), method)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _quick_map(path: str, times: tuple[int, ...]) -> ScoreMap:
    from psmatch_core.exploration.maps import map_scores as make

    return make(*scored_modalities(RunFolder(Path(path))), method="pca")
