"""Block: the plan of one label. Whatever its storage, it can be projected, searched, sampled and averaged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.base.rowwise import RowwisePlan
from psmatch_core.transport.kernels.costs import distances

LARGEST_ARRAY = 50_000_000  # 400 MB: a plan above this is not handed out whole by accident


class Block(ABC):
    """One label's plan P ``(n, m)``, non-negative, of mass 1.

    A storage inherits most of these methods from :class:`~psmatch_core.base.rowwise.RowwisePlan` or
    :class:`~psmatch_core.base.rowwise.SparsePlan`.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Source cells × target cells."""

    @abstractmethod
    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start`` to ``stop`` of P, dense ``(stop − start, m)``."""

    @abstractmethod
    def pull(self, values: np.ndarray, *, part: StagePart = UNHEARD) -> np.ndarray:
        """P y for ``values (m, d)``: ``(n, d)``; ``part`` hears how much is done."""

    @abstractmethod
    def push(self, values: np.ndarray, *, part: StagePart = UNHEARD) -> np.ndarray:
        """Pᵀ x for ``values (n, d)``: ``(m, d)``; ``part`` hears how much is done."""

    @abstractmethod
    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Row sums ``(n,)`` and column sums ``(m,)``, calculated anew at every call."""

    @abstractmethod
    def count_effective(self) -> np.ndarray:
        """exp(entropy) of each row, ``(n,)`` cells, calculated anew at every call."""

    @abstractmethod
    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k heaviest targets of each row and their shares of the row, both ``(n, min(k, m))``, heaviest first.

        Where a row has fewer targets, the index is −1 and the share 0.
        """

    @abstractmethod
    def sample(self, rng: np.random.Generator, n_draws: int = 1, *, part: StagePart = UNHEARD) -> np.ndarray:
        """Targets drawn from each row, ``(n, n_draws)``; −1 for a row without mass. ``part`` hears how much is done."""

    @abstractmethod
    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        """P in sparse pieces of rows, as (first row, matrix).

        Parameters
        ----------
        top
            Keep only so many of the largest entries of each row.
        smallest
            Leave out entries below this share of their row.
        """

    def asked_often(self) -> Block:
        """The same plan, made ready for many questions; this one if that makes no difference."""
        return self

    @property
    @abstractmethod
    def T(self) -> Block:  # noqa: N802 - numpy's name
        """The same plan read the other way: target cells × source cells."""

    @abstractmethod
    def part(self, rows: np.ndarray) -> Block:
        """The plan of some source cells (positions) alone, in the same proportions; its mass is again 1."""

    @cached_property
    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        """Row sums ``(n,)`` and column sums ``(m,)``."""
        return self.sums()

    @cached_property
    def n_effective(self) -> np.ndarray:
        """Effective matches of each source cell: exp(entropy) of its row, ``(n,)`` cells; 0 for a row without mass."""
        return self.count_effective()

    def mean_cost(self, x: np.ndarray, y: np.ndarray, cost: str) -> float:
        """What a unit of matched mass costs, ⟨C, P⟩ / mass of P, where C is the cost between ``x`` and ``y``.

        Parameters
        ----------
        x, y
            Points of the source cells ``(n, d)`` and target cells ``(m, d)``.
        cost
            ``euclidean`` or ``sqeuclidean``.
        """
        total = sum(
            float((self.rows(start, stop) * distances(x[start:stop], y, cost)).sum())
            for start, stop in row_chunks(*self.shape)
        )
        return total / float(self.marginals[0].sum())

    def to_array(self) -> np.ndarray:
        """P as one dense array ``(n, m)``.

        Raises
        ------
        PsmatchError
            Above 50 million entries; use ``rows``, ``top`` or ``pull`` there.
        """
        n, m = self.shape
        if n * m > LARGEST_ARRAY:
            raise PsmatchError(
                f"The plan of {n:,} × {m:,} cells would take {n * m * 8 / 1e9:,.1f} GB as one array; the limit is "
                f"{LARGEST_ARRAY * 8 / 1e9:.1f} GB.",
                hint="Use rows(start, stop), top(k) or pull(values), which never form it.",
            )
        return self.rows(0, n)


class RowwiseBlock(RowwisePlan, Block, ABC):
    """A block that can compute any of its rows."""

    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        for start, _, tile in self.row_tiles():
            floor = smallest * tile.sum(axis=1, keepdims=True)
            yield start, keep_largest(sparse.csr_matrix(np.where(tile >= floor, tile, 0)), top)


def keep_largest(matrix: sparse.csr_matrix, top: int | None) -> sparse.csr_matrix:
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
