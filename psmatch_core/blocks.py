"""The plan of one label, in three storages that answer the same questions.

``DenseBlock`` for small labels, ``SparseBlock`` for neighbour graphs and exact plans, ``PotentialBlock`` for
entropic plans of any size: it stores n + m potentials and computes rows when they are asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from psmatch_core.errors import PsmatchError
from psmatch_core.transport.costs import distances

CHUNK_VALUES = 4_000_000  # 32 MB of float64: the rows that are ever in memory at once
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


class _ChunkedBlock(Block):
    """A block whose rows are cheap to produce: every question is answered a chunk of rows at a time."""

    def _chunks(self) -> Iterator[tuple[int, int, np.ndarray]]:
        n, m = self.shape
        step = max(1, CHUNK_VALUES // max(m, 1))
        for start in range(0, n, step):
            stop = min(start + step, n)
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
        return np.concatenate([_effective(chunk) for _, _, chunk in self._chunks()])

    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        for start, _, chunk in self._chunks():
            floor = smallest * chunk.sum(axis=1, keepdims=True)
            yield start, _thinned(sparse.csr_matrix(np.where(chunk >= floor, chunk, 0)), top)


@dataclass(frozen=True, eq=False)
class DenseBlock(_ChunkedBlock):
    """A plan stored whole: ``P (n, m)``."""

    P: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.P.shape[0], self.P.shape[1]

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.P[start:stop]


@dataclass(frozen=True, eq=False)
class PotentialBlock(_ChunkedBlock):
    """An entropic plan P_ij = a_i b_j exp((f_i + g_j − C_ij) / ε), memory n + m.

    Parameters
    ----------
    x, y
        The points between which C is the cost, ``(n, d)`` and ``(m, d)``.
    f, g
        Potentials ``(n,)``, ``(m,)``, units of cost.
    epsilon
        Units of cost.
    a, b
        Masses ``(n,)``, ``(m,)``.
    cost
        ``euclidean`` or ``sqeuclidean``.
    """

    x: np.ndarray
    y: np.ndarray
    f: np.ndarray
    g: np.ndarray
    epsilon: float
    a: np.ndarray
    b: np.ndarray
    cost: str = "euclidean"

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape[0], self.y.shape[0]

    def rows(self, start: int, stop: int) -> np.ndarray:
        exponent = self.f[start:stop, None] + self.g - distances(self.x[start:stop], self.y, self.cost)  # (rows, m)
        return np.asarray(np.exp(exponent / self.epsilon) * self.b * self.a[start:stop, None])


@dataclass(frozen=True, eq=False)
class SparseBlock(Block):
    """A plan stored as CSR ``(n, m)``; what is not stored is zero."""

    P: sparse.csr_matrix

    @property
    def shape(self) -> tuple[int, int]:
        return self.P.shape[0], self.P.shape[1]

    def rows(self, start: int, stop: int) -> np.ndarray:
        return np.asarray(self.P[start:stop].toarray())

    def pull(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(self.P @ values)

    def push(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(self.P.T @ values)

    @cached_property
    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(self.P.sum(axis=1)).ravel(), np.asarray(self.P.sum(axis=0)).ravel()

    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        k = min(k, self.shape[1])
        index = np.full((self.shape[0], k), -1, dtype=np.int64)
        weight = np.zeros((self.shape[0], k))
        for row in range(self.shape[0]):
            part = slice(self.P.indptr[row], self.P.indptr[row + 1])
            columns, values = self.P.indices[part], self.P.data[part]
            order = np.lexsort((columns, -values))[:k]
            order = order[values[order] > 0]
            index[row, : order.size] = columns[order]
            if order.size:
                weight[row, : order.size] = values[order] / values.sum()
        return index, weight

    def sample(self, rng: np.random.Generator, n_draws: int = 1) -> np.ndarray:
        drawn = np.full((self.shape[0], n_draws), -1, dtype=np.int64)
        for row in range(self.shape[0]):
            part = slice(self.P.indptr[row], self.P.indptr[row + 1])
            values = self.P.data[part]
            if values.sum() > 0:
                drawn[row] = rng.choice(self.P.indices[part], size=n_draws, p=values / values.sum())
        return drawn

    @cached_property
    def n_effective(self) -> np.ndarray:
        sums = self.marginals[0]
        row_of = np.repeat(np.arange(self.shape[0]), np.diff(self.P.indptr))
        positive = self.P.data > 0
        row_of, p = row_of[positive], self.P.data[positive]
        p = p / sums[row_of]
        entropy = np.bincount(row_of, -p * np.log(p), minlength=self.shape[0])
        return np.where(sums > 0, np.exp(entropy), 0.0)

    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        matrix = self.P.copy()
        if smallest > 0:
            row_of = np.repeat(np.arange(self.shape[0]), np.diff(matrix.indptr))
            matrix.data[matrix.data < smallest * self.marginals[0][row_of]] = 0
            matrix.eliminate_zeros()
        yield 0, _thinned(matrix, top)


def uniform_block(n: int, m: int) -> PotentialBlock:
    """Every pair alike: the plan of zero cost, which needs no points at all."""
    return PotentialBlock(
        x=np.zeros((n, 0)),
        y=np.zeros((m, 0)),
        f=np.zeros(n),
        g=np.zeros(m),
        epsilon=1.0,
        a=np.full(n, 1 / n),
        b=np.full(m, 1 / m),
    )


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


def _thinned(matrix: sparse.csr_matrix, top: int | None) -> sparse.csr_matrix:
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
