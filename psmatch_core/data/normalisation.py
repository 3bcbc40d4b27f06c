"""Normalising the values of a cell: by its library size and a logarithm, the centred log-ratio, or TF-IDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.base.mapped_rows import is_mapped, row_blocks
from psmatch_core.data.lsi import tf_idf
from psmatch_core.data.modality import Matrix


@dataclass(frozen=True, eq=False)
class NormalizedRows:
    """Normalised values of cells, of which only those are held that are asked for.

    A cell is normalised with all its features; so a block of cells is, and then only the wanted features of it are
    kept. The numbers are those of the whole matrix (a test compares the bits).

    Parameters
    ----------
    X
        Values before, ``(n_cells, n_features)``.
    how, target_sum, idf
        As of :func:`normalized`.
    """

    X: Matrix
    how: str = "none"
    target_sum: float = 1.0
    idf: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def shape(self) -> tuple[int, int]:
        """Cells × features."""
        return int(self.X.shape[0]), int(self.X.shape[1])

    @property
    def is_in_blocks(self) -> bool:
        """Whether blocks of cells are normalised one after another: of sparse cells they are, and stay sparse."""
        return sparse.issparse(self.X) and self.X.format == "csr" and self.how != "clr"

    def blocks(self) -> Iterator[Matrix]:
        """The normalised values of consecutive cells, with all features; of a matrix that is not sparse all at once."""
        if not self.is_in_blocks:
            yield normalized(self.X, self.how, self.target_sum, self.idf)
            return
        for _, rows in row_blocks(self.X):
            yield normalized(rows, self.how, self.target_sum, self.idf)

    def columns(self, at: np.ndarray) -> Matrix:
        """The normalised values of some features ``(n_cells, n_chosen)``, by their places."""
        if not self.is_in_blocks or (at.size == self.X.shape[1] and not is_mapped(self.X)):
            whole = normalized(self.X, self.how, self.target_sum, self.idf)
            is_all = sparse.issparse(whole) and np.array_equal(at, np.arange(whole.shape[1]))
            return whole if is_all else whole[:, at]
        return _stacked([block[:, at] for block in self.blocks()], at.size)


def _stacked(blocks: list[Matrix], n_columns: int) -> sparse.csr_matrix:
    """Rows one below the other. Values go before places, so that half of the blocks is held beside the whole."""
    lengths = np.concatenate([np.zeros(1, dtype=np.int64), *(np.diff(each.indptr) for each in blocks)])
    parts = [(each.data, each.indices) for each in blocks]
    blocks.clear()
    data = np.concatenate([each for each, _ in parts])
    places = [each for _, each in parts]
    parts.clear()
    return sparse.csr_matrix((data, np.concatenate(places), np.cumsum(lengths)), shape=(lengths.size - 1, n_columns))


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
    values = _in_single(X)
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


def _in_single(X: Matrix) -> Matrix:
    """A copy in single precision, which shares the places of the values with cells that refuse to be written to."""
    is_shared = isinstance(X, sparse.csr_matrix) and not (X.indices.flags.writeable or X.indptr.flags.writeable)
    if not is_shared or is_mapped(X):
        return X.astype(np.float32, copy=True)
    data = X.data.astype(np.float32, copy=True)
    return sparse.csr_matrix((data, X.indices, X.indptr), shape=X.shape, copy=False)
