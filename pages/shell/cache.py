"""What runs have left in their folders, loaded once and kept while their files do not change.

Only ids and times of files reach the cache's keys: Streamlit hashes a mere sample of large arrays.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from psmatch_core.base.progress import Progress
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.exploration.l_curve import LCurve
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.exports.pairs import ChosenPairs
    from psmatch_core.matching.coupling import Coupling
    from psmatch_core.matching.match_features import FeatureMatching, FeatureRules
    from psmatch_core.monitor import MonitorReport
    from psmatch_core.pipeline.recipe import ExportRules
    from psmatch_core.translation.translators import FittedTranslator

KEPT = 4  # runs in memory for all visitors together; loading one again takes milliseconds
Models = tuple["ScoredModality", "ScoredModality"]


def milestones(folder: RunFolder) -> tuple[bool, ...]:
    """What a run has finished so far; when it changes, the page has more to show."""
    names = ("target_propensity.npz", "map_pca.npz", "map_umap.npz", "labels.parquet", "exports/psmatch-export.zip")
    return (*((folder.path / name).exists() for name in names), folder.status().is_active)


def has_propensities(folder: RunFolder) -> bool:
    """Whether both sides are scored."""
    return all(folder.stage_file(f"{side}_propensity").exists() for side in ("source", "target"))


def has_matching(folder: RunFolder) -> bool:
    """Whether the coupling and its table of labels are there."""
    return folder.stage_file("coupling").exists() and (folder.path / "labels.parquet").exists()


def has_exports(folder: RunFolder) -> bool:
    """Whether the exported files are there, all of them."""
    return (folder.exports / "psmatch-export.zip").exists()


def models(folder: RunFolder) -> Models:
    """Both scored modalities of a run: propensity models, or latents of a joint VAE."""
    paths = [
        folder.stage_file(f"{side}_{what}") for side in ("source", "target") for what in ("features", "propensity")
    ]
    return _models(str(folder.path), _stamp(*paths))


def coupling(folder: RunFolder) -> Coupling:
    """The coupling of a run."""
    return _coupling(str(folder.path), _stamp(folder.stage_file("coupling"), folder.stage_file("target_propensity")))


def features_of(folder: RunFolder, rules: FeatureRules, progress: Progress) -> FeatureMatching:
    """The features of a run's two modalities matched; worked out here, since it takes seconds."""
    from psmatch_core.workspace.results import features_of as make

    return make(folder, rules, coupling=coupling(folder), progress=progress)


def curve(folder: RunFolder, labels: tuple[str, ...]) -> LCurve:
    """The L-curve of a run's method for some labels."""
    return _curve(
        str(folder.path), labels, _stamp(folder.stage_file("coupling"), folder.stage_file("target_propensity"))
    )


def mass_share(coupling: Coupling, label: str, row: int) -> float:
    """Mass of one source cell, as a share of what it has where all cells of the label are matched alike."""
    masses = coupling[label].marginals[0]
    return float(masses[row] * masses.size)


def score_map(folder: RunFolder) -> tuple[str, ScoreMap]:
    """The best map of scores there is by now, and how it was made."""
    for method in ("umap", "pca"):
        path = folder.stage_file(f"map_{method}")
        if path.exists():
            found = _map(str(folder.path), method, _stamp(path))
            if found is not None:
                return method, found
    stamp = _stamp(folder.stage_file("source_propensity"), folder.stage_file("target_propensity"))
    return "pca", _quick_map(str(folder.path), stamp)


def quick_report(folder: RunFolder) -> MonitorReport:
    """What the losses alone say of a matching: nothing is trained for it."""
    return _quick_report(
        str(folder.path), _stamp(folder.stage_file("coupling"), folder.stage_file("target_propensity"))
    )


def has_propensity_scores(folder: RunFolder) -> bool:
    """Whether a run was matched by propensity scores, and not by the latents of a baseline."""
    from psmatch_core.classification.propensity import PropensityModel

    return all(isinstance(model, PropensityModel) for model in models(folder))


def monitor_report(folder: RunFolder) -> MonitorReport | None:
    """What was measured of a matching, or None."""
    from psmatch_core.workspace.jobs.monitor import load_report

    return load_report(folder)


def table(folder: RunFolder, name: str) -> pd.DataFrame | None:
    """A table of the run: ``labels``, ``evaluation_cells``, ``evaluation_labels``."""
    from psmatch_core.workspace.results import load_table

    return load_table(folder, name)


def facts(folder: RunFolder, name: str) -> Any:
    """Plain data of the run: ``inputs``, ``notes``, ``evaluation``, ``label_report``, ``feature_r2``."""
    from psmatch_core.workspace.results import load_facts

    return load_facts(folder, name)


def translator(folder: RunFolder, direction: str) -> FittedTranslator | None:
    """The run's trained translator of a direction, where it has one."""
    path = folder.stage_file(f"translator_{direction}")
    return _translator(str(folder.path), direction, _stamp(path)) if path.exists() else None


def feature_r2_table(folder: RunFolder, direction: str) -> pd.DataFrame | None:
    """R² of each predicted feature and what it was measured against, where it could be judged."""
    from psmatch_core.workspace.results import load_feature_r2

    return load_feature_r2(folder, direction)


def live_figure(folder: RunFolder) -> Any:
    """Loss by epoch of a run that trains, or None before the first epoch."""
    from psmatch_core.plotting import joint_training, loss_curves
    from psmatch_core.workspace.results import live_curves, live_history

    history = live_history(folder)
    if history:
        return joint_training(history)
    curves = live_curves(folder)
    return loss_curves(curves, entropies=_entropies(folder)) if curves else None


