"""Shifts: how far each label moves the features from its control, predicted and measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from psmatch_core.data.controls import OTHERS, control_for, has_control_name


@dataclass(frozen=True, eq=False)
class LabelShifts:
    """Mean shift of each label from its control, in standard deviations of the measured cells.

    Parameters
    ----------
    labels
        The compared labels ``(k,)``.
    controls
        The control of each: a label, or the mean of the other labels.
    features
        Names ``(d,)``.
    predicted, measured
        Shifts ``(k, d)``.
    predicted_mean, measured_mean
        Means of each label ``(k, d)``, in the features' units.
    n_predicted, n_measured
        Numbers of cells ``(k,)``.
    """

    labels: tuple[str, ...]
    controls: tuple[str, ...]
    features: np.ndarray
    predicted: np.ndarray
    measured: np.ndarray
    predicted_mean: np.ndarray
    measured_mean: np.ndarray
    n_predicted: np.ndarray
    n_measured: np.ndarray

    @cached_property
    def explained(self) -> np.ndarray:
        """1 − squared error of each label's shift / its squared measured shift, ``(k,)``; 0 is "no change"."""
        total = np.sum(self.measured**2, axis=1)
        error = np.sum((self.predicted - self.measured) ** 2, axis=1)
        return np.where(total > 0, 1 - error / np.where(total > 0, total, 1), np.nan)

    @cached_property
    def correlation(self) -> np.ndarray:
        """Pearson correlation over features between predicted and measured shift of each label, ``(k,)``."""
        x = self.predicted - self.predicted.mean(axis=1, keepdims=True)
        y = self.measured - self.measured.mean(axis=1, keepdims=True)
        scale = np.sqrt(np.sum(x**2, axis=1) * np.sum(y**2, axis=1))
        return np.where(scale > 0, np.sum(x * y, axis=1) / np.where(scale > 0, scale, 1), np.nan)

    @cached_property
    def size(self) -> np.ndarray:
        """Root mean square of each label's measured shift over features, ``(k,)``, standard deviations."""
        return np.sqrt(np.mean(self.measured**2, axis=1))

    def table(self) -> pd.DataFrame:
        """One row per label."""
        return pd.DataFrame(
            {
                "label": self.labels,
                "control": self.controls,
                "n_predicted": self.n_predicted,
                "n_measured": self.n_measured,
                "size": self.size,
                "explained": self.explained,
                "correlation": self.correlation,
            }
        )


def label_shifts(
    predicted: np.ndarray,
    predicted_labels: np.ndarray,
    measured: np.ndarray,
    measured_labels: np.ndarray,
    *,
    features: np.ndarray,
) -> LabelShifts:
    """Compare predicted with measured shifts, label by label; controls are found by their names.

    If there is no control by name, a label is compared with the mean of the other labels, with equal weights.

    Parameters
    ----------
    predicted
        Features predicted at the cells of one modality ``(n, d)``; rows with NaN (cells without a match) are left out.
    measured
        The same features measured at the cells of the other modality ``(m, d)``, dense or sparse.
    predicted_labels, measured_labels
        ``(n,)``, ``(m,)``.
    features
        Their names ``(d,)``.
    """
    has_match = ~np.isnan(np.asarray(predicted[:, 0]))
    names = sorted(set(predicted_labels[has_match].tolist()) & set(measured_labels.tolist()))
    means, counts = {}, {}
    for side, values, of in (("predicted", predicted, predicted_labels), ("measured", measured, measured_labels)):
        ok = has_match if side == "predicted" else np.ones(len(of), dtype=bool)
        cells = {name: np.flatnonzero((of == name) & ok) for name in names}
        means[side] = np.array(
            [np.asarray(values[cells[name]].mean(axis=0), dtype=np.float64).ravel() for name in names]
        ).reshape(len(names), len(features))
        counts[side] = np.array([cells[name].size for name in names], dtype=np.int64)
    sizes = dict(zip(names, counts["measured"].tolist(), strict=True))
    at = {name: index for index, name in enumerate(names)}
    kept, controls, pairs = [], [], []
    for name in names:
        control = control_for(name, sizes)
        if has_control_name(name) and not control:
            continue  # controls are not compared themselves
        rest = [at[each] for each in names if each != name]
        if not control and not rest:
            continue
        kept.append(name)
        controls.append(control or OTHERS)
        pairs.append([at[control]] if control else rest)
    spread = _spread(measured)
    shifts = {}
    for side, mean in means.items():
        rows = [mean[at[name]] - mean[base].mean(axis=0) for name, base in zip(kept, pairs, strict=True)]
        shifts[side] = np.array(rows).reshape(len(kept), len(features)) / spread
    index = np.array([at[name] for name in kept], dtype=np.int64)
    return LabelShifts(
        labels=tuple(kept),
        controls=tuple(controls),
        features=np.asarray(features),
        predicted=shifts["predicted"],
        measured=shifts["measured"],
        predicted_mean=means["predicted"][index],
        measured_mean=means["measured"][index],
        n_predicted=counts["predicted"][index],
        n_measured=counts["measured"][index],
    )


def _spread(values: np.ndarray) -> np.ndarray:
    """Standard deviation of each feature ``(d,)``, 1 if it does not vary; a sparse matrix stays sparse."""
    mean = np.asarray(values.mean(axis=0), dtype=np.float64).ravel()
    squares = values.multiply(values) if hasattr(values, "multiply") else np.square(values, dtype=np.float64)
    variance = np.asarray(squares.mean(axis=0), dtype=np.float64).ravel() - mean**2
    spread = np.sqrt(np.maximum(variance, 0))
    return np.where(spread > 1e-9 * np.maximum(np.abs(mean), 1), spread, 1.0)
