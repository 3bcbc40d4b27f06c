"""Array files: named arrays and plain data (as JSON) in one npz, written completely or not at all.

There is no pickle, so a file from someone else can hold wrong numbers but cannot run code.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.base.disk import write_whole
from psmatch_core.base.errors import PsmatchError

FORMAT = 1
META = "meta.json"


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Path:
    """Write named arrays and plain data to one npz."""
    text = np.frombuffer(json.dumps({"format": FORMAT, **meta}).encode("utf-8"), dtype=np.uint8)
    return write_whole(path, lambda stream: np.savez(stream, allow_pickle=False, **{META: text, **arrays}))


def write_by_columns(stream: BinaryIO, X: Any) -> None:
    """Write a matrix ``(n, d)``, dense or sparse, as npy in single precision, column after column.

    A few columns become dense at a time.
    """
    columns = X.tocsc() if hasattr(X, "tocsc") else X
    n, d = X.shape
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": True, "shape": (n, d)}
    np.lib.format.write_array_header_1_0(stream, header)
    for start, stop in row_chunks(d, n):
        part = to_dense(columns[:, start:stop], np.float32)
        stream.write(np.ascontiguousarray(part.T).data)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays and the plain data that :func:`write_arrays` wrote.

    Raises
    ------
    PsmatchError
        If the file is missing, damaged, or from a later version of the program.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        meta = json.loads(bytes(arrays.pop(META)).decode("utf-8"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise PsmatchError(
            f"{path.name} is damaged or not a result of this program.", hint="Compute this stage again."
        ) from error
    if meta["format"] > FORMAT:
        raise PsmatchError(
            f"{path.name} was written by a later version (format {meta['format']}, this one reads {FORMAT}).",
            hint="Update the program to open it.",
        )
    return arrays, meta
