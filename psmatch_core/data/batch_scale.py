"""BatchScale: every feature centred and divided by its spread within each batch, by control cells or by all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.checks import display, label_texts, name_list
from psmatch_core.data.modality import Matrix, Modality

ONE_BATCH = ""  # the batch of all cells, where no column names one
FEWEST_REFERENCE = 3  # cells; the spread of two is their difference alone
FEW_REFERENCE = 8  # cells; with fewer, the spread of a feature is off by a third and more, which is said
NORMAL = 1.4826  # MAD × this is the standard deviation of normal values
_ROUNDING = 1e-9  # of the largest value; below this a spread is rounding


@dataclass(frozen=True, eq=False)
class BatchScale:
    """The centre and the spread of each feature in each batch.

    Parameters
    ----------
    batches
        Names of the batches ``(n_batches,)``.
    center, spread
        ``(n_batches, n_features)``, float64, in the units of the features.
    cells, batch_of
        Names of the cells that they were fitted on, and the batch of each ``(n_cells,)``, text.
    """

    batches: tuple[str, ...]
    center: np.ndarray
    spread: np.ndarray
    cells: np.ndarray
    batch_of: np.ndarray

    def columns(self, kept: np.ndarray) -> BatchScale:
        """The same for some of the features, chosen by their places."""
        return replace(self, center=self.center[:, kept], spread=self.spread[:, kept])

    def batches_of(self, modality: Modality, key: str) -> list[str]:
        """The batch of each cell ``(n_cells,)`` by its column; by its name where the column was not stored with it."""
        if not key or (modality.obs is not None and key in modality.obs):
            return batches_of(modality, key)
        known = dict(zip(self.cells.tolist(), self.batch_of.tolist(), strict=True))
        if not known.keys() >= set(modality.obs_names.tolist()):
            return batches_of(modality, key)  # which says what is missing
        return [known[each] for each in modality.obs_names.tolist()]

    def apply(self, dense: np.ndarray, batch_of: Sequence[str], largest: float) -> tuple[np.ndarray, int]:
        """Standardised features ``(n_cells, n_features)``, clipped at ±``largest``, and how many values were clipped.

        Parameters
        ----------
        batch_of
            The batch of each cell ``(n_cells,)``.

        Raises
        ------
        PsmatchError
            If a cell is of a batch that has no centre and spread.
        """
        place = {name: at for at, name in enumerate(self.batches)}
        unknown = sorted({each for each in batch_of if each not in place})
        if unknown:
            raise PsmatchError(
                f"{plural(len(unknown), 'batch', 'batches')} of these cells, {name_list(unknown)}, had no cells when "
                f"features were standardised; known are {name_list(self.batches, 6)}.",
                hint="Include cells of these batches in the run, or leave them out (cells).",
                code="PM-B04",
            )
        rows = np.array([place[each] for each in batch_of], dtype=np.intp)
        z: np.ndarray = (dense.astype(np.float64) - self.center[rows]) / self.spread[rows]
        n_clipped = int((np.abs(z) > largest).sum()) if largest else 0
        return (np.clip(z, -largest, largest) if largest else z), n_clipped


def fit_batch_scale(
    dense: np.ndarray, batch_of: Sequence[str], is_reference: np.ndarray, *, is_robust: bool, cells: np.ndarray
) -> tuple[BatchScale, np.ndarray]:
    """The scale of each batch by its reference cells, and which features have one ``(n_features,)``.

    A feature that is equal in all reference cells of a batch, but not in its other cells, has no scale there. One that
    is equal in all cells of a batch is only centred.

    Parameters
    ----------
    dense
        ``(n_cells, n_features)``.
    batch_of
        The batch of each cell ``(n_cells,)``.
    is_reference
        Whether a cell is a control, or what else its batch is compared with ``(n_cells,)``.
    is_robust
        Median and MAD × 1.4826 instead of mean and standard deviation.
    cells
        Names of the cells ``(n_cells,)``.

    Source: Caicedo et al. 2017, Nature Methods 14, 849, "Normalization"; the formula is that of pycytominer's
    ``mad_robustize``, without its small constant in the denominator: features without spread are left out instead.
    """
    batches = tuple(sorted(set(batch_of)))
    names = np.array(batch_of, dtype=str)
    center = np.zeros((len(batches), dense.shape[1]))
    spread = np.ones_like(center)
    has_scale = np.ones(dense.shape[1], dtype=bool)
    for at, batch in enumerate(batches):
        here = names == batch
        reference, measured = dense[here & is_reference].astype(np.float64), dense[here]
        if is_robust:
            center[at] = np.median(reference, axis=0)
            found = NORMAL * np.median(np.abs(reference - center[at]), axis=0)
        else:
            center[at], found = reference.mean(axis=0), reference.std(axis=0)
        is_flat = found <= _ROUNDING * np.abs(measured).max(axis=0)
        has_scale &= ~is_flat | (measured == measured[:1]).all(axis=0)
        spread[at] = np.where(is_flat, 1.0, found)
    return BatchScale(batches, center, spread, cells, names), has_scale


def batches_of(modality: Modality, key: str) -> list[str]:
    """The batch of each cell ``(n_cells,)`` by a column; one batch if ``key`` is empty.

    Raises
    ------
    PsmatchError
        If there is no such column, or cells have no value in it.
    """
    if not key:
        return [ONE_BATCH] * modality.n_cells
    columns = [] if modality.obs is None else [str(each) for each in modality.obs.columns]
    if modality.obs is None or key not in columns:
        raise PsmatchError(
            f"{modality.name}: there is no column {display(key)} that names the batch of a cell.",
            hint=f"Set batch_key to one of its columns: {some(columns, 12) or 'it has none'}.",
            code="PM-B01",
        )
    values = label_texts(modality.obs[key]).tolist()
    n_missing = sum(not each for each in values)
    if n_missing:
        raise PsmatchError(
            f"{modality.name}: {plural(n_missing, 'cell')} of {len(values):,} have no batch in column {display(key)}.",
            hint="Fill the column in, or use only cells that have a value there (cells).",
            code="PM-B02",
        )
    return [str(each) for each in values]


def reference_cells(
    modality: Modality, batch_of: Sequence[str], controls: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """The cells with which each batch is compared ``(n_cells,)``: controls, or all cells if none are named; and notes.

    Raises
    ------
    PsmatchError
        If a batch has fewer than three of them.
    """
    known = set(modality.label_names)
    is_reference = np.isin(modality.labels, list(controls)) if controls else np.ones(modality.n_cells, dtype=bool)
    what = "control cells" if controls else "cells"
    counts = dict.fromkeys(sorted(set(batch_of)), 0)
    for batch, is_one in zip(batch_of, is_reference.tolist(), strict=True):
        counts[batch] += is_one
    poor = [f"{display(batch) or 'all cells'} ({n})" for batch, n in counts.items() if n < FEWEST_REFERENCE]
    absent = [each for each in controls if each not in known]
    if poor:
        why = f" No cell has the label {name_list(absent)}." if absent else ""
        raise PsmatchError(
            f"{modality.name}: fewer than {FEWEST_REFERENCE} {what} in {some(poor, 4)}, which give no spread.{why}",
            hint="Name other controls, leave out these batches (cells), or set batch_controls to [] to use all cells "
            "of a batch.",
            code="PM-B03",
        )
    notes = [f"{modality.name}: no cell has the control label {name_list(absent)}."] if absent else []
    few = [f"{display(batch) or 'all cells'} ({n})" for batch, n in counts.items() if n < FEW_REFERENCE]
    if few:
        notes.append(f"{modality.name}: few {what} in {some(few, 6)}, so the spread of features there is uncertain.")
    return is_reference, notes


def standardised(
    X: Matrix,
    modality: Modality,
    names: np.ndarray,
    notes: list[str],
    *,
    how: str,
    key: str,
    controls: Sequence[str],
    largest: float,
) -> tuple[np.ndarray, np.ndarray, BatchScale]:
    """Features ``(n_cells, n_features)`` within the batches of a modality, the places of those kept, and the scale.

    Parameters
    ----------
    names
        Names of the features.
    notes
        What was done is added here.
    how, key, controls, largest
        The options ``batch_scaling``, ``batch_key``, ``batch_controls`` and ``largest_z``.

    Raises
    ------
    PsmatchError
        If the batches or their reference cells cannot be used, or no feature has a spread.
    """
    name, dense = modality.name, to_dense(X, dtype=None)
    batch_of = batches_of(modality, key)
    is_reference, about_cells = reference_cells(modality, batch_of, controls)
    scale, has_scale = fit_batch_scale(
        dense, batch_of, is_reference, is_robust=how == "robust z", cells=modality.obs_names
    )
    if not has_scale.any():
        raise PsmatchError(
            f"{name}: no feature differs among the cells with which every batch is compared.",
            hint="Set batch_scaling to z, or batch_controls to [] to use all cells of a batch.",
            code="PM-B06",
        )
    kept = np.flatnonzero(has_scale)
    scale = scale.columns(kept)
    z, n_clipped = scale.apply(dense[:, kept], batch_of, largest)
    within = f"{plural(len(scale.batches), 'batch', 'batches')} of {display(key)}" if key else "all cells"
    by = f"the {plural(int(is_reference.sum()), 'cell')} of {name_list(controls)}" if controls else "all cells"
    notes += [*about_cells, f"{name}: {how} within {within}, compared with {by}; translations are in these units."]
    if n_clipped:
        notes.append(f"{name}: {plural(n_clipped, 'value')} of {z.size:,} clipped at ±{largest:g}.")
    if not has_scale.all():
        gone = names[~has_scale]
        what = "reference cells of a batch do not differ in them"
        notes.append(f"{name}: {plural(gone.size, 'feature')} left out, since {what}: {name_list(gone)}.")
    return z.astype(np.float32), kept, scale
