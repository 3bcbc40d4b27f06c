"""The reader of 10x matrices (Cell Ranger, HDF5): one group with barcodes, features and a sparse matrix by barcode.

Source: 10x Genomics, Feature-Barcode Matrices (HDF5 format), Cell Ranger 3 and later; Cell Ranger 2 has one group for
each genome.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import name_list
from psmatch_core.data.feature_names import distinct_names
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, MatrixHeader, Opening, Source
from psmatch_core.data.readers.h5_safety import checked, damaged
from psmatch_core.data.readers.h5_sparse import SparseRows

if TYPE_CHECKING:
    import pandas as pd

GROUP = "matrix"  # of Cell Ranger 3 and later
_PARTS = ("barcodes", "data", "indices", "indptr", "shape")


def tenx_groups(file: Any) -> tuple[str, ...]:
    """The groups of an HDF5 file that are 10x matrices; empty if it is no such file."""
    if "obs" in file or "row_attrs" in file:
        return ()
    return tuple(name for name in file if hasattr(file[name], "keys") and "barcodes" in file[name])


@dataclass(frozen=True)
class TenxTables:
    """Names in a 10x matrix: of cells, and of features with their ids, types and genomes, each None if absent."""

    barcodes: list[str]
    names: list[str]
    ids: list[str] | None = None
    types: list[str] | None = None
    genomes: list[str] | None = None


class TenxSource(Source):
    """An opened 10x matrix; it has no annotation columns, so that labels come from a second table."""

    format_name = "10x"

    def __init__(self, opening: Opening, tables: TenxTables) -> None:
        super().__init__(opening)
        self._tables = tables
        self._var_names = distinct_names(tables.names, tables.ids)
        found = [each for each in dict.fromkeys(tables.genomes or ()) if each.strip()]
        if len(found) > 1:  # cells of two species would be matched with each other
            raise several_genomes(self.shown, found)

    @property
    def obs_names(self) -> list[str]:
        return self._tables.barcodes

    def var_names(self, key: str) -> list[str]:
        return self._var_names

    def feature_ids(self, key: str) -> list[str] | None:
        return self._tables.ids

    def feature_types(self, key: str) -> list[str] | None:
        return self._tables.types

    @property
    def column_names(self) -> tuple[str, ...]:
        return ()

    def column(self, name: str) -> pd.Series:
        raise KeyError(name)


class TenxHdf5Source(TenxSource):
    """An opened 10x matrix in HDF5."""

    def __init__(self, opening: Opening, file: Any) -> None:
        self.shown = opening.shown
        self._file = file
        self._max_bytes = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
        groups = tenx_groups(file)
        if len(groups) > 1:
            raise several_genomes(self.shown, groups)
        self._group = file[groups[0]]
        missing = [part for part in _PARTS if part not in self._group]
        names = next((part for part in ("features/name", "gene_names") if part in self._group), None)
        if missing or names is None:
            raise incomplete(self.shown, missing or ["feature names"])
        stored = np.ravel(self._values("shape"))
        if stored.size != 2 or stored.dtype.kind not in "iu" or stored.min() < 0:
            raise damaged(self.shown, "its 10x matrix has no valid shape")
        self._shape = (int(stored[1]), int(stored[0]))  # stored as features × barcodes
        self._matrix: SparseRows | None = None
        tables = TenxTables(
            self._texts("barcodes"),
            self._texts(names),
            self._optional("features/id" if names == "features/name" else "genes"),
            self._optional("features/feature_type"),
            self._optional("features/genome"),
        )
        super().__init__(opening, tables)

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return (MatrixHeader("X", self._shape, self._group["data"].dtype, True),)

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        yield from self._sparse().rows(limit)

    def n_stored(self, key: str) -> int:
        return self._sparse().n_stored

    def run(self, key: str, start: int, stop: int, limit: int) -> Iterator[Any]:
        return self._sparse().run(start, stop, limit)

    def whole(self, key: str) -> Any:
        return self._sparse().whole()

    def is_canonical(self, key: str) -> bool:
        return self._matrix is None or self._matrix.is_canonical

    def close(self) -> None:
        self._file.close()

    def _sparse(self) -> SparseRows:
        """The matrix; by feature × barcode and column it is the same as by barcode × feature and row."""
        if self._matrix is None:
            self._matrix = SparseRows(self._group, self.shown, "X", self._max_bytes, shape=self._shape)
        return self._matrix

    def _values(self, part: str) -> Any:
        return checked(self._group[part], self.shown, max_bytes=self._max_bytes)[...]

    def _optional(self, part: str) -> list[str] | None:
        return self._texts(part) if part in self._group else None

    def _texts(self, part: str) -> list[str]:
        values = np.atleast_1d(self._values(part))
        if values.ndim != 1:
            raise damaged(self.shown, f"{part} of its 10x matrix is not a list")
        return [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values.tolist()]


def incomplete(shown: str, missing: Sequence[str]) -> PsmatchError:
    """The error of a 10x matrix without one of its parts."""
    problem = f"{shown} is an incomplete 10x (Cell Ranger) matrix: {', '.join(missing)} missing."
    return PsmatchError(problem, hint="Download or copy it again.", code="PM-F35")


def several_genomes(shown: str, genomes: Sequence[str]) -> PsmatchError:
    """The error of a 10x matrix with cells of several species."""
    return PsmatchError(
        f"{shown} holds {plural(len(genomes), 'genome')} ({name_list(genomes)}) in one 10x (Cell Ranger) matrix.",
        hint="Keep one genome, for instance with scanpy's read_10x_h5(genome=…), and save it with write_h5ad.",
        code="PM-F35",
    )
