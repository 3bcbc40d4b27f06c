"""Sums of features over weighted cells of one label, as differences from the label's mean, dense or sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import to_dense


class CentredValues:
    """The features of the cells of one label, z = x − mean over these cells.

    Parameters
    ----------
    X
        ``(n, d)``, dense or sparse; sparse values are never made dense.
    """

    def __init__(self, X: Any) -> None:
        self.n = X.shape[0]
        self.mean = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()  # (d,)
        self._sparse = sparse.csr_matrix(X, dtype=np.float64) if sparse.issparse(X) else None
        self._dense = np.zeros((0, 0), dtype=np.float32)
        if self._sparse is None:
            values = np.asarray(X)
            single = self.mean.astype(np.float32)  # half the memory and time; what it rounds off is 1e-7 of the mean
            self._dense = values - (single if values.dtype == np.float32 else self.mean)
            self._dense = self._dense.astype(np.float32, copy=False)

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Σ w z for weights ``(k, n)``: ``(k, d)``."""
        if self._sparse is not None:
            return np.asarray((self._sparse.T @ weights.T).T) - weights.sum(axis=1)[:, None] * self.mean
        return np.asarray(weights.astype(np.float32) @ self._dense, dtype=np.float64)

    def squares(self, weights: np.ndarray) -> np.ndarray:
        """Σ w z² for weights ``(k, n)``: ``(k, d)``."""
        if self._sparse is not None:
            plain = np.asarray((self._sparse.T @ weights.T).T)
            squared = np.asarray((self._sparse.multiply(self._sparse).tocsr().T @ weights.T).T)
            return squared - 2 * self.mean * plain + weights.sum(axis=1)[:, None] * self.mean**2
        return np.asarray(weights.astype(np.float32) @ self._dense**2, dtype=np.float64)


def weighted_auroc(X: Any, weights: np.ndarray) -> np.ndarray:
    """How often a cell of the first group has a larger value than one of the second, ties one half, ``(d,)``.

    Parameters
    ----------
    X
        ``(n, d)``, dense or sparse.
    weights
        How often each cell is drawn for either group, ``(2, n)``, not negative.

    Returns
    -------
    0.5 where nothing is known.

    Source: Mann and Whitney 1947, On a test of whether one of two random variables is stochastically larger.
    """
    used = np.flatnonzero(weights.sum(axis=0) > 0)
    total = weights.sum(axis=1)
    out = np.full(X.shape[1], 0.5)
    if not total.all():
        return out
    values = np.ascontiguousarray(to_dense(X[used], np.float32).T)  # (d, used cells)
    for at, each in enumerate(values):
        order = np.argsort(each, kind="stable")
        ranked = each[order]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])  # cells with the same value are one step
        first, second = (np.add.reduceat(group[used][order], starts) for group in weights)
        out[at] = first @ (np.cumsum(second) - second / 2) / total.prod()
    return out
