"""What an h5ad file holds (arrays, sparse matrices, tables, texts, groups of them), written with h5py alone.

anndata reads it. Its own writer is not used, because its import takes 0.4 s of processor time, which is a tenth of a
small run, in each process that writes.

Source: anndata, "On-disk format", as of anndata 0.8.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base import disk
from psmatch_core.base.cores import a_core, side_by_side
from psmatch_core.base.progress import UNHEARD, StagePart

# Bytes of equal weight side by side: 5 % smaller than gzip alone, in two thirds of the time; level 4 gains 1 % more.
COMPRESSION: Mapping[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
FAST_COMPRESSION: Mapping[str, Any] = {"compression": "lzf"}  # for a file that is read once, and soon
UNCOMPRESSED: Mapping[str, Any] = {}
MANY_NUMBERS = 1_000_000  # of an array: from here on its numbers are compressed on all cores
CHUNKS_A_CORE, CHUNKS_AT_ONCE = 16, 256  # of about 0.1 MB
INDEX = "_index"  # the name of a table's row names, unless a column is called so
MORE_GROUPS = ("obsm", "varm", "obsp", "varp", "layers")  # which each such file has, empty or not


@dataclass(frozen=True, eq=False)
class H5adContent:
    """What is to be written into one h5ad file; an AnnData object has the same parts.

    Parameters
    ----------
    X
        The matrix ``(n_obs, n_vars)``, dense or CSR.
    obs, var
        The columns of the rows and of the columns of the matrix, with their names as index.
    uns
        What else the file says: texts, numbers, lists, and groups of them.
    obsm, varm
        Arrays ``(n, any)`` or tables beside ``obs`` and ``var``, by name.
    """

    X: Any
    obs: pd.DataFrame
    var: pd.DataFrame
    uns: Mapping[str, Any]
    obsm: Mapping[str, Any] = field(default_factory=dict)
    varm: Mapping[str, Any] = field(default_factory=dict)


def write_h5ad(
    content: Any,
    path: Path,
    *,
    packing: Mapping[str, Any] = COMPRESSION,
    partial: Path | None = None,
    part: StagePart = UNHEARD,
) -> Path:
    """Write an h5ad, completely or not at all.

    Parameters
    ----------
    content
        An :class:`H5adContent`, or an AnnData object, of which the same parts are written.
    packing
        How h5py compresses arrays.
    partial
        Where it is written until it is complete, if the caller names the place.
    part
        Hears how many values of the matrix are written.

    Raises
    ------
    TypeError
        If a value has no form in such a file.
    """
    import h5py  # only where a file is written

    with disk.replacing(path, partial) as unfinished, h5py.File(unfinished, "w") as file:
        mark(file, "anndata", "0.1.0")
        write_element(file, "X", content.X, packing, part=part)
        for name in ("obs", "var"):
            write_element(file, name, getattr(content, name), packing)
        for name in (*MORE_GROUPS, "uns"):
            write_element(file, name, dict(getattr(content, name, {})), packing)
    return path


def write_element(
    group: Any, name: str, value: Any, packing: Mapping[str, Any] = UNCOMPRESSED, *, part: StagePart = UNHEARD
) -> None:
    """Write None, a text, number, list, array, matrix or table, or a group of them, under a name of an HDF5 group.

    ``part`` hears how many values of a large array or matrix are written.

    Raises
    ------
    TypeError
        If the value has no form in such a file.
    """
    import h5py

    if value is None:
        mark(group.create_dataset(name, data=h5py.Empty("f")), "null", "0.1.0")
    elif isinstance(value, Mapping):
        inner = mark(group.create_group(name), "dict", "0.1.0")
        for key, each in value.items():
            write_element(inner, key, each, packing)
    elif isinstance(value, pd.DataFrame):
        _write_table(group.create_group(name), value, packing)
    elif sparse.issparse(value):
        _write_sparse(group.create_group(name), value, packing, part)
    elif isinstance(value, pd.api.extensions.ExtensionArray):
        _write_column(group, name, value, packing)
    elif isinstance(value, str):
        mark(group.create_dataset(name, data=str(value), dtype=h5py.string_dtype()), "string", "0.2.0")
    elif isinstance(value, (Number, np.generic)):
        mark(group.create_dataset(name, data=value), "numeric-scalar", "0.2.0")
    elif isinstance(value, (list, tuple, np.ndarray)):
        values = np.asarray(value)
        if values.ndim:
            _write_array(group, name, values, packing, part)
        else:
            write_element(group, name, values.item())
    else:
        raise TypeError(f"{name}: {type(value).__name__} has no form in an h5ad file")


def mark(item: Any, kind: str, version: str) -> Any:
    """Say how an HDF5 item is to be read; the item."""
    item.attrs["encoding-type"] = kind
    item.attrs["encoding-version"] = version
    return item


def packing_of(shape: tuple[int, ...], packing: Mapping[str, Any] = COMPRESSION) -> Mapping[str, Any]:
    """How an array of this shape is compressed: one without values or axes is not."""
    return packing if shape and all(shape) else UNCOMPRESSED


def _write_array(
    group: Any, name: str, values: np.ndarray, packing: Mapping[str, Any], part: StagePart = UNHEARD
) -> None:
    import h5py

    how = packing_of(values.shape, packing)
    if packing is COMPRESSION and values.dtype.kind in "fiu" and values.size >= MANY_NUMBERS:
        mark(_write_by_runs(group, name, values, part), "array", "0.2.0")
        return
    if values.dtype.kind not in "OSUT":
        mark(group.create_dataset(name, data=values, **how), "array", "0.2.0")
        return
    odd = next((each for each in values.ravel().tolist() if not isinstance(each, str)), "")
    if not isinstance(odd, str):
        raise TypeError(f"{name}: {type(odd).__name__} among texts has no form in an h5ad file")
    item = group.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype(), **how)
    mark(item, "string-array", "0.2.0")


def _write_by_runs(group: Any, name: str, values: np.ndarray, part: StagePart) -> Any:
    """Numbers compressed in the same format on all cores, and in half of the time where only runs are looked for.

    The search for longer sequences takes zlib most of its time. Means of cells repeat none: with runs alone a file of
    translated genes is 3 % smaller. Rounded numbers do, so a chunk in the middle decides.
    """
    item = group.create_dataset(name, values.shape, values.dtype, **COMPRESSION)
    chunk = item.chunks
    corners = list(itertools.product(*(range(0, n, step) for n, step in zip(values.shape, chunk, strict=True))))

    middle = _shuffled(values, corners[len(corners) // 2], chunk)
    runs_serve = len(_packed(middle, zlib.Z_RLE)) <= len(_packed(middle, zlib.Z_DEFAULT_STRATEGY))
    strategy = zlib.Z_RLE if runs_serve else zlib.Z_DEFAULT_STRATEGY

    def packed(some: list[tuple[int, ...]]) -> list[bytes]:
        with a_core():
            return [_packed(_shuffled(values, corner, chunk), strategy) for corner in some]

    for start in range(0, len(corners), CHUNKS_AT_ONCE):
        part.tell(round(start / len(corners) * values.size), values.size, "values compressed")
        now = corners[start : start + CHUNKS_AT_ONCE]
        shares = [now[at : at + CHUNKS_A_CORE] for at in range(0, len(now), CHUNKS_A_CORE)]
        for corner, data in zip(now, itertools.chain.from_iterable(side_by_side(packed, shares)), strict=True):
            item.id.write_direct_chunk(corner, data)
    return item


def _shuffled(values: np.ndarray, corner: tuple[int, ...], chunk: tuple[int, ...]) -> memoryview:
    """A chunk with its bytes by their weight, as HDF5's shuffle writes it; one at an edge is filled up with zeros."""
    inside = values[tuple(slice(at, at + step) for at, step in zip(corner, chunk, strict=True))]
    whole = np.zeros(chunk, dtype=values.dtype)
    whole[tuple(slice(0, n) for n in inside.shape)] = inside
    return np.ascontiguousarray(whole.reshape(-1).view(np.uint8).reshape(-1, values.dtype.itemsize).T).data


