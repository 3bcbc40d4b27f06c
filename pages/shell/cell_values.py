"""What pages look at more closely: columns and features of cells, predictions, intervals, confidence.

Like ``results.py``: loaded once and kept while the files do not change, with ids and times of files as keys.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache
from psmatch_core.base.arrays import to_dense
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.data.modality import Modality
    from psmatch_core.evaluation.intervals import Interval, RiskCoverage
    from psmatch_core.evaluation.shifts import LabelShifts
    from psmatch_core.plotting import CellColumn
    from psmatch_core.workspace.compare import RunComparison
    from psmatch_core.workspace.predictions import Predicted

KEPT = 4
FOUND = 40  # names that a search offers; more are a reason to type more
SIDES = ("source", "target")
Intervals = tuple["pd.DataFrame", dict[str, dict[str, "Interval"]]]


def search(names: list[str], text: str) -> list[str]:
    """Names that hold the text, those that begin with it first, whatever the case; at most ``FOUND``."""
    wanted = text.strip().casefold()
    hits = [name for name in names if wanted in name.casefold()]
    hits.sort(key=lambda name: (name.casefold() != wanted, not name.casefold().startswith(wanted)))
    return hits[:FOUND]


def columns_of(folder: RunFolder) -> list[str]:
    """Names of the columns that come with the cells of either side; none for runs of earlier versions."""
    return list(dict.fromkeys(name for side in SIDES for name in _columns_here(folder, side)))


def features_of(folder: RunFolder) -> list[str]:
    """Names of the features of both sides as they were read; the source's first."""
    return list(dict.fromkeys(name for side in SIDES for name in readable(folder, side).var_names.tolist()))


def column(folder: RunFolder, name: str) -> CellColumn:
    """A column of the cells, from whichever side has it."""
    from psmatch_core.plotting import CellColumn

    tables = {side: _columns(str(folder.path), side, _stamp(folder, f"{side}_columns.parquet")) for side in SIDES}
    found = {side: table[name].to_numpy() for side, table in tables.items() if table is not None and name in table}
    return CellColumn(name, found.get("source"), found.get("target"))


def feature(folder: RunFolder, name: str) -> CellColumn:
    """A feature of the cells, from whichever side has it."""
    from psmatch_core.plotting import CellColumn

    found: dict[str, Any] = {}
    for side in SIDES:
        modality = readable(folder, side)
        places = (modality.var_names == name).nonzero()[0]
        if places.size:
            found[side] = to_dense(modality.X[:, places[:1]], dtype=None).ravel()
    return CellColumn(name, found.get("source"), found.get("target"))


def readable(folder: RunFolder, side: str) -> Modality:
    """A modality's features as a biologist reads them, before z-scoring and PCA."""
    return _readable(str(folder.path), side, _stamp(folder, f"{side}.npz", f"{side}_preprocessing.npz"))


def predicted(folder: RunFolder, direction: str) -> Predicted | None:
    """What the run predicts in a direction, mapped from its files; None where it left none."""
    from psmatch_core.workspace.predictions import load

    return load(folder, direction)


def paired(folder: RunFolder, direction: str) -> tuple[Any, Any, bool]:
    """Rows of predicted and of measured cells that are the same cell, and whether these are held-out cells."""
    from psmatch_core.workspace.predictions import paired_cells

    fitted = cache.translator(folder, direction)
    at, of = paired_cells(cache.coupling(folder), direction, fitted)
    return at, of, fitted is not None


def best_first(names: list[str], table: pd.DataFrame) -> list[str]:
    """Features in the order of their R², those without one last."""
    r2 = dict(zip(table["feature"][1:].astype(str), table.iloc[1:, 1], strict=True))
    known = {name: float(value) for name, value in r2.items() if value == value}
    return sorted(names, key=lambda name: -known.get(name, float("-inf")))


def pair_values(folder: RunFolder, found: Predicted, name: str, at: Any, of: Any) -> tuple[Any, Any, Any]:
    """A feature as predicted and as measured in known pairs, and their labels, ``(n_pairs,)`` each."""
    import numpy as np

    column = int(np.flatnonzero(found.features == name)[0])
    model = cache.models(folder)[SIDES.index(found.at)]
    return found.predicted[at, column], found.measured[of, column], model.modality.labels[at]


def shifts(folder: RunFolder, direction: str) -> LabelShifts | None:
    """Predicted and measured shifts of all labels in a direction."""
    return _shifts(str(folder.path), direction, _stamp(folder, f"predicted_{direction}.npy"))


