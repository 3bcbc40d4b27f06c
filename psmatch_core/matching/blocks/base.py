"""What every storage of a plan answers, and the answers of those whose rows are cheap to produce."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError

LARGEST_ARRAY = 50_000_000  # 400 MB: a plan above this is not handed out whole by accident


class Block(ABC):
    """One label's plan P ``(n, m)``, non-negative, of mass 1."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Source cells × target cells."""

    @abstractmethod
    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start`` to ``stop`` of P, dense ``(stop − start, m)``."""

    @abstractmethod
    def pull(self, values: np.ndarray) -> np.ndarray:
        """P y for ``values (m, d)``: ``(n, d)``."""

    @abstractmethod
    def push(self, values: np.ndarray) -> np.ndarray:
        """Pᵀ x for ``values (n, d)``: ``(m, d)``."""

    @property
    @abstractmethod
    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        """Row sums ``(n,)`` and column sums ``(m,)``."""

    @abstractmethod
    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k heaviest targets of each row and their shares of the row, both ``(n, k)``, heaviest first.

        Columns beyond a row's last match hold index −1 and weight 0.
        """

    @abstractmethod
    def sample(self, rng: np.random.Generator, n_draws: int = 1) -> np.ndarray:
        """Targets drawn from each row, ``(n, n_draws)``; −1 for a row without mass."""

    @property
    @abstractmethod
    def n_effective(self) -> np.ndarray:
        """exp(entropy) of each row-normalised row, ``(n,)`` cells; 0 for a row without mass."""

    @abstractmethod
    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        """P in sparse pieces of rows (first row, matrix), entries below ``smallest`` of their row left out."""

    @property
    @abstractmethod
    def T(self) -> Block:  # noqa: N802 - numpy's name
        """The same plan read the other way: target cells × source cells."""

    @abstractmethod
    def part(self, rows: np.ndarray) -> Block:
        """The plan of some source cells (positions) alone, in the same proportions; its mass is again 1."""

    def to_array(self) -> np.ndarray:
        """P as one dense array ``(n, m)``.

        Raises
        ------
        PsmatchError
            Above 50 million entries; take ``rows``, ``top`` or ``pull`` there.
        """
        n, m = self.shape
        if n * m > LARGEST_ARRAY:
            raise PsmatchError(
                f"The plan of {n:,} × {m:,} cells would take {n * m * 8 / 1e9:,.1f} GB as one array; the limit is "
                f"{LARGEST_ARRAY * 8 / 1e9:.1f} GB.",
                hint="Ask for rows(start, stop), top(k) or pull(values), which never form it.",
            )
        return self.rows(0, n)


class ChunkedBlock(Block):
    """A block whose rows are cheap to produce: every question is answered a chunk of rows at a time."""

    def _chunks(self) -> Iterator[tuple[int, int, np.ndarray]]:
        for start, stop in row_chunks(*self.shape):
            yield start, stop, self.rows(start, stop)

    def pull(self, values: np.ndarray) -> np.ndarray:
        return np.concatenate([chunk @ values for _, _, chunk in self._chunks()])

    def push(self, values: np.ndarray) -> np.ndarray:
        total = np.zeros((self.shape[1], values.shape[1]))
        for start, stop, chunk in self._chunks():
            total += chunk.T @ values[start:stop]
        return total

    @cached_property
    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        return self.chunked_marginals()

    def chunked_marginals(self) -> tuple[np.ndarray, np.ndarray]:
        row_sums, column_sums = np.zeros(self.shape[0]), np.zeros(self.shape[1])
        for start, stop, chunk in self._chunks():
            row_sums[start:stop] = chunk.sum(axis=1)
            column_sums += chunk.sum(axis=0)
        return row_sums, column_sums

    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        parts = [_top_of_dense(chunk, k) for _, _, chunk in self._chunks()]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def sample(self, rng: np.random.Generator, n_draws: int = 1) -> np.ndarray:
        drawn = []
        for _, _, chunk in self._chunks():
            cumulative = np.cumsum(chunk, axis=1)  # (rows, m)
            level = rng.random((chunk.shape[0], n_draws)) * cumulative[:, -1:]
            picks = np.stack(
                [np.searchsorted(row, at, side="right") for row, at in zip(cumulative, level, strict=True)]
            )
            picks = np.minimum(picks, self.shape[1] - 1)
            drawn.append(np.where(cumulative[:, -1:] > 0, picks, -1))
        return np.concatenate(drawn)

    @cached_property
    def n_effective(self) -> np.ndarray:
        return self.chunked_n_effective()

    def chunked_n_effective(self) -> np.ndarray:
        return np.concatenate([_effective(chunk) for _, _, chunk in self._chunks()])

    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        for start, _, chunk in self._chunks():
            floor = smallest * chunk.sum(axis=1, keepdims=True)
            yield start, thinned(sparse.csr_matrix(np.where(chunk >= floor, chunk, 0)), top)


def thinned(matrix: sparse.csr_matrix, top: int | None) -> sparse.csr_matrix:
    """Only the ``top`` largest entries of each row."""
    if top is None:
        return matrix
    keep = np.zeros(matrix.nnz, dtype=bool)
    for row in range(matrix.shape[0]):
        start, stop = matrix.indptr[row], matrix.indptr[row + 1]
        order = np.argsort(-matrix.data[start:stop], kind="stable")[:top]
        keep[start + order] = True
    thin = matrix.copy()
    thin.data[~keep] = 0
    thin.eliminate_zeros()
    return thin


def _top_of_dense(chunk: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    k = min(k, chunk.shape[1])
    part = np.argpartition(-chunk, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(chunk, part, axis=1)
    order = np.lexsort((part, -values), axis=1)  # heaviest first, ties by position
    index = np.take_along_axis(part, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    sums = chunk.sum(axis=1, keepdims=True)
    weight = np.divide(values, sums, out=np.zeros_like(values), where=sums > 0)
    return np.where(weight > 0, index, -1), weight


def _effective(chunk: np.ndarray) -> np.ndarray:
    sums = chunk.sum(axis=1, keepdims=True)
    p = np.divide(chunk, sums, out=np.zeros_like(chunk), where=sums > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0.0).sum(axis=1)
    return np.where(sums[:, 0] > 0, np.exp(entropy), 0.0)
