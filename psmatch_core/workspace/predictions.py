"""Predicted and measured features of a run, kept so that a page can read one feature of all cells alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from psmatch_core.base.progress import Event, Progress, StagePart, silent
from psmatch_core.data.embedding_names import coordinate_columns
from psmatch_core.data.modality import Modality
from psmatch_core.matching.match import known_ids
from psmatch_core.pipeline.run import Run, readable_features
from psmatch_core.translation.translate import TO_SOURCE
from psmatch_core.translation.translators import FittedTranslator
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.coupling import Coupling

LARGEST = 2**31  # bytes of one matrix; larger ones are not kept for the pages, only exported


@dataclass(frozen=True, eq=False)
class Predicted:
    """Features of one modality, predicted at the cells of the other and measured in their own.

    Parameters
    ----------
    direction
        ``target_to_source``: target features at source cells; ``source_to_target``: the reverse.
    at, of
        Sides of the cells and of the features: ``source`` or ``target``.
    features
        Names ``(d,)``.
    predicted
        ``(n_cells of at, d)``, float32, mapped from the file; rows of cells without a match are NaN.
    measured
        ``(n_cells of of, d)``, the same features in their own cells, in readable units.
    """

    direction: str
    at: str
    of: str
    features: np.ndarray
    predicted: np.ndarray
    measured: np.ndarray


def save_predictions(folder: RunFolder, run: Run, direction: str, *, progress: Progress = silent) -> None:
    """Write the predicted features of a direction, and the measured ones.

    Images are left out: their features are pixels, which no page shows one by one.
    """
    of = readable_features(run, direction)
    if 4 * max(run.source.n_cells, run.target.n_cells) * of.n_features > LARGEST or of.image_shape is not None:
        return
    side, stage = files.BOTH_SIDES[direction == TO_SOURCE], f"translate: {direction.replace('_', ' ')}"
    progress(Event(stage, 0.0, f"{of.name}: writing the measured features"))
    files.MEASURED_NAMES.write(folder, tuple(of.var_names.tolist()), which=side)
    files.MEASURED.write(folder, of.X, which=side)
    del of  # of many cells a gigabyte, which the translation makes for itself
    predicting = StagePart(progress, stage, "", start=0.05, stop=0.95)
    values = run.translate(direction, progress=predicting.hear).values
    progress(Event(stage, 0.95, "writing the predicted features"))
    files.PREDICTED.write(folder, values, which=direction)
    progress(Event(stage, 1.0))


def load_predictions(folder: RunFolder, direction: str) -> Predicted | None:
    """The predictions of a direction; None if the run kept none (an earlier version, images, or too large)."""
    at, of = files.BOTH_SIDES if direction == TO_SOURCE else files.BOTH_SIDES[::-1]
    names = files.MEASURED_NAMES.read(folder, which=of)
    predicted, measured = files.PREDICTED.read(folder, which=direction), files.MEASURED.read(folder, which=of)
    if names is None or predicted is None or measured is None:
        return None
    features = np.array(names, dtype=str)
    return Predicted(direction, at, of, features, predicted, measured)


def paired_cells(coupling: Coupling, direction: str, fitted: FittedTranslator | None = None) -> tuple[np.ndarray, ...]:
    """Rows of predicted and of measured cells that are the same cell, ``(n_pairs,)`` each; empty if none is known.

    Parameters
    ----------
    fitted
        The trained translator of this direction; then only its held-out cells are returned, which it never saw.
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


def save_columns(folder: RunFolder, side: str, modality: Modality) -> None:
    """Write the other columns of the cells: numbers as they are, everything else as text."""
    if modality.obs is None:
        return
    plain = pd.DataFrame(
        {
            str(name): column.astype(str) if column.dtype == object or column.dtype.kind not in "biuf" else column
            for name, column in ((name, modality.obs[name]) for name in modality.obs)
            if name not in ("", modality.label_key)
        },
        index=None,
    ).reset_index(drop=True)
    if plain.shape[1]:
        files.COLUMNS.write(folder, plain, which=side)


def save_embeddings(folder: RunFolder, side: str, modality: Modality) -> None:
    """Write the maps that came with the cells."""
    columns = {f"{name}/{at + 1}": xy[:, at] for name, xy in modality.embeddings.items() for at in (0, 1)}
    if columns:
        files.EMBEDDINGS.write(folder, pd.DataFrame(columns), which=side)


def load_embeddings(folder: RunFolder, side: str) -> dict[str, np.ndarray]:
    """Maps that came with the cells of one modality, by name, ``(n_cells, 2)`` each.

    Those in ``obsm`` of the file, such as X_umap, and pairs of columns that place cells, such as UMAP_1 and UMAP_2.
    """
    saved, columns = files.EMBEDDINGS.read(folder, which=side), files.COLUMNS.read(folder, which=side)
    found = {}
    if saved is not None:
        for name in dict.fromkeys(str(each).rpartition("/")[0] for each in saved.columns):
            found[name] = saved[[f"{name}/1", f"{name}/2"]].to_numpy(dtype=np.float32)
    if columns is not None:
        numeric = [str(each) for each in columns.columns if columns[each].dtype.kind in "iuf"]
        for name, pair in coordinate_columns(numeric).items():
            found.setdefault(name, columns[list(pair)].to_numpy(dtype=np.float32))
    return found
