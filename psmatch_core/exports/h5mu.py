"""Writing h5mu files row by row: two AnnData groups whose rows are the same observations, without mudata.

mudata and muon read the file. A matrix is written in pieces as it is made, so that
its size is bounded by the disk and not by the memory.

Source: mudata, "The H5MU format".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base import disk
from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.h5ad_elements import COMPRESSION, MORE_GROUPS, mark, packing_of, write_element
from psmatch_core.base.version import VERSION

USER_BLOCK = 512  # bytes before the HDF5 file, in which the format names itself
MOST_SHORT = np.iinfo(np.int32).max  # values of a sparse matrix whose rows and columns are numbered with four bytes


@dataclass(frozen=True)
class WrittenModality:
    """One modality of a file that is to be written.

    Parameters
    ----------
    obs, var
        Columns of the observations and of the features.
    rows
        Gives rows ``start`` to ``stop`` of the matrix, dense or CSR: always the same of the two.
    is_sparse
        Which of the two.
    uns
        What else the modality says of itself.
    """

    obs: pd.DataFrame
    var: pd.DataFrame
    rows: Callable[[int, int], Any]
    is_sparse: bool
    uns: Mapping[str, Any]


def write_h5mu(
    path: Path, modalities: Mapping[str, WrittenModality], obs: pd.DataFrame, uns: Mapping[str, Any]
) -> Path:
    """Write modalities with the same observations into one h5mu file, complete or not at all.

    Parameters
    ----------
    modalities
        By name, in order.
    obs
        Columns of the observations of the whole file.
    """
    with disk.replacing(path) as partial:
        import h5py  # a tenth of a second: only where a file is written

        with h5py.File(partial, "w", userblock_size=USER_BLOCK) as file:
            _write(file, modalities, obs, uns)
        with partial.open("r+b") as stream:
            name = f"MuData (format-version=0.1.0;creator=psmatch;creator-version={VERSION})".encode()
            stream.write(name.ljust(USER_BLOCK, b"\0"))
    return path


def _write(file: Any, modalities: Mapping[str, WrittenModality], obs: pd.DataFrame, uns: Mapping[str, Any]) -> None:
    mark(file, "MuData", "0.1.0").attrs["axis"] = 0
    features = [np.asarray(each.var.index, dtype=str) for each in modalities.values()]
    names = _distinct(features, list(modalities))
    write_element(file, "obs", obs)
    write_element(file, "var", pd.DataFrame(index=pd.Index(np.concatenate(names))))
    write_element(file, "uns", dict(uns))
    n_features, at = sum(each.size for each in features), 0
    maps: dict[str, dict[str, np.ndarray]] = {"obsmap": {}, "varmap": {}}
    masks: dict[str, dict[str, np.ndarray]] = {"obsm": {}, "varm": {}}
    for name, own in zip(modalities, features, strict=True):
        place = np.zeros(n_features, dtype=np.uint32)  # number of the feature in its modality, from 1; 0 elsewhere
        place[at : at + own.size] = np.arange(1, own.size + 1)
        at += own.size
        maps["obsmap"][name] = np.arange(1, len(obs) + 1, dtype=np.uint32)
        maps["varmap"][name] = place
        masks["obsm"][name] = np.ones(len(obs), dtype=bool)
        masks["varm"][name] = place > 0
    for key, values in {**maps, **masks, "obsp": {}, "varp": {}}.items():
        write_element(file, key, values)
    group = file.create_group("mod")
    group.attrs["mod-order"] = list(modalities)
    for name, modality in modalities.items():
        _write_modality(group.create_group(name), modality)


def _write_modality(group: Any, modality: WrittenModality) -> None:
    mark(group, "anndata", "0.1.0")
    write_element(group, "obs", modality.obs)
    write_element(group, "var", modality.var)
    write_element(group, "uns", dict(modality.uns))
    for key in MORE_GROUPS:
        write_element(group, key, {})
    shape = (len(modality.obs), len(modality.var))
    pieces = (modality.rows(start, stop) for start, stop in row_chunks(*shape))
    (_write_sparse if modality.is_sparse else _write_dense)(group, pieces, shape)


def _write_dense(group: Any, pieces: Iterator[Any], shape: tuple[int, int]) -> None:
    chunk = (max(1, min(shape[0], 2**16 // max(shape[1], 1))), max(1, shape[1]))
    matrix = group.create_dataset("X", shape, np.float32, chunks=chunk if all(shape) else None, **packing_of(shape))
    mark(matrix, "array", "0.2.0")
    at = 0
    for piece in pieces:
        matrix[at : at + piece.shape[0]] = piece
        at += piece.shape[0]


def _write_sparse(group: Any, pieces: Iterator[Any], shape: tuple[int, int]) -> None:
    matrix = group.create_group("X")
    mark(matrix, "csr_matrix", "0.1.0").attrs["shape"] = np.array(shape)
    stored = {
        name: matrix.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(2**16,), **COMPRESSION)
        for name, kind in (("data", np.float32), ("indices", np.int32))
    }
    lengths = [np.zeros(1, dtype=np.int64)]
    for piece in pieces:
        rows = sparse.csr_matrix(piece)
        for name, values in (("data", rows.data), ("indices", rows.indices)):
            at = stored[name].shape[0]
            stored[name].resize((at + values.size,))
            stored[name][at:] = values
        lengths.append(np.diff(rows.indptr).astype(np.int64))
    starts = np.cumsum(np.concatenate(lengths))
    if starts[-1] > MOST_SHORT:
        _widen(matrix)
    matrix.create_dataset("indptr", data=starts.astype(matrix["indices"].dtype), **COMPRESSION)
    for name in ("data", "indices", "indptr"):
        mark(matrix[name], "array", "0.2.0")


def _widen(matrix: Any) -> None:
    """Make the column numbers as long as the starts of the rows: scikit-learn refuses a matrix that mixes both."""
    narrow = matrix["indices"]
    wide = matrix.create_dataset("wide", narrow.shape, np.int64, maxshape=(None,), chunks=narrow.chunks, **COMPRESSION)
    for start, stop in row_chunks(narrow.shape[0], 1):
        wide[start:stop] = narrow[start:stop]
    del matrix["indices"]
    matrix.move("wide", "indices")


def _distinct(names: list[np.ndarray], modalities: list[str]) -> list[np.ndarray]:
    """The names of all features; with the name of the modality in front where two modalities share some."""
    if np.unique(np.concatenate(names)).size == sum(each.size for each in names):
        return names
    return [np.array([f"{name}:{each}" for each in own]) for name, own in zip(modalities, names, strict=True)]
