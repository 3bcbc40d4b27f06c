"""Choosing features: the most variable ones, and those that do not repeat another."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Matrix
from psmatch_core.data.normalisation import NormalizedRows
from psmatch_core.data.scaling import minimum, moments

MOST_COMPARED = 8000  # features; their correlations then take 0.5 GB
LEAST_MEAN = 1e-12  # what a feature that is 0 in all cells counts as
MEAN_BINS = 20
_DIGITS = 6  # to which sums of correlations are compared, so that rounding decides nothing


def distinct_features(X: Matrix, largest: float, name: str) -> np.ndarray:
    """Places of features ``(n_kept,)``, in file order, of which no two correlate above ``largest`` (absolute Pearson).

    Features are taken in the order of their summed correlations with all others, smallest first, in file order where
    these are equal; one is kept unless it correlates above ``largest`` with one kept before. So each that is left out
    is like one that is kept.

    Raises
    ------
    PsmatchError
        For more than 8,000 features.

    Source: the criterion is that of pycytominer's ``correlation_threshold``, which leaves out the feature of a pair
    with the larger sum.
    """
    if X.shape[1] > MOST_COMPARED:
        raise PsmatchError(
            f"{name}: {X.shape[1]:,} features are too many to compare each with each ({MOST_COMPARED:,}).",
            hint="Keep fewer variable features (n_top_genes), or set largest_correlation to 1.",
            code="PM-B05",
        )
    centred = to_dense(X, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    centred /= np.where(length > 0, length, 1.0)
    correlation = np.abs(centred.T @ centred)  # (n_features, n_features); 0 for a constant feature
    order = np.argsort(np.round(correlation.sum(axis=0), _DIGITS), kind="stable")
    kept: list[int] = []
    is_covered = np.zeros(X.shape[1], dtype=bool)
    for at in order.tolist():
        if not is_covered[at]:
            kept.append(at)
            is_covered |= correlation[at] > largest
    return np.sort(np.array(kept, dtype=np.intp))


def variable_features(values: NormalizedRows, n: int) -> np.ndarray:
    """Places of the ``n`` most variable features in file order, by Seurat's dispersion.

    The numbers are those of scanpy's ``highly_variable_genes`` on one thread (a test compares the bits), whose sums
    depend on the number of threads in their last digits. It would hold the values of all features twice.
    """
    if values.how != "clr" and minimum(values.X) >= 0:
        mean, variance = _moments_of_counts(values)
        if np.isfinite(variance).all():
            return _most(_dispersions(mean, variance), n)
    # Dispersion is defined for logged counts only, so that others are chosen by their variance.
    X = values.X if values.how == "none" else values.columns(np.arange(values.shape[1]))
    return _most(moments(X)[1], n)


def _most(score: np.ndarray, n: int) -> np.ndarray:
    """Places of the ``n`` highest scores in order; a score of NaN is the lowest."""
    return np.sort(np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")[:n])


def _moments_of_counts(values: NormalizedRows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each feature ``(n_features,)`` without the logarithm, in double precision."""
    n_cells, n_features = values.shape
    sums, squares = np.zeros(n_features), np.zeros(n_features)
    with np.errstate(over="ignore", invalid="ignore"):  # values that are no logarithms
        for block in values.blocks():
            if sparse.issparse(block):
                counts, at = np.expm1(block.data), block.indices.astype(np.intp)
                np.add.at(sums, at, counts.astype(np.float64))  # one after another: blocks change no digit
                np.add.at(squares, at, (counts * counts).astype(np.float64))
            else:
                counts = np.expm1(block)
                sums += counts.sum(axis=0, dtype=np.float64)
                squares += (counts * counts).sum(axis=0, dtype=np.float64)
        mean = sums / n_cells
        variance = squares / n_cells - mean**2
    return mean, variance * (n_cells / (n_cells - 1)) if n_cells > 1 else variance


def _dispersions(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """How far the logarithm of variance over mean lies above that of features with a similar mean ``(n_features,)``.

    In standard deviations of the features of one of 20 bins of the logarithm of the mean; 1 for one alone in its bin.

    Source: Satija et al. 2015 (Seurat), as in scanpy's ``highly_variable_genes`` with flavour seurat.
    """
    import pandas as pd

    mean = np.where(mean == 0, LEAST_MEAN, mean)
    with np.errstate(divide="ignore", invalid="ignore"):  # rounding can leave a variance below 0
        ratio = variance / mean
        logged = pd.Series(np.log(np.where(ratio == 0, np.nan, ratio)))
    groups = logged.groupby(pd.cut(np.log1p(mean), bins=MEAN_BINS), observed=True)
    average, spread = groups.transform("mean").to_numpy(), groups.transform("std").to_numpy()
    is_alone = np.isnan(spread)
    with np.errstate(divide="ignore", invalid="ignore"):
        score: np.ndarray = (logged.to_numpy() - np.where(is_alone, 0, average)) / np.where(is_alone, average, spread)
    return score
