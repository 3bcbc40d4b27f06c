"""Products of stored values with a dense matrix in single precision, compiled for this machine's vectors.

Each number is summed in the order in which scipy sums it, so that the numbers are scipy's own, bit by bit, in half the
time: the compiler of scipy's wheels may assume vectors of four numbers only, and takes one stored value at a time.
Here eight stored values are multiplied for each look at what they are added to, whose width is a multiple of a vector.

This module loads numba, so others import it inside the function that multiplies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import numpy as np

if TYPE_CHECKING:
    from scipy import sparse

VECTOR = 16  # numbers in single precision in the widest vectors of a processor
MOST_ROWS = 2**16  # that are sorted together, so that the place of a row takes two bytes
Function = TypeVar("Function", bound=Callable[..., Any])


def _in_order(function: Function) -> Function:
    """Compiled as it stands: nothing that reorders or contracts sums."""
    decorated: Function = numba.njit(cache=True, error_model="numpy", boundscheck=False, nogil=True)(function)
    return decorated


def times(stored: sparse.csr_matrix, other: np.ndarray) -> np.ndarray:
    """CSR ``(n, d)`` × dense ``(d, k)``, both in single precision: ``(n, k)``, as scipy sums it."""
    found = np.zeros((stored.shape[0], _wide(other.shape[1])), dtype=np.float32)
    _add_products(stored.data, stored.indices, stored.indptr, _padded(other), found)
    return found[:, : other.shape[1]]


@dataclass(frozen=True, eq=False)
class ByFeature:
    """The stored values of a CSR matrix ``(n, d)``, n at most 65,536, in the order of its columns, for products.

    Parameters
    ----------
    values, rows
        The values, and the row of each, ``(nnz,)``; those of a column in the order of the rows.
    ends
        Where the values of each column end, ``(d,)``.
    """

    values: np.ndarray
    rows: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, stored: sparse.csr_matrix) -> ByFeature:
        """Those of a matrix, sorted once for many products."""
        n, d = stored.shape
        if n > MOST_ROWS:
            raise ValueError(f"{n:,} rows cannot be sorted together, at most {MOST_ROWS:,}")
        values, rows = np.empty(stored.nnz, dtype=np.float32), np.empty(stored.nnz, dtype=np.uint16)
        ends = np.zeros(d + 1, dtype=np.int64)
        _sort(stored.data, stored.indices, stored.indptr, ends, values, rows)
        return cls(values, rows, ends[:d])

    def transposed_times(self, other: np.ndarray) -> np.ndarray:
        """The transposed matrix × dense ``(n, k)`` in single precision: ``(d, k)``, as scipy sums it."""
        found = np.zeros((self.ends.size, _wide(other.shape[1])), dtype=np.float32)
        starts = np.concatenate(([0], self.ends))
        _add_products(self.values, self.rows, starts, _padded(other), found)
        return found[:, : other.shape[1]]


def _wide(width: int) -> int:
    """The next multiple of a vector: what is left of a row after its last vector would be multiplied one by one."""
    return -(-width // VECTOR) * VECTOR


def _padded(other: np.ndarray) -> np.ndarray:
    if other.shape[1] == _wide(other.shape[1]) and other.flags.c_contiguous and other.flags.writeable:
        return other
    padded = np.zeros((other.shape[0], _wide(other.shape[1])), dtype=np.float32)
    padded[:, : other.shape[1]] = other
    return padded


@_in_order
def _add_products(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    other: np.ndarray,
    found: np.ndarray,
) -> None:
    """Add to each row of ``found`` the rows of ``other`` that its stored values name, times these values."""
    width = found.shape[1]
    for i in range(found.shape[0]):
        total = found[i]
        p, end = indptr[i], indptr[i + 1]
        while p + 8 <= end:
            a0, a1, a2, a3 = data[p], data[p + 1], data[p + 2], data[p + 3]
            a4, a5, a6, a7 = data[p + 4], data[p + 5], data[p + 6], data[p + 7]
            u0, u1, u2, u3 = other[indices[p]], other[indices[p + 1]], other[indices[p + 2]], other[indices[p + 3]]
            u4, u5, u6, u7 = other[indices[p + 4]], other[indices[p + 5]], other[indices[p + 6]], other[indices[p + 7]]
            for k in range(width):
                first = (((total[k] + a0 * u0[k]) + a1 * u1[k]) + a2 * u2[k]) + a3 * u3[k]
                total[k] = (((first + a4 * u4[k]) + a5 * u5[k]) + a6 * u6[k]) + a7 * u7[k]
            p += 8
        while p < end:
            a, u = data[p], other[indices[p]]
            for k in range(width):
                total[k] += a * u[k]
            p += 1


@_in_order
def _sort(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    ends: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Counting sort by column; ``ends (d + 1,)`` are zeros, and at last the first d of them the ends of the columns."""
    for p in range(indptr[0], indptr[-1]):
        ends[indices[p] + 1] += 1
    for j in range(ends.size - 1):
        ends[j + 1] += ends[j]
    for i in range(indptr.size - 1):
        for p in range(indptr[i], indptr[i + 1]):
            at = ends[indices[p]]
            values[at] = data[p]
            rows[at] = i
            ends[indices[p]] = at + 1
