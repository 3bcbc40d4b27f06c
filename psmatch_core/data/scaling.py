"""Mean and spread of features, and features brought to mean 0 and variance 1."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.data.modality import Matrix

CLIP = 10.0  # standard deviations; one larger outlier of one gene would dominate a network


def moments(X: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, float64."""
    if sparse.issparse(X):
        rows = X.tocsr()  # summed in float64: in single precision a constant feature seems to vary
        values = rows.data.astype(np.float64)
        mean = np.bincount(rows.indices, values, X.shape[1]) / X.shape[0]
        square = np.bincount(rows.indices, values**2, X.shape[1]) / X.shape[0]
        variance = np.maximum(square - mean**2, 0)
        # rounding leaves a tiny variance in constant columns
        return mean, np.sqrt(np.where(variance > 1e-12 * np.maximum(square, 1e-300), variance, 0))
    spread = X.std(axis=0, dtype=np.float64)
    constant = (X[:1] == X).all(axis=0)
    return X.mean(axis=0, dtype=np.float64), np.where(constant, 0, spread)


def scaled(X: Matrix, mean: np.ndarray, spread: np.ndarray, scale: bool) -> np.ndarray:
    """Features with mean 0 and, if ``scale``, variance 1 and values clipped at ±10; dense ``(n_cells, n_features)``."""
    dense: np.ndarray = np.subtract(to_dense(X, dtype=None), mean, dtype=np.float64)
    if scale:
        dense /= np.where(spread > 0, spread, 1.0)
        np.clip(dense, -CLIP, CLIP, out=dense)
    return dense


def scaled_in_single(
    X: Matrix, mean: np.ndarray, spread: np.ndarray, scale: bool, *, axes: np.ndarray | None = None
) -> np.ndarray:
    """The same in single precision, or its coordinates along ``axes (n_features, k)``, a few rows at a time.

    Parameters
    ----------
    X
        ``(n_cells, n_features)``; a sparse matrix becomes dense a few rows at a time.
    """
    width = X.shape[1] if axes is None else axes.shape[1]
    found = np.empty((X.shape[0], width), dtype=np.float32)
    for start, stop in row_chunks(*X.shape):
        rows = scaled(X[start:stop], mean, spread, scale)
        found[start:stop] = rows if axes is None else rows @ axes
    return found


def minimum(X: Matrix) -> float:
    """The smallest value; 0 of an empty matrix."""
    return float(X.min()) if X.shape[0] and X.shape[1] else 0.0
