"""Arrays: dense and read-only copies, means that skip missing values, and large matrices in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from psmatch_core.base.shifted_rows import ShiftedRows

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]  # in either precision

CHUNK_VALUES = 4_000_000  # values in memory at a time: 32 MB as float64


def to_dense(X: Any, dtype: npt.DTypeLike | None = np.float64) -> np.ndarray:
    """A dense or scipy sparse matrix as a numpy array; ``dtype=None`` keeps the type of its values."""
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=dtype)


def read_only(array: npt.ArrayLike) -> np.ndarray:
    """A copy of an array that refuses to be written to."""
    copy = np.array(array)
    copy.setflags(write=False)
    return copy


def nan_mean(values: npt.ArrayLike) -> float:
    """The mean of the values that are not NaN; NaN if there are none."""
    array = np.asarray(values, dtype=np.float64)
    array = array[~np.isnan(array)]
    return float(array.mean()) if array.size else float("nan")


def row_chunks(n_rows: int, n_columns: int, at_once: int = CHUNK_VALUES) -> Iterator[tuple[int, int]]:
    """Spans of rows, first and past the last, of about ``at_once`` values each; at least one row."""
    step = max(1, at_once // max(n_columns, 1))
    for start in range(0, n_rows, step):
        yield start, min(start + step, n_rows)


def read_only_matrix(X: Any, *, keep_bytes: bool = False) -> Any:
    """A read-only copy: dense float, or CSR with sorted, summed entries; bytes of images stay bytes.

    Shifted rows, and a CSR matrix of such entries that is read-only already, stay as they are.
    """
    if isinstance(X, ShiftedRows):
        return X
    if hasattr(X, "tocsr"):
        from scipy import sparse  # a tenth of a second: only who has one pays for it

        if isinstance(X, sparse.csr_matrix) and _is_frozen(X) and X.dtype.kind == "f" and X.has_canonical_format:
            return X
        csr = sparse.csr_matrix(X, copy=True)
        csr.sum_duplicates()
        if csr.dtype.kind != "f":
            csr = csr.astype(np.float32)
        return frozen(csr)
    kept = (np.float32, np.float64, np.uint8) if keep_bytes else (np.float32, np.float64)
    dense = np.array(X, dtype=X.dtype if getattr(X, "dtype", None) in kept else np.float32, order="C")
    dense.setflags(write=False)
    return dense


def frozen(X: Any) -> Any:
    """The same matrix, dense or CSR, which refuses to be written to from now on, and so do arrays it is a part of."""
    for part in _arrays_of(X):
        if isinstance(part, np.ndarray):
            part.setflags(write=False)
    return X


def _is_frozen(X: Any) -> bool:
    """Whether nothing can be written to a matrix, nor to what it is a part of."""
    return all(isinstance(part, np.ndarray) and not part.flags.writeable for part in _arrays_of(X))


def _arrays_of(X: Any) -> Iterator[Any]:
    """The arrays of a matrix, dense or CSR, and those that they are parts of: scipy keeps parts even of whole ones."""
    for part in (X.data, X.indices, X.indptr) if hasattr(X, "indptr") else (X,):
        at = part
        while at is not None:
            yield at
            at = getattr(at, "base", None)
