"""The statistics of markers: effects with intervals, their two parts, and both tests, for all features at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from psmatch_core.data.modality import Modality
from psmatch_core.exploration.centred_values import CentredValues
from psmatch_core.exploration.contrast import BOTH, NONE, Contrast

Z = 1.959964  # half the width of a 95% interval, in standard errors
NO_SPREAD = 1e-9  # × the standard deviation within labels: what is smaller is rounding


@dataclass
class _Sums:
    """What is summed over the labels, ``(d,)`` each unless said otherwise, in the units of the features.

    Parameters
    ----------
    within, label
        Σ a (v − mean of the label), and Σ a · mean of the label.
    groups
        Means of both groups, ``(2, d)``.
    spread, degrees
        Sum of squares within labels, and the cells less the labels.
    units
        By label, the difference of the groups in it, or the mean of the only group in it.
    variances
        Sampling variance of the effect and of its part within labels, ``(2, d)``.
    """

    within: np.ndarray
    label: np.ndarray
    groups: np.ndarray
    spread: np.ndarray
    variances: np.ndarray
    degrees: int = 0
    units: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of_features(cls, d: int) -> _Sums:
        return cls(np.zeros(d), np.zeros(d), np.zeros((2, d)), np.zeros(d), np.zeros((2, d)))

    def add(self, share: np.ndarray, residuals: np.ndarray, squares: np.ndarray, values: CentredValues) -> None:
        """Add a label: the weight of both groups in it ``(2,)``, their Σ w z ``(2, d)``, and Σ z² ``(d,)``."""
        self.within += residuals[0] - residuals[1]
        self.label += (share[0] - share[1]) * values.mean
        self.groups += residuals + share[:, None] * values.mean
        self.spread += squares
        self.degrees += values.n - 1
        means = residuals / np.where(share > 0, share, 1.0)[:, None]
        self.units.append(means[0] - means[1] if share.all() else values.mean + means[int(share[1] > 0)])


def measured_statistics(contrast: Contrast, modality: Modality) -> tuple[pd.DataFrame, np.ndarray]:
    """Two groups compared in the features that were measured on their own side.

    The standard error over bootstrap samples of the cells has a closed form here, and so has the variance of Σ a x over
    random orders of the cells within labels.

    Returns
    -------
    One row per feature, and the weights of the cells in both groups ``(2, n_cells)``.

    Source: Efron and Tibshirani 1993, section 5.3 (standard error of a mean); Strasser and Weber 1999, On the
    asymptotic theory of permutation statistics (mean and variance of a linear statistic).
    """
    from scipy.special import ndtr

    sums, null, parts = _Sums.of_features(modality.n_features), np.zeros(modality.n_features), []
    for label in contrast.labels:
        cells = contrast.own_cells(label)
        values, weights = CentredValues(modality.X[cells]), contrast.weights[:, cells]
        residuals, squares = values.sums(weights), values.squares(np.vstack([weights, np.ones(cells.size)]))
        sums.add(weights.sum(axis=1), residuals, squares[2], values)
        parts.append((weights.sum(axis=1), values.mean, residuals, squares))
        if cells.size > 1:
            off = weights[0] - weights[1]
            off = off - off.mean()
            null += float(off @ off) * squares[2] / (cells.size - 1)
    for group, n in enumerate(contrast.n_cells):
        within = sum(square[group] for _, _, _, square in parts) - sum(each[group] for _, _, each, _ in parts) ** 2
        whole = 0.0
        for share, mean, residual, square in parts:
            off_mean = mean - sums.groups[group]
            whole = whole + square[group] + 2 * off_mean * residual[group] + share[group] * off_mean**2
        sums.variances += np.maximum(np.stack([whole, within]), 0) / max(n - 1, 1)
    z = _in_deviations(sums.within, np.sqrt(null), sums)
    return _table(sums, contrast, 2 * ndtr(-np.abs(z))), contrast.weights


def projected_statistics(
    contrast: Contrast, modality: Modality, *, n_resamples: int, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Two groups compared in the features of the other modality, projected through the plan.

    The cells of the groups are drawn again; how the choice of their matches adds to the error follows from the weights
    that these have. The plan stays fixed. The p-value within labels is the larger of two: the rows of the plan are
    shuffled within labels, as if any cells had been chosen, or its columns, as if the features had nothing to do with
    where the plan sends the groups. Rows alone would take matches that share partners for independent ones.

    Returns
    -------
    One row per feature, and the weights of the matches of both groups ``(2, n_other_cells)``.
    """
    from scipy.special import ndtr
    from scipy.stats import t as student

    d, k = modality.n_features, n_resamples
    drawn = np.vstack([contrast.drawn_again(k, seed), contrast.shuffled(k, seed)])  # (2 k, n)
    sums, again, null = _Sums.of_features(d), np.zeros((2, k, d)), np.zeros((k, d))
    of_targets, carried_weights, by_columns = np.zeros((2, d)), np.zeros((2, modality.n_cells)), np.zeros(d)
    for label in contrast.labels:
        cells, others = contrast.own_cells(label), contrast.other_cells(label)
        block, values = contrast.block(label), CentredValues(modality.X[others])
        weights = np.vstack([contrast.weights[:, cells], drawn[:, cells]])
        mass = block.marginals[0]
        per_mass = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0)
        carried = block.push(np.ascontiguousarray((weights * per_mass).T)).T  # (2 + 2 k, m)
        shares = (weights * (mass > 0)).sum(axis=1)
        residuals = values.sums(carried)
        signed = carried[0] - carried[1]
        squares = values.squares(np.vstack([np.ones(others.size), signed**2, (signed - signed.mean()) ** 2]))
        sums.add(shares[:2], residuals[:2], squares[0], values)
        again[0] += residuals[2 : 2 + k] + shares[2 : 2 + k, None] * values.mean
        again[1] += residuals[2 : 2 + k]
        null += residuals[2 + k :]
        of_targets += squares[1:]
        by_columns += float(((signed - signed.mean()) ** 2).sum()) * squares[0] / max(others.size - 1, 1)
        carried_weights[:, others] = carried[:2]
    sums.variances = again.var(axis=1, ddof=1) + of_targets
    error = null.std(axis=0, ddof=1) * np.sqrt(1 + 1 / k)
    p_rows = 2 * student.sf(np.abs(_in_deviations(sums.within - null.mean(axis=0), error, sums)), k - 1)
    p_columns = 2 * ndtr(-np.abs(_in_deviations(sums.within, np.sqrt(by_columns), sums)))
    return _table(sums, contrast, np.maximum(p_rows, p_columns)), np.maximum(carried_weights, 0.0)


