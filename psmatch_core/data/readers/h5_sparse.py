"""Sparse matrices of an h5ad file; every index is checked, since compiled code relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.data.readers.base import computable
from psmatch_core.data.readers.h5_safety import attribute_text, checked, damaged
from psmatch_core.data.sparse_faults import fault_of_bounds, fault_of_indices, inconsistent


def is_sparse_group(item: Any) -> bool:
    """Whether an HDF5 group holds a sparse matrix."""
    return hasattr(item, "keys") and ("indptr" in item or _format(item) is not None)


def sparse_shape(item: Any, shown: str) -> tuple[int, ...]:
    """The shape that a sparse matrix declares."""
    stored = item.attrs.get("shape", item.attrs.get("h5sparse_shape"))
    try:
        shape = tuple(int(each) for each in np.ravel(stored))
    except (TypeError, ValueError):
        shape = ()
    if len(shape) != 2 or min(shape) < 0:
        raise damaged(shown, f"sparse matrix {display(item.name.lstrip('/'))} has no valid shape")
    return shape


class SparseRows:
    """One sparse matrix, read by rows or whole.

    Parameters
    ----------
    item
        The HDF5 group.
    shown
        The file's name in messages.
    key
        The matrix's name in messages.
    max_bytes
        Largest size that one part may declare [bytes].
    shape
        Cells and features of a matrix that is stored by cell and does not say so itself.
    """

    def __init__(
        self, item: Any, shown: str, key: str, max_bytes: int, *, shape: tuple[int, int] | None = None
    ) -> None:
        self._key = key
        self._shown = shown
        self.is_canonical = True
        self.shape = shape or sparse_shape(item, shown)
        self._is_csc = shape is None and _format(item) == "csc"
        for part in ("data", "indices", "indptr"):
            if part not in item:
                raise self._invalid(f"its part {part!r} is missing")
        self._data = checked(item["data"], shown, max_bytes=max_bytes)
        self._indices = checked(item["indices"], shown, max_bytes=max_bytes)
        indptr = checked(item["indptr"], shown, max_bytes=max_bytes)
        n_major = self.shape[1] if self._is_csc else self.shape[0]
        if self._data.dtype.kind not in "biuf":
            raise PsmatchError(
                f"{shown}, matrix {display(self._key)}: holds text, not numbers.",
                hint="Save the matrix as numbers, or choose another one.",
                code="PM-M11",
            )
        if self._data.ndim != 1 or self._indices.ndim != 1 or indptr.ndim != 1:
            raise self._invalid("its parts are no lists")
        if self._indices.dtype.kind not in "iu" or indptr.dtype.kind not in "iu":
            raise self._invalid("its index is not whole numbers")
        self._indptr = indptr[...].astype(np.int64)
        n_indices, n_values = self._indices.size, self._data.size
        if what := fault_of_bounds(self._indptr, n_major, n_indices=n_indices, n_values=n_values):
            raise self._invalid(what)

    def rows(self, limit: int) -> Iterator[Any]:
        """CSR matrices of consecutive rows with about ``limit`` stored values each."""
        if self._is_csc:
            # stored by feature, so rows need the whole matrix
            matrix = self.whole()
            stored = -(-matrix.nnz // max(1, self.shape[0]))  # values of a row, rounded up
            for start, stop in row_chunks(self.shape[0], stored, limit):
                yield matrix[start:stop]
            return
        yield from self.run(0, self.shape[0], limit)

    @property
    def n_stored(self) -> int:
        """Stored values if rows can be read in its midst: 0 for a matrix that is stored by feature."""
        return 0 if self._is_csc else int(self._indptr[-1])

    def run(self, start: int, end: int, limit: int) -> Iterator[Any]:
        """Rows ``start`` to ``end`` of a matrix that is stored by cell, in chunks as in :meth:`rows`."""
        while start < end:
            stop = int(np.searchsorted(self._indptr, self._indptr[start] + limit, side="right")) - 1
            stop = min(max(stop, start + 1), end)
            yield self._slice(start, stop)
            start = stop

    def whole(self) -> Any:
        """The whole matrix as CSR ``(n_cells, n_features)``, with repeated entries summed."""
        matrix = self._slice(0, len(self._indptr) - 1)
        return matrix.tocsr() if self._is_csc else matrix

    def _slice(self, start: int, stop: int) -> Any:
        """Consecutive rows (columns of a CSC matrix), checked."""
        from scipy import sparse

        low, high = int(self._indptr[start]), int(self._indptr[stop])
        indptr = self._indptr[start : stop + 1] - low
        indices, data = self._indices[low:high], self._data[low:high]
        n_minor = self.shape[0] if self._is_csc else self.shape[1]
        if what := fault_of_indices(indices, n_minor):
            raise self._invalid(what)
        data = computable(data)
        is_step = np.diff(indices.astype(np.int64)) > 0
        starts = indptr[1:-1]
        starts = starts[(starts > 0) & (starts < indices.size)]
        is_step[starts - 1] = True  # between two rows any step is allowed
        shape = (self.shape[0], stop - start) if self._is_csc else (stop - start, self.shape[1])
        matrix = (sparse.csc_matrix if self._is_csc else sparse.csr_matrix)((data, indices, indptr), shape=shape)
        if not is_step.all():
            self.is_canonical = False
            matrix.sum_duplicates()
        return matrix

    def _invalid(self, what: str) -> PsmatchError:
        return inconsistent(self._shown, self._key, what)


def _format(item: Any) -> str | None:
    stored = attribute_text(item, "encoding-type") or attribute_text(item, "h5sparse_format")
    return stored[:3] if stored[:3] in ("csr", "csc") else None
