"""Large sparse matrices whose values lie in a file of the system's folder for temporary files, not in memory.

They are matrices of scipy like any other, and read-only. The system reads their pages from the file when they are
needed and may drop them again, so whoever goes through the rows in blocks (:func:`row_blocks`) needs memory for a
block. The file has no name: it is gone with the last array that shows it.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np

from psmatch_core.base.arrays import CHUNK_VALUES, row_chunks
from psmatch_core.base.disk import explain_full_disk

# Stored values from which a matrix is put into a file: 160 MB. Smaller ones take less time in memory.
LEAST_MAPPED = 20_000_000
BYTES_A_VALUE = 8  # single precision, and the place of its feature
ROOM = 3  # times the size of the matrix that must be free on the disk: a copy lies beside it while it is read
LARGEST_INT32 = 2**31 - 1


def is_worth_mapping(n_stored: int) -> bool:
    """Whether a sparse matrix of so many stored values is large enough to be put into a file, and has room there."""
    if n_stored < LEAST_MAPPED:
        return False
    return shutil.disk_usage(tempfile.gettempdir()).free >= ROOM * BYTES_A_VALUE * n_stored


def mapped_rows(blocks: Iterable[Any], n_columns: int, *, most_stored: int) -> Any:
    """A read-only CSR matrix ``(n, n_columns)`` in a file, made of consecutive rows.

    Parameters
    ----------
    blocks
        CSR matrices of the rows, in order and of one type. What is in memory at a time is one of them.
    most_stored
        No fewer than the stored values of all blocks: it decides the type of the indices.

    Raises
    ------
    PsmatchError
        If the disk is full.
    """
    from scipy import sparse

    index = np.dtype(np.int32 if most_stored <= LARGEST_INT32 else np.int64)
    dtype, is_canonical, lengths = np.dtype(np.float32), True, [np.zeros(1, dtype=index)]
    with explain_full_disk("a temporary file of values"), _file() as values, _file() as places:
        for block in blocks:
            dtype = block.dtype if len(lengths) == 1 else dtype
            is_canonical &= bool(block.has_canonical_format)
            lengths.append(np.diff(block.indptr).astype(index))
            values.write(np.ascontiguousarray(block.data, dtype=dtype).data)
            places.write(np.ascontiguousarray(block.indices, dtype=index).data)
        indptr = np.cumsum(np.concatenate(lengths), dtype=index)
        indptr.setflags(write=False)
        data, indices = _mapped(values, dtype), _mapped(places, index)
    X = sparse.csr_matrix((data, indices, indptr), shape=(indptr.size - 1, n_columns), copy=False)
    X.has_canonical_format = is_canonical
    return X


def is_mapped(X: Any) -> bool:
    """Whether a matrix is one whose values lie in a file."""
    return bool(_maps(X))


def rows_of(X: Any, keep: np.ndarray) -> Any:
    """The rows of a matrix for which ``keep`` ``(n,)`` is true; those of a mapped matrix are mapped, or in memory."""
    if not is_mapped(X) or not is_worth_mapping(X.nnz):
        return X[keep]
    kept = (rows[keep[start : start + rows.shape[0]]] for start, rows in row_blocks(X))
    return mapped_rows(kept, X.shape[1], most_stored=X.nnz)


def row_blocks(X: Any, *, per_row: int = 0) -> Iterator[tuple[int, Any]]:
    """Consecutive rows of a matrix, dense or CSR, of about 4 million values, each with the number of its first row.

    Parameters
    ----------
    per_row
        Values that are counted for a row; unless given its features, or the stored values of a row on average.
    """
    n_rows = X.shape[0]
    if not per_row:
        per_row = -(-X.nnz // max(1, n_rows)) if hasattr(X, "nnz") else X.shape[1]
    for start, stop in row_chunks(n_rows, per_row, CHUNK_VALUES):
        yield start, X if stop - start == n_rows else X[start:stop]
        release(X)


def release(X: Any) -> None:
    """Let the system take back the memory in which it holds what was read of a mapped matrix; others stay."""
    for each in _maps(X):
        if hasattr(each, "madvise"):  # Windows has none, and takes them when it needs memory
            each.madvise(mmap.MADV_DONTNEED)


def _maps(X: Any) -> list[mmap.mmap]:
    """The maps of files in which a sparse matrix has its values and indices."""
    found = (_origin(getattr(X, part, None)) for part in ("data", "indices"))
    return [each for each in found if isinstance(each, mmap.mmap)]


def _origin(array: Any) -> Any:
    """Whose memory an array shows."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="psmatch-")


def _mapped(file: IO[bytes], dtype: np.dtype[Any]) -> np.ndarray:
    """The content of a file as a read-only array; it outlives the open file."""
    file.flush()
    size = file.seek(0, 2)
    return np.frombuffer(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b"", dtype=dtype)
