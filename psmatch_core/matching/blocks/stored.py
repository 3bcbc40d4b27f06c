"""Plans that are stored entry by entry: whole for small labels, sparse for neighbour graphs and exact plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from psmatch_core.base.rowwise import SparsePlan
from psmatch_core.matching.blocks.base import Block, RowwiseBlock, keep_largest


@dataclass(frozen=True, eq=False)
class DenseBlock(RowwiseBlock):
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
class SparseBlock(SparsePlan, Block):
    """A plan stored as CSR ``(n, m)``; what is not stored is zero."""

    P: sparse.csr_matrix

    def to_csr(self) -> sparse.csr_matrix:
        return self.P

    @property
    def T(self) -> Block:  # noqa: N802
        return SparseBlock(self.P.T.tocsr())

    def part(self, rows: np.ndarray) -> Block:
        kept = self.P[rows]
        return SparseBlock(kept / (kept.sum() or 1.0))

    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        matrix = self.P.copy()
        if smallest > 0:
            row_of = np.repeat(np.arange(self.shape[0]), np.diff(matrix.indptr))
            matrix.data[matrix.data < smallest * self.marginals[0][row_of]] = 0
            matrix.eliminate_zeros()
        yield 0, keep_largest(matrix, top)
