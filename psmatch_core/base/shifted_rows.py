"""Rows of a sparse matrix plus one row that all share: scaled features of sparse counts without their zeros.

Scaling takes the mean of a feature from every value, so that no zero is left. But all zeros of a feature become the
same value: kept once, the others stay sparse, and a few rows become dense where they are needed. Products with a dense
matrix do not need them: the stored values are multiplied, and what the shift adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy import sparse

    from psmatch_core.base.sparse_products import ByFeature

LARGEST_SPARSE_SHARE = 0.2  # of values that are stored; with more, a dense product takes less time
LEAST_COMPILED = 16  # columns of a dense matrix from which the compiled product takes less time than scipy's


@dataclass(frozen=True, eq=False)
class ShiftedRows:
    """A read-only matrix ``(n, d)`` in single precision: ``stored`` plus ``shift`` in every row.

    Rows and columns are chosen as of an array; a run of rows shares the memory of the whole.

    Parameters
    ----------
    stored
        CSR ``(n, d)``: each value less the shift of its column.
    shift
        What a value is where nothing is stored, ``(d,)``.
    """

    stored: sparse.csr_matrix
    shift: np.ndarray

    def __post_init__(self) -> None:
        for each in self.parts.values():
            each.setflags(write=False)

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """The arrays that it is made of, by name."""
        stored = self.stored
        return {"data": stored.data, "indices": stored.indices, "indptr": stored.indptr, "shift": self.shift}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows × columns."""
        return int(self.stored.shape[0]), int(self.stored.shape[1])

    @property
    def ndim(self) -> int:
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision."""
        return self.shift.dtype

    def toarray(self) -> np.ndarray:
        """All rows, dense ``(n, d)``."""
        dense: np.ndarray = self.stored.toarray()
        dense += self.shift
        return dense

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return self.toarray().astype(dtype or self.dtype, copy=False)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        """The product with a dense matrix ``(d, k)``, ``(n, k)``."""
        if self._is_dense_faster:
            return np.asarray(self.toarray() @ other)
        product = self._stored_times(other)
        product += self.shift @ other
        return product

    def transposed_times(self, other: np.ndarray, by_feature: ByFeature | None = None) -> np.ndarray:
        """The product of the transposed matrix with a dense one ``(n, k)``, ``(d, k)``.

        Parameters
        ----------
        by_feature
            What :meth:`by_feature` gave, if the same matrix is multiplied often.
        """
        if self._is_dense_faster:
            return np.asarray(self.toarray().T @ other)
        product: np.ndarray = self.stored.T @ other if by_feature is None else by_feature.transposed_times(other)
        product += np.outer(self.shift, other.sum(axis=0))
        return product

    def by_feature(self, width: int) -> ByFeature | None:
        """The stored values by column, for many products with matrices ``(n, width)``; None where it gains nothing."""
        if self._is_dense_faster or not self._is_compiled_faster(width):
            return None
        from psmatch_core.base.sparse_products import ByFeature  # brings numba, which small data do without

        return ByFeature.of(self.stored)

    def _stored_times(self, other: np.ndarray) -> np.ndarray:
        if other.dtype != np.float32 or not self._is_compiled_faster(other.shape[1]):
            return np.asarray(self.stored @ other)
        from psmatch_core.base.sparse_products import times  # brings numba, which small data do without

        return times(self.stored, other)

    def _is_compiled_faster(self, width: int) -> bool:
        return width >= LEAST_COMPILED and self.stored.dtype == np.float32

    @property
    def _is_dense_faster(self) -> bool:
        n, d = self.shape
        return self.stored.nnz > LARGEST_SPARSE_SHARE * n * d

    def __getitem__(self, at: Any) -> ShiftedRows:
        """The rows, or ``(rows, columns)``, that a slice, a mask or positions choose."""
        rows, columns = at if isinstance(at, tuple) else (at, slice(None))
        stored = self._run(rows) if _is_run(rows) else self.stored[rows]
        if _is_everything(columns):
            return ShiftedRows(stored, self.shift)
        return ShiftedRows(stored[:, columns], self.shift[columns])

    def _run(self, rows: slice) -> sparse.csr_matrix:
        start, stop, _ = rows.indices(self.shape[0])
        starts = self.stored.indptr[start : max(start, stop) + 1]
        mine = slice(starts[0], starts[-1])
        # Set, not given at once: scipy copies what is much smaller than the array that it is a part of.
        run = type(self.stored)((starts.size - 1, self.shape[1]), dtype=self.stored.dtype)
        run.data, run.indices, run.indptr = self.stored.data[mine], self.stored.indices[mine], starts - starts[0]
        return run


def _is_run(rows: Any) -> bool:
    return isinstance(rows, slice) and rows.step in (None, 1)


def _is_everything(columns: Any) -> bool:
    return isinstance(columns, slice) and columns == slice(None)
