"""Choosing features: the most variable ones, and those that do not repeat another."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Matrix
from psmatch_core.data.scaling import minimum, moments

MOST_COMPARED = 8000  # features; their correlations then take 0.5 GB
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


def variable_features(X: Matrix, n: int) -> np.ndarray:
    """Indices of the ``n`` most variable features in file order, by scanpy's Seurat dispersion."""
    import pandas as pd
    import scanpy as sc
    from anndata import AnnData

    if minimum(X) < 0:  # dispersion is defined for logged counts only; use the variance
        return np.sort(np.argsort(-moments(X)[1], kind="stable")[:n])
    adata = AnnData(X, var=pd.DataFrame(index=[str(i) for i in range(X.shape[1])]))
    table = sc.pp.highly_variable_genes(adata, n_top_genes=n, flavor="seurat", inplace=False)
    score = table["dispersions_norm"].to_numpy(dtype=float)
    return np.sort(np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")[:n])
