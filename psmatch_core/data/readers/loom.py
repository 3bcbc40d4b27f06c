"""The loom reader: one matrix of genes × cells in HDF5, with layers of the same size, formats 2 and 3.

Cells are called by ``col_attrs/CellID`` or another of the usual names, genes by ``row_attrs/Gene`` with the ids of
``Accession``. Attributes of cells with one value are annotation columns; those with several, such as embeddings, are
matrices (``obsm/NAME``), also where they are records of numbers, as SCope writes them. Layers are ``layers/NAME``.
Graphs are no matrices of cells × features and are not offered. A file without names of cells or genes is refused.

Source: linnarssonlab.org/loompy, "Loom file format specs".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.data.feature_names import ID_COLUMNS, choose_names, distinct_names, numbered_names
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, MatrixHeader, Opening, Source, computable
from psmatch_core.data.readers.h5_safety import checked
from psmatch_core.data.readers.h5_tables import Table

if TYPE_CHECKING:
    import pandas as pd

CELL_NAMES = ("CellID", "obs_names", "cell_names", "CellNames", "cell_id", "barcode", "barcodes", "Barcode", "index")
GENE_NAMES = ("Gene", "var_names", "gene_names", "GeneName", "gene_name", "Accession", "gene_ids", "index")


def is_loom(root: Any) -> bool:
    """Whether an HDF5 file is a loom file."""
    return {"row_attrs", "col_attrs"} <= set(root)


class LoomSource(Source):
    """An opened loom file."""

    format_name = "loom"

    def __init__(self, opening: Opening, file: Any) -> None:
        super().__init__(opening)
        self._file = file
        self._max_bytes = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
        if "matrix" not in file:
            problem = f"{self.shown} is a loom file without its matrix."
            raise PsmatchError(problem, hint="Download or copy it again.", code="PM-F38")
        self._cells, self._genes = self._table("col_attrs", CELL_NAMES), self._table("row_attrs", GENE_NAMES)
        self._obs_names = self._cells.names()
        names = self._genes.names()
        ids = {
            each: self._genes.column(each, len(names)).tolist() for each in ID_COLUMNS if each in self._genes.columns
        }
        found = choose_names(names, ids)
        self._features, self._ids = distinct_names(found.names, found.ids), found.ids
        shapes = {name: self._file[f"col_attrs/{name}"] for name in self._cells.columns}
        self._columns = tuple(name for name, each in shapes.items() if not _is_matrix(each))
        self._embeddings = tuple(name for name, each in shapes.items() if _is_matrix(each))

    @property
    def obs_names(self) -> list[str]:
        return self._obs_names

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        layers = self._file.get("layers")
        places = {"X": "matrix"} | {f"layers/{each}": f"layers/{each}" for each in (layers or ())}
        found = [
            MatrixHeader(key, tuple(self._file[place].shape)[::-1], self._file[place].dtype, False)
            for key, place in places.items()
            if hasattr(self._file.get(place), "shape")
        ]
        for name in self._embeddings:
            item = self._file[f"col_attrs/{name}"]
            n_columns = len(item.dtype.names) if item.dtype.names else item.shape[1]
            dtype = np.dtype("f8") if item.dtype.names else item.dtype
            found.append(MatrixHeader(f"obsm/{name}", (item.shape[0], n_columns), dtype, False))
        return tuple(found)

    def var_names(self, key: str) -> list[str]:
        if not key.startswith("obsm/"):
            return self._features
        name = key.removeprefix("obsm/")
        item = self._file[f"col_attrs/{name}"]
        if item.dtype.names:
            return [f"{name}{each}" if each.startswith("_") else each for each in item.dtype.names]
        return numbered_names(name, item.shape[1])

    def feature_ids(self, key: str) -> list[str] | None:
        return None if key.startswith("obsm/") else self._ids

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        if key.startswith("obsm/"):
            yield self.whole(key)
            return
        values = self._values(key)  # genes × cells
        step = max(1, limit // max(1, values.shape[0]))
        if values.chunks:  # whole stored chunks, or each would be decompressed several times
            step = max(values.chunks[1], step // values.chunks[1] * values.chunks[1])
        for start in range(0, values.shape[1], step):
            yield np.ascontiguousarray(computable(values[:, start : start + step]).T)

    def whole(self, key: str) -> Any:
        if not key.startswith("obsm/"):
            return np.ascontiguousarray(computable(self._values(key)[...]).T)
        name = key.removeprefix("obsm/")
        values = checked(self._file[f"col_attrs/{name}"], self.shown, max_bytes=self._max_bytes)[...]
        if values.dtype.names:
            return np.column_stack([values[each].astype("f8") for each in values.dtype.names])
        return computable(values)

    @property
    def column_names(self) -> tuple[str, ...]:
        return self._columns

    def column(self, name: str) -> pd.Series:
        return self._cells.column(name, len(self._obs_names))

    def close(self) -> None:
        self._file.close()

    def _values(self, key: str) -> Any:
        return checked(self._file["matrix" if key == "X" else key], self.shown, max_bytes=self._max_bytes)

    def _table(self, place: str, usual: tuple[str, ...]) -> Table:
        group = self._file[place]
        index = next((each for each in usual if each in group), None) if hasattr(group, "keys") else None
        if index is None:
            what = "cells" if place == "col_attrs" else "genes"
            raise PsmatchError(
                f"{self.shown} is a loom file without names of {what}: {display(place)} has none of "
                f"{', '.join(usual[:3])}.",
                hint=f"Add {usual[0]} to {place} in the program that wrote it.",
                code="PM-F38",
            )
        return Table(group, self.shown, self._max_bytes, index=index, findings=self.findings)


def _is_matrix(item: Any) -> bool:
    """Whether an attribute of cells has several numbers for each cell."""
    if hasattr(item, "keys"):
        return False
    kinds = [item.dtype[name].kind for name in item.dtype.names or ()]
    return all(each in "biuf" for each in kinds) if kinds else len(item.shape) == 2 and item.shape[1] > 1
