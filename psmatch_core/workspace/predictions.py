"""What a run predicts and measured, kept so that one feature of all cells is read without the others.

``predicted_DIRECTION.npy``  cells × features as they were predicted;  ``measured_SIDE.npy``  as a biologist reads them;
``SIDE_features_read.json``  their names;  ``SIDE_columns.parquet``  the other columns of the cells. Features lie one
after the other in the file, so that a page maps it into memory and touches what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.shifts import LabelShifts, label_shifts
from psmatch_core.matching.match import known_ids
from psmatch_core.pipeline.run import Run, readable_sides
from psmatch_core.translation.translate import TO_SOURCE
from psmatch_core.translation.translators import FittedTranslator
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.coupling import Coupling

LARGEST = 2**31  # bytes of one matrix; beyond it pages do without, and the exported h5ad holds the values


@dataclass(frozen=True, eq=False)
class Predicted:
    """Features of one modality predicted at the cells of the other, beside those measured.

    Parameters
    ----------
    direction
        ``target_to_source``: target features at source cells; ``source_to_target``: the other way.
    at, of
        Sides of the cells and of the features: ``source`` or ``target``.
    features
        Names ``(d,)``.
    predicted
        ``(n_cells of at, d)``, float32, mapped from the file; NaN rows for cells without a match.
    measured
        ``(n_cells of of, d)``, the same features in their own cells.
    """

    direction: str
    at: str
    of: str
    features: np.ndarray
    predicted: np.ndarray
    measured: np.ndarray


def keep(folder: RunFolder, run: Run, direction: str) -> None:
    """Write what a run predicts in a direction, and the measured features beside it."""
    translation = run.translate(direction)
    _, of = readable_sides(run, direction)
    side = files.BOTH_SIDES[direction == TO_SOURCE]
    if 4 * max(translation.values.shape[0], of.n_cells) * of.n_features > LARGEST or of.image_shape is not None:
        return
    files.MEASURED_NAMES.write(folder, tuple(of.var_names.tolist()), which=side)
    files.PREDICTED.write(folder, translation.values, which=direction)
    files.MEASURED.write(folder, of.X, which=side)


def load(folder: RunFolder, direction: str) -> Predicted | None:
    """What a run predicts in a direction; None where it left none (an earlier version, images, or too large)."""
    at, of = files.BOTH_SIDES if direction == TO_SOURCE else files.BOTH_SIDES[::-1]
    names = files.MEASURED_NAMES.read(folder, which=of)
    predicted, measured = files.PREDICTED.read(folder, which=direction), files.MEASURED.read(folder, which=of)
    if names is None or predicted is None or measured is None:
        return None
    features = np.array(names, dtype=str)
    return Predicted(direction, at, of, features, predicted, measured)


def load_shifts(folder: RunFolder, models: tuple[ScoredModality, ScoredModality], direction: str) -> LabelShifts | None:
    """Predicted and measured shifts of all labels in a direction; None where the run left no predictions."""
    found = load(folder, direction)
    if found is None:
        return None
    labels = {side: model.modality.labels for side, model in zip(files.BOTH_SIDES, models, strict=True)}
    return label_shifts(found.predicted, labels[found.at], found.measured, labels[found.of], found.features)


def paired_cells(coupling: Coupling, direction: str, fitted: FittedTranslator | None = None) -> tuple[np.ndarray, ...]:
    """Rows of predicted and of measured cells that are the same cell, ``(n_pairs,)`` each; empty where none is known.

    Parameters
    ----------
    fitted
        The trained translator of this direction: its held-out cells alone are given, which it never saw.
    """
    from psmatch_core.matching.matchers.known_pairs import true_pairs

    ids = known_ids(coupling.source.modality, coupling.target.modality)
    if ids is None:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    rows, columns = true_pairs(*ids)
    labels = coupling.source.modality.labels[rows], coupling.target.modality.labels[columns]
    same = labels[0] == labels[1]
    rows, columns = rows[same], columns[same]
    at, of = (rows, columns) if direction == TO_SOURCE else (columns, rows)
    if fitted is not None:
        modality = (coupling.source if direction == TO_SOURCE else coupling.target).modality
        is_held = np.isin(modality.obs_names, fitted.held_out)[at]
        at, of = at[is_held], of[is_held]
    return at, of


def keep_columns(folder: RunFolder, side: str, modality: Modality) -> None:
    """Write the cells' other columns; text and numbers as they are, everything else as text."""
    if modality.obs is None:
        return
    plain = pd.DataFrame(
        {
            str(name): column.astype(str) if column.dtype == object or column.dtype.kind not in "biuf" else column
            for name, column in ((name, modality.obs[name]) for name in modality.obs)
            if name != ""
        },
        index=None,
    ).reset_index(drop=True)
    if plain.shape[1]:
        files.COLUMNS.write(folder, plain, which=side)