def _entropies(folder: RunFolder) -> dict[str, float]:
    """Label entropy of each side [nats per cell] of the labels that are trained on."""
    report, inputs = facts(folder, "label_report"), facts(folder, "inputs")
    if not report or not inputs:
        return {}
    found = {}
    for side in ("source", "target"):
        cells = [report[f"{side}_counts"].get(label, 0) for label in report["shared"]]
        total = sum(cells)
        found[inputs[side]["name"]] = -sum(n / total * math.log(n / total) for n in cells if n) if total else 0.0
    return found


def pairs(folder: RunFolder, rules: ExportRules) -> ChosenPairs:
    """The pairs of a run that the rules choose."""
    stamp = _stamp(folder.stage_file("coupling"), folder.stage_file("target_propensity"))
    return _pairs(str(folder.path), stamp, json.dumps(rules.to_dict(), sort_keys=True), folder.recipe.seed)


@st.cache_resource(max_entries=KEPT, show_spinner="Choosing pairs…")
def _pairs(path: str, stamp: tuple[int, ...], rules: str, seed: int) -> ChosenPairs:
    from psmatch_core.exports.pairs import choose_pairs
    from psmatch_core.pipeline.recipe import ExportRules

    return choose_pairs(coupling(RunFolder(Path(path))), ExportRules.from_dict(json.loads(rules)), seed=seed)


def report(folder: RunFolder) -> Path:
    """The report of a run; made anew where the run has changed since."""
    from psmatch_core.report import REPORT, write_report

    path = folder.exports / REPORT
    parts = (each for each in folder.path.rglob("*.*") if folder.exports not in each.parents)  # its jobs' too
    newest = max((each.stat().st_mtime for each in parts), default=0.0)
    if not path.exists() or path.stat().st_mtime < newest:
        write_report(folder, path)
    return path


def _stamp(*paths: Path) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns for path in paths if path.exists())


@st.cache_resource(max_entries=KEPT, show_spinner="Loading the scores…")
def _models(path: str, stamp: tuple[int, ...]) -> Models:
    from psmatch_core.workspace.results import load_models

    return load_models(RunFolder(Path(path)))


@st.cache_resource(max_entries=KEPT, show_spinner="Loading the coupling…")
def _coupling(path: str, stamp: tuple[int, ...]) -> Coupling:
    from psmatch_core.workspace.results import load_matching

    folder = RunFolder(Path(path))
    return load_matching(folder, models(folder))


@st.cache_resource(max_entries=KEPT, show_spinner="Tracing the curve…")
def _curve(path: str, labels: tuple[str, ...], stamp: tuple[int, ...]) -> LCurve:
    from psmatch_core.exploration.l_curve import l_curve

    folder = RunFolder(Path(path))
    return l_curve(*models(folder), folder.recipe.matcher, labels=labels, seed=folder.recipe.seed)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _translator(path: str, direction: str, stamp: tuple[int, ...]) -> FittedTranslator | None:
    from psmatch_core.workspace.results import load_translator

    return load_translator(RunFolder(Path(path)), direction)


@st.cache_resource(max_entries=KEPT, show_spinner="Looking at the evidence…")
def _quick_report(path: str, stamp: tuple[int, ...]) -> MonitorReport:
    from psmatch_core.monitor import judge
    from psmatch_core.pipeline.stage_keys import matching_key

    folder = RunFolder(Path(path))
    found = coupling(folder)
    return judge(found, made_of=matching_key(found, folder.recipe))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _map(path: str, method: str, stamp: tuple[int, ...]) -> ScoreMap | None:
    from psmatch_core.workspace.results import load_map

    return load_map(RunFolder(Path(path)), method)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _quick_map(path: str, stamp: tuple[int, ...]) -> ScoreMap:
    from psmatch_core.exploration.maps import map_scores as make

    return make(*models(RunFolder(Path(path))), method="pca")


def largest_labels(models: Models) -> list[str]:
    """The labels by their cells of both sides, the largest first."""
    counts = dict.fromkeys(models[0].label_names, 0)
    for model in models:
        for row in model.per_label:
            counts[row.label] += row.n_cells
    return sorted(counts, key=lambda name: -counts[name])


def matches_of(coupling: Coupling, label: str, row: int, top: int) -> tuple[list[str], Any, float, str | None]:
    """The matches of one source cell of a label.

    Returns
    -------
    The heaviest target cells by name, their shares of the cell's weight ``(k,)``, the weight that each would have
    if all were alike, and the name of its true partner where that is known and among the label's cells.
    """
    import numpy as np

    from psmatch_core.matching.match import known_ids

    block = coupling[label]
    weights = np.asarray(block.rows(row, row + 1)[0])  # (m,)
    total = float(weights.sum())
    weights = weights / total if total > 0 else weights
    order = np.argsort(-weights, kind="stable")[:top]
    rows, columns = coupling.source_cells[label], coupling.target_cells[label]
    names = coupling.target.modality.obs_names[columns]
    partner = None
    ids = known_ids(coupling.source.modality, coupling.target.modality)
    if ids is not None:
        found = np.flatnonzero(ids[1][columns] == ids[0][rows[row]])
        partner = str(names[found[0]]) if found.size else None
    return [str(each) for each in names[order]], weights[order], 1 / block.shape[1], partner


def head_of(path: Path, n_rows: int) -> tuple[pd.DataFrame, int]:
    """The first rows of a parquet file, and how many there are; the rest is not read."""
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        first = next(file.iter_batches(batch_size=n_rows), None)
        head = first.to_pandas() if first is not None else file.read().to_pandas()
        return head, int(file.metadata.num_rows)


def read_csv(path: Path) -> pd.DataFrame:
    """A small table of the exports, all of it as text."""
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False)
