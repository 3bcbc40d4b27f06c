"""Mean and spread of features, and features brought to mean 0 and variance 1."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.data.modality import Matrix

CLIP = 10.0  # standard deviations; one larger outlier of one gene would dominate a network
MANY_SCALED = 10_000_000  # of cells × features: from here on (40 MB) scaled features of sparse cells are held sparsely
LARGEST_SHARE = 0.4  # of values that are stored; above it, a dense matrix is smaller


def moments(X: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, float64."""
    if sparse.issparse(X):
        rows = X.tocsr()
        mean, square = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        for start, stop in row_chunks(rows.nnz, 1):
            at = rows.indices[start:stop]
            values = rows.data[start:stop].astype(np.float64)  # in single precision a constant feature seems to vary
            mean += np.bincount(at, values, X.shape[1])
            square += np.bincount(at, values**2, X.shape[1])
        mean, square = mean / X.shape[0], square / X.shape[0]
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


def scaled_features(X: Matrix, mean: np.ndarray, spread: np.ndarray) -> Matrix:
    """Features with mean 0 and variance 1, clipped, in single precision: dense, or a large sparse matrix shifted."""
    n_values = X.shape[0] * X.shape[1]
    if not sparse.issparse(X) or n_values <= MANY_SCALED or X.nnz > LARGEST_SHARE * n_values:
        return scaled_in_single(X, mean, spread, True)
    rows = X.tocsr()
    shift = scaled(np.zeros((1, X.shape[1])), mean, spread, True)[0]  # what a zero becomes
    data = np.empty(rows.nnz, dtype=np.float32)
    for start, stop in row_chunks(rows.nnz, 1):
        at = rows.indices[start:stop]
        data[start:stop] = scaled(rows.data[start:stop], mean[at], spread[at], True) - shift[at]
    stored = sparse.csr_matrix((data, rows.indices, rows.indptr), shape=X.shape, copy=False)
    return ShiftedRows(stored, shift.astype(np.float32))


def minimum(X: Matrix) -> float:
    """The smallest value; 0 of an empty matrix."""
    return float(X.min()) if X.shape[0] and X.shape[1] else 0.0
