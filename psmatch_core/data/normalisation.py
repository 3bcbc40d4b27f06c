"""Normalising the values of a cell: by its library size and a logarithm, the centred log-ratio, or TF-IDF."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.data.lsi import tf_idf
from psmatch_core.data.modality import Matrix


def automatic(kind: str) -> str:
    """What ``auto`` does with values of a kind."""
    return "log1p" if kind == "counts" else "none"


def normalized(X: Matrix, normalize: str, target_sum: float, idf: np.ndarray) -> Matrix:
    """Values ``(n_cells, n_features)`` normalised by ``none``, ``log1p``, ``clr`` or ``tfidf``.

    Parameters
    ----------
    target_sum
        The library size to which ``log1p`` brings each cell [counts].
    idf
        The inverse document frequency of each feature ``(n_features,)``, for ``tfidf``.
    """
    if normalize == "none":
        return X
    if normalize == "log1p":
        return _logged(X, target_sum)
    if normalize == "tfidf":
        return tf_idf(X, idf)
    # Centred log-ratio over the features of a cell: log1p(x) minus its mean, so that the cell's staining depth
    # cancels. Source: Stoeckius et al. 2017, CITE-seq, Online Methods; log1p as in Seurat's margin 2.
    dense = np.log1p(to_dense(X, dtype=None))
    return np.asarray(dense - dense.mean(axis=1, keepdims=True), dtype=np.float32)


def _logged(X: Matrix, target_sum: float) -> Matrix:
    """log(1 + x · target / size) of every value in single precision; a cell without counts stays at 0.

    The numbers are those of scanpy's ``normalize_total`` and ``log1p`` (a test compares the bits); loading scanpy takes
    longer than a small run.
    """
    values = X.astype(np.float32, copy=True)
    if not sparse.issparse(values):
        factors = (values.sum(axis=1) / np.float32(target_sum)).astype(np.float32)
        values /= np.where(factors == 0, np.float32(1), factors)[:, None]
        return np.log1p(values, out=values)
    for start, stop in row_chunks(*values.shape):
        first, last = values.indptr[start], values.indptr[stop]
        lengths = np.diff(values.indptr[start : stop + 1])
        part = values.data[first:last]  # a view
        sizes = np.bincount(np.repeat(np.arange(lengths.size), lengths), part, minlength=lengths.size)
        factors = sizes.astype(np.float32) / np.float32(target_sum)
        part /= np.repeat(np.where(factors == 0, np.float32(1), factors), lengths)
        np.log1p(part, out=part)
    return values
