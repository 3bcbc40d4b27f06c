"""TF-IDF and latent semantic indexing (LSI) of peaks: few components of a sparse matrix that stays sparse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.mapped_rows import row_blocks
from psmatch_core.data.modality import Matrix

SCALE_FACTOR = 1e4  # as in Signac
# A first component that correlates with depth above this says how deeply a cell was sequenced; as in ArchR (corCutOff).
DEPTH_CORRELATION = 0.75


@dataclass(frozen=True, eq=False)
class Lsi:
    """The axes of an LSI.

    Parameters
    ----------
    axes
        ``(n_features, n_components)``.
    first
        The number of the first component that is used: 2 if component 1 was left out, else 1.
    """

    axes: np.ndarray
    first: int

    @property
    def names(self) -> list[str]:
        """Names of the components, such as ``LSI2``, ``LSI3`` …"""
        return [f"LSI{self.first + at}" for at in range(self.axes.shape[1])]

    def apply(self, X: Matrix) -> np.ndarray:
        """The components ``(n_cells, n_components)`` of TF-IDF values ``(n_cells, n_features)``."""
        return np.asarray(X @ self.axes, dtype=np.float32)


def inverse_frequencies(X: Matrix) -> np.ndarray:
    """Cells over the cells in which a feature is above 0, ``(n_features,)``; 0 for a feature that is so in none."""
    X, n_open = sparse.csr_matrix(X), np.zeros(X.shape[1], dtype=np.int64)
    for _, rows in row_blocks(X):
        n_open += np.bincount(rows.indices[rows.data != 0], minlength=X.shape[1])
    idf: np.ndarray = np.divide(X.shape[0], n_open, out=np.zeros(X.shape[1]), where=n_open > 0)
    return idf


def tf_idf(X: Matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """log(1 + 10⁴ × tf × idf) of counts ``(n_cells, n_features)``; tf is the share of a feature in its cell's counts.

    A cell without counts stays at 0.

    Source: Stuart et al. 2021, Signac, ``RunTFIDF`` method 1. The idf counts cells, as in Cusanovich et al. 2015, where
    Signac adds up their counts: so the depth of a cell cancels exactly.
    """
    counts = sparse.csr_matrix(X, dtype=np.float64)
    size = np.asarray(counts.sum(axis=1)).ravel()
    share = np.divide(SCALE_FACTOR, size, out=np.zeros_like(size), where=size > 0)
    values = counts.data * np.repeat(share, np.diff(counts.indptr)) * idf[counts.indices]
    data = np.log1p(values).astype(np.float32)
    return sparse.csr_matrix((data, counts.indices.copy(), counts.indptr.copy()), shape=counts.shape)


def fit_lsi(X: sparse.csr_matrix, n: int, depth: np.ndarray, *, name: str, seed: int) -> tuple[Lsi, float]:
    """``n`` components of TF-IDF values, without the first if it correlates with depth; and that correlation.

    Parameters
    ----------
    X
        ``(n_cells, n_features)``; not centred, so that it stays sparse.
    depth
        Counts of each cell ``(n_cells,)``.
    name, seed
        Of the modality in messages; of the starting vector.

    Raises
    ------
    PsmatchError
        If there are fewer components than asked for.
    """
    most = max(min(X.shape) - 2, 0)  # one more is computed than used, and all but one can be
    if n > most:
        raise PsmatchError(
            f"{name}: {n} components (LSI) requested, but {X.shape[0]:,} cells × {X.shape[1]:,} features have at most "
            f"{most}.",
            hint=f"Choose at most {most} components (n_components).",
        )
    from sklearn.decomposition import TruncatedSVD

    svd: Any = TruncatedSVD(n_components=n + 1, algorithm="arpack", random_state=seed % 2**32)
    axes = svd.fit(X.astype(np.float64)).components_.T  # (n_features, n + 1)
    scores, logged = np.asarray(X @ axes[:, 0]), np.log1p(depth)
    varies = scores.std() > 0 and logged.std() > 0
    correlation = float(abs(np.corrcoef(scores, logged)[0, 1])) if varies else 0.0
    skipped = int(correlation > DEPTH_CORRELATION)
    return Lsi(np.ascontiguousarray(axes[:, skipped : n + skipped]), skipped + 1), correlation