def _spread(sums: _Sums) -> np.ndarray:
    """Standard deviation within labels ``(d,)``; NaN for a feature without any."""
    spread = np.sqrt(np.maximum(sums.spread, 0) / max(sums.degrees, 1))
    return np.where(spread > NO_SPREAD * np.maximum(np.abs(sums.groups).max(axis=0), 1e-300), spread, np.nan)


def _in_deviations(value: np.ndarray, error: np.ndarray, sums: _Sums) -> np.ndarray:
    """The value in standard errors; 0 where the error is nothing but rounding: whole labels cannot be shuffled."""
    is_known = error > NO_SPREAD * np.nan_to_num(_spread(sums), nan=np.inf)
    return np.divide(value, error, out=np.zeros_like(value), where=is_known)


def _table(sums: _Sums, contrast: Contrast, p_within: np.ndarray) -> pd.DataFrame:
    spread = _spread(sums)
    effect, within = (sums.within + sums.label) / spread, sums.within / spread
    errors = Z * np.sqrt(sums.variances) / spread
    p_within = np.where(np.isnan(spread), np.nan, p_within)
    p_labels = np.where(np.isnan(spread), np.nan, _p_over_labels(sums, contrast))
    return pd.DataFrame(
        {
            "group_mean": sums.groups[0],
            "against_mean": sums.groups[1],
            "effect": effect,
            "effect_low": effect - errors[0],
            "effect_high": effect + errors[0],
            "label_part": sums.label / spread,
            "within_part": within,
            "within_low": within - errors[1],
            "within_high": within + errors[1],
            "p_within": p_within,
            "q_within": _q_values(p_within),
            "p_labels": p_labels,
            "q_labels": _q_values(p_labels),
        }
    )


def _p_over_labels(sums: _Sums, contrast: Contrast) -> np.ndarray:
    """Two-sided p of a t test with labels as units ``(d,)``, paired or with one variance; NaN without enough labels."""
    from scipy.stats import t as student

    kind, chosen = contrast.label_units()
    if kind == NONE:
        return np.full(sums.within.size, np.nan)
    units = [np.stack([sums.units[place] for place in places.tolist()]) for places in chosen]
    sizes = [len(each) for each in units]
    degrees = sum(sizes) - len(units)
    mean = units[0].mean(axis=0) if kind == BOTH else units[0].mean(axis=0) - units[1].mean(axis=0)
    squares = sum(((each - each.mean(axis=0)) ** 2).sum(axis=0) for each in units)
    error = np.sqrt(squares / degrees * sum(1 / n for n in sizes))
    statistic = np.divide(mean, error, out=np.full(mean.size, np.nan), where=error > 0)
    return np.asarray(2 * student.sf(np.abs(statistic), degrees))


def _q_values(p: np.ndarray) -> np.ndarray:
    """False discovery rates by Benjamini and Hochberg 1995; NaN where there is no p."""
    from scipy.stats import false_discovery_control

    out, known = np.full(p.size, np.nan), np.isfinite(p)
    if known.any():
        out[known] = false_discovery_control(np.clip(p[known], 0.0, 1.0))
    return out
