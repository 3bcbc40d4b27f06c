"""Plans that are stored entry by entry: whole for small labels, sparse for neighbour graphs and exact plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from psmatch_core.matching.blocks.base import Block, ChunkedBlock, thinned


@dataclass(frozen=True, eq=False)
class DenseBlock(ChunkedBlock):
    """A plan stored whole: ``P (n, m)``."""

    P: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.P.shape[0], self.P.shape[1]

    @property
    def T(self) -> Block:  # noqa: N802
        return DenseBlock(self.P.T)

    def part(self, rows: np.ndarray) -> Block:
        kept = self.P[rows]
        return DenseBlock(kept / (kept.sum() or 1.0))

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.P[start:stop]


@dataclass(frozen=True, eq=False)
class SparseBlock(Block):
    """A plan stored as CSR ``(n, m)``; what is not stored is zero."""

    P: sparse.csr_matrix

    @property
    def shape(self) -> tuple[int, int]:
        return self.P.shape[0], self.P.shape[1]

    @property
    def T(self) -> Block:  # noqa: N802
        return SparseBlock(self.P.T.tocsr())

    def part(self, rows: np.ndarray) -> Block:
        kept = self.P[rows]
        return SparseBlock(kept / (kept.sum() or 1.0))

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
        yield 0, thinned(matrix, top)
