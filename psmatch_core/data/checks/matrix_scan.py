"""MatrixScan: statistics of a matrix, collected while its rows are read in chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.mapped_rows import row_blocks
from psmatch_core.data.checks.missing_codes import CodeScan


class MatrixScan:
    """Statistics of a matrix whose rows are given once, in chunks.

    Parameters
    ----------
    n_features
        Columns of every chunk.
    """

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self.n_cells = 0
        self.n_nan = 0
        self.n_infinite = 0
        self.first_bad: tuple[int, int] | None = None  # row and column of the first NaN or infinite value
        self.n_bad = np.zeros(n_features, dtype=np.int64)  # NaN and infinite values of each feature
        self.n_finite = 0
        self.n_nonzero = 0  # finite values other than 0
        self.n_negative = np.zeros(n_features, dtype=np.int64)  # negative values of each feature
        self.highest_negative = -np.inf
        self.minimum = np.inf
        self.maximum = -np.inf
        self.is_whole = True
        self.empty_cells: list[int] = []  # rows of zeros
        self.n_repeated_cells = 0
        self.low = np.full(n_features, np.inf)  # (n_features,)
        self.high = np.full(n_features, -np.inf)  # (n_features,)
        self.codes = CodeScan(n_features)
        self._sum = np.zeros(n_features)
        self._squares = np.zeros(n_features)
        self._seen: set[int] = set()

    @classmethod
    def of(cls, X: Any) -> MatrixScan:
        """The statistics of a whole matrix ``(n_cells, n_features)``, dense or scipy sparse, which no rows follow."""
        scan = cls(X.shape[1])
        scan.add(X)
        scan._seen.clear()  # a number for each cell
        return scan

    @property
    def feature_mean(self) -> npt.NDArray[np.float64]:
        """Mean of each feature ``(n_features,)`` over all cells."""
        return np.asarray(self._sum / max(self.n_cells, 1))

    @property
    def feature_deviation(self) -> npt.NDArray[np.float64]:
        """Standard deviation of each feature ``(n_features,)``."""
        with np.errstate(all="ignore"):  # infinite values are reported on their own
            variance = self._squares / max(self.n_cells, 1) - self.feature_mean**2
        return np.asarray(np.sqrt(np.maximum(variance, 0)))

    def add(self, rows: Any) -> None:
        """Read the next rows ``(n, n_features)``, dense or scipy sparse."""
        if hasattr(rows, "tocsr"):
            matrix = rows.tocsr()
            for _, part in row_blocks(matrix):
                self._add_sparse(part)
            return
        array = np.asarray(rows)
        for start, stop in row_chunks(array.shape[0], self.n_features):
            self._add_dense(array[start:stop])

    def _add_dense(self, rows: npt.NDArray[Any]) -> None:
        rows = rows.astype(np.uint8) if rows.dtype == bool else rows
        self._add_values(rows.ravel(), lambda flat: (flat // self.n_features, flat % self.n_features))
        with np.errstate(all="ignore"):  # overflow and NaN are reported on their own
            if rows.size:
                wide = rows.astype(np.float64)
                low, high = wide.min(axis=0), wide.max(axis=0)
                self.low, self.high = np.fmin(self.low, low), np.fmax(self.high, high)
                if low.min() < 0 or np.isnan(low).any():
                    self.n_negative += ((wide < 0) & np.isfinite(wide)).sum(axis=0)
                self.codes.add(low, high, lambda at: (wide[:, at], False))
                self._sum += wide.sum(axis=0)
                self._squares += (wide * wide).sum(axis=0)
        is_filled = (rows != 0).any(axis=1)  # (n,)
        self._note_rows(is_filled, (row.tobytes() for row in np.ascontiguousarray(rows)))

    def _add_sparse(self, matrix: Any) -> None:
        if not matrix.has_canonical_format or not matrix.data.all():
            matrix = matrix.copy()
            matrix.sum_duplicates()
            matrix.eliminate_zeros()  # written zeros must not hide that two cells are identical
        data, columns = matrix.data, matrix.indices
        data = data.astype(np.uint8) if data.dtype == bool else data
        owners = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        self._add_values(data, lambda flat: (owners[flat], columns[flat]))
        if data.size < matrix.shape[0] * self.n_features:  # at least one value is an unwritten 0
            self.minimum, self.maximum = min(self.minimum, 0.0), max(self.maximum, 0.0)
        with np.errstate(all="ignore"):
            if matrix.shape[0] and self.n_features:
                by_column = matrix.tocsc()  # once for both, which would do it each
                low, high = (each.toarray().ravel() for each in (by_column.min(axis=0), by_column.max(axis=0)))
                self.low, self.high = np.fmin(self.low, low), np.fmax(self.high, high)
                if low.min() < 0 or np.isnan(low).any():
                    self.n_negative += np.bincount(columns[data < 0], minlength=self.n_features)
                self.codes.add(low.astype(np.float64), high.astype(np.float64), lambda at: _stored(by_column, at))
                wide = data.astype(np.float64)
                self._sum += np.bincount(columns, weights=wide, minlength=self.n_features)
                self._squares += np.bincount(columns, weights=wide * wide, minlength=self.n_features)
        is_filled = np.bincount(owners[data != 0], minlength=matrix.shape[0]).astype(bool)
        bounds = matrix.indptr
        self._note_rows(
            is_filled,
            (
                columns[bounds[i] : bounds[i + 1]].tobytes() + data[bounds[i] : bounds[i + 1]].tobytes()
                for i in range(matrix.shape[0])
            ),
        )

    def _add_values(self, values: npt.NDArray[Any], position: Any) -> None:
        is_finite = np.isfinite(values)
        if not is_finite.all():
            bad = np.flatnonzero(~is_finite)
            self.n_nan += int(np.isnan(values).sum())
            self.n_infinite += int(np.isinf(values).sum())
            rows, columns = position(bad)
            self.n_bad += np.bincount(columns, minlength=self.n_features)
            if self.first_bad is None:
                self.first_bad = (self.n_cells + int(rows[0]), int(columns[0]))
            values = values[is_finite]
        if values.size:
            self.n_finite += values.size
            self.n_nonzero += int(np.count_nonzero(values))
            self.minimum = min(self.minimum, float(values.min()))
            if values.dtype.kind != "u" and self.minimum < 0:
                negative = values[values < 0]
                if negative.size:
                    self.highest_negative = max(self.highest_negative, float(negative.max()))
            self.maximum = max(self.maximum, float(values.max()))
            if self.is_whole and values.dtype.kind == "f":
                self.is_whole = bool((values == np.floor(values)).all())

    def _note_rows(self, is_filled: npt.NDArray[np.bool_], contents: Any) -> None:
        self.empty_cells.extend(int(each) for each in self.n_cells + np.flatnonzero(~is_filled))
        for filled, content in zip(is_filled, contents, strict=True):
            if filled:  # empty cells are reported as empty, not as copies of each other
                digest = hash(content)
                self.n_repeated_cells += digest in self._seen
                self._seen.add(digest)
        self.n_cells += is_filled.size


def _stored(by_column: Any, at: int) -> tuple[npt.NDArray[Any], bool]:
    """The stored values of a column of a CSC matrix, and whether others are 0."""
    start, stop = by_column.indptr[at], by_column.indptr[at + 1]
    return by_column.data[start:stop], stop - start < by_column.shape[0]