def _packed(shuffled: memoryview, strategy: int) -> bytes:
    level = COMPRESSION["compression_opts"]
    packer = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
    return packer.compress(shuffled) + packer.flush()


def _write_sparse(group: Any, matrix: Any, packing: Mapping[str, Any], part: StagePart) -> None:
    if matrix.format not in ("csr", "csc"):
        raise TypeError(f"{group.name}: a {matrix.format} matrix has no form in an h5ad file")
    mark(group, f"{matrix.format}_matrix", "0.1.0")
    group.attrs["shape"] = np.array(matrix.shape)
    for name, one in zip(("data", "indices", "indptr"), part.split(3), strict=True):
        _write_array(group, name, getattr(matrix, name), packing, one)


def _write_table(group: Any, table: pd.DataFrame, packing: Mapping[str, Any]) -> None:
    import h5py

    names, index = [str(each) for each in table.columns], INDEX
    while index in names:
        index = f"_{index}"
    mark(group, "dataframe", "0.2.0")
    group.attrs["_index"] = index
    group.attrs.create("column-order", np.array(names, dtype=object), dtype=h5py.string_dtype())
    _write_array(group, index, np.array([str(each) for each in table.index], dtype=object), packing)
    for at, name in enumerate(names):
        values = table.iloc[:, at].array
        is_plain = type(values) is pd.arrays.NumpyExtensionArray  # texts of pandas are a kind of it
        write_element(group, name, values.to_numpy() if is_plain else values, packing)


def _write_column(group: Any, name: str, values: Any, packing: Mapping[str, Any]) -> None:
    """A column that is no plain array: categories, or numbers, truth values or texts of which some may be missing."""
    if isinstance(values, pd.arrays.FloatingArray):
        _write_array(group, name, values.to_numpy(np.float64, na_value=np.nan), packing)
        return
    if isinstance(values.dtype, pd.StringDtype):
        if not values.isna().any():
            _write_array(group, name, np.asarray(values, dtype=object), packing)
            return
        values = pd.Categorical(values)
    if isinstance(values, pd.Categorical):
        parts = {"codes": values.codes, "categories": values.categories.to_numpy()}
        inner = mark(group.create_group(name), "categorical", "0.2.0")
        inner.attrs["ordered"] = bool(values.ordered)
    elif isinstance(values, pd.arrays.IntegerArray | pd.arrays.BooleanArray):
        is_missing = values.isna()
        parts = {"values": values.to_numpy(values.dtype.numpy_dtype, na_value=0), "mask": is_missing}
        kind = "integer" if isinstance(values, pd.arrays.IntegerArray) else "boolean"
        inner = mark(group.create_group(name), f"nullable-{kind}", "0.1.0")
    else:
        raise TypeError(f"{name}: a column of {values.dtype} has no form in an h5ad file")
    for part, each in parts.items():
        _write_array(inner, part, each, packing)