def label_means(found: LabelShifts, name: str) -> tuple[Any, Any, Any]:
    """Predicted and measured mean of a feature in every label, and the labels."""
    import numpy as np

    at = int(np.flatnonzero(found.features == name)[0])
    return found.predicted_mean[:, at], found.measured_mean[:, at], np.array(found.labels)


def worst_told(model: ScoredModality, top: int = 200) -> list[dict[str, object]]:
    """Pairs of labels that a modality tells apart worst, and the group of labels that both belong to."""
    import numpy as np

    from psmatch_core.classification.label_similarity import alike_groups

    area = model.told_apart
    groups = {label: number for number, group in enumerate(alike_groups(area), 1) for label in group}
    one, other = np.triu_indices(len(area), 1)
    known = ~np.isnan(area[one, other])
    order = np.argsort(area[one, other][known], kind="stable")[:top]
    names = [display(each, 60) for each in model.label_names]
    return [
        {
            "label": names[a],
            "other": names[b],
            "auc": float(area[a, b]),
            "group": f"group {groups[a]}" if a in groups and groups[a] == groups.get(b) else "",
        }
        for a, b in zip(one[known][order].tolist(), other[known][order].tolist(), strict=True)
    ]


def intervals(folder: RunFolder) -> Intervals | None:
    """Bootstrap intervals of the evaluation, by label and over all; None where nothing was judged."""
    return _intervals(str(folder.path), folder.recipe.seed, _stamp(folder, "evaluation_cells.parquet"))


def coverage(folder: RunFolder, metric: str) -> dict[str, RiskCoverage]:
    """A metric among the most confident cells, by what confidence is measured by."""
    return _coverage(str(folder.path), metric, _stamp(folder, "evaluation_cells.parquet", "coupling.npz"))


def compared(folders: list[RunFolder]) -> RunComparison:
    """Runs side by side."""
    from psmatch_core.workspace.compare import compare_runs

    return compare_runs(folders)


def _stamp(folder: RunFolder, *names: str) -> tuple[int, ...]:
    paths = [folder.path / name for name in names]
    return tuple(path.stat().st_mtime_ns for path in paths if path.exists())


def _columns_here(folder: RunFolder, side: str) -> list[str]:
    table = _columns(str(folder.path), side, _stamp(folder, f"{side}_columns.parquet"))
    return [] if table is None else [str(name) for name in table.columns]


@st.cache_resource(max_entries=2 * KEPT, show_spinner=False)
def _columns(path: str, side: str, stamp: tuple[int, ...]) -> pd.DataFrame | None:
    from psmatch_core.workspace.predictions import load_columns

    return load_columns(RunFolder(Path(path)), side)


@st.cache_resource(max_entries=KEPT, show_spinner="Loading the features…")
def _readable(path: str, side: str, stamp: tuple[int, ...]) -> Modality:
    from psmatch_core.pipeline import result_files

    folder = RunFolder(Path(path))
    fitted = result_files.load_preprocessing(folder.stage_file(f"{side}_preprocessing"))
    return fitted.readable(result_files.load_modality(folder.stage_file(side)))


@st.cache_resource(max_entries=KEPT, show_spinner="Comparing shifts…")
def _shifts(path: str, direction: str, stamp: tuple[int, ...]) -> LabelShifts | None:
    from psmatch_core.workspace.predictions import load_shifts

    folder = RunFolder(Path(path))
    return load_shifts(folder, cache.models(folder), direction)


@st.cache_resource(max_entries=KEPT, show_spinner="Drawing cells again for the intervals…")
def _intervals(path: str, seed: int, stamp: tuple[int, ...]) -> Intervals | None:
    from psmatch_core.evaluation.intervals import bootstrap_intervals as make

    cells = cache.table(RunFolder(Path(path)), "evaluation_cells")
    return make(cells, seed=seed) if cells is not None and len(cells) else None


@st.cache_resource(max_entries=2 * KEPT, show_spinner=False)
def _coverage(path: str, metric: str, stamp: tuple[int, ...]) -> dict[str, RiskCoverage]:
    from psmatch_core.evaluation.intervals import coverage_by_confidence

    folder = RunFolder(Path(path))
    cells = cache.table(folder, "evaluation_cells")
    return coverage_by_confidence(cache.coupling(folder), cells, metric) if cells is not None and len(cells) else {}
