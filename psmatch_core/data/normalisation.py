"""Normalising the values of a cell: by its library size and a logarithm, the centred log-ratio, or TF-IDF."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.arrays import to_dense
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
        import scanpy as sc  # heavy: only when counts are normalised
        from anndata import AnnData

        adata = AnnData(X.astype(np.float32, copy=True))
        sc.pp.normalize_total(adata, target_sum=target_sum)
        sc.pp.log1p(adata)
        return adata.X
    if normalize == "tfidf":
        return tf_idf(X, idf)
    # Centred log-ratio over the features of a cell: log1p(x) minus its mean, so that the cell's staining depth
    # cancels. Source: Stoeckius et al. 2017, CITE-seq, Online Methods; log1p as in Seurat's margin 2.
    dense = np.log1p(to_dense(X, dtype=None))
    return np.asarray(dense - dense.mean(axis=1, keepdims=True), dtype=np.float32)
