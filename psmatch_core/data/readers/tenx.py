"""The reader of 10x matrices (Cell Ranger, HDF5): one group with barcodes, features and a sparse matrix by barcode.

Source: 10x Genomics, Feature-Barcode Matrices (HDF5 format), Cell Ranger 3 and later; Cell Ranger 2 has one group for
each genome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import name_list
from psmatch_core.data.checks.findings import warning
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


class TenxSource(Source):
    """An opened 10x matrix; it has no annotation columns, so that labels come from a second table."""

    format_name = "10x"

    def __init__(self, opening: Opening, file: Any) -> None:
        super().__init__(opening)
        self._file = file
        self._max_bytes = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
        groups = tenx_groups(file)
        if len(groups) > 1:
            raise self._refused(f"holds {plural(len(groups), 'genome')} ({name_list(groups)})", "Keep one genome")
        self._group = file[groups[0]]
        missing = [part for part in _PARTS if part not in self._group]
        names = next((part for part in ("features/name", "gene_names") if part in self._group), None)
        if missing or names is None:
            lost = name_list(missing or ["feature names"])
            problem = f"{self.shown} is an incomplete 10x (Cell Ranger) matrix: {lost} missing."
            raise PsmatchError(problem, hint="Download or copy it again.", code="PM-F35")
        stored = np.ravel(self._values("shape"))
        if stored.size != 2 or stored.dtype.kind not in "iu" or stored.min() < 0:
            raise damaged(self.shown, "its 10x matrix has no valid shape")
        self._obs_names = self._texts("barcodes")
        self._shape = (int(stored[1]), int(stored[0]))  # stored as features × barcodes
        ids = "features/id" if names == "features/name" else "genes"
        self._ids = self._texts(ids) if ids in self._group else None
        self._var_names = distinct_names(self._texts(names), self._ids)
        self._refuse_genomes()
        self._warn_about_types()
        self._matrix: SparseRows | None = None

    @property
    def obs_names(self) -> list[str]:
        return self._obs_names

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return (MatrixHeader("X", self._shape, self._group["data"].dtype, True),)

    def var_names(self, key: str) -> list[str]:
        return self._var_names

    def feature_ids(self, key: str) -> list[str] | None:
        return self._ids

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        yield from self._sparse().rows(limit)

    def whole(self, key: str) -> Any:
        return self._sparse().whole()

    def is_canonical(self, key: str) -> bool:
        return self._matrix is None or self._matrix.is_canonical

    @property
    def column_names(self) -> tuple[str, ...]:
        return ()

    def column(self, name: str) -> pd.Series:
        raise KeyError(name)

    def close(self) -> None:
        self._file.close()

    def _sparse(self) -> SparseRows:
        """The matrix; by feature × barcode and column it is the same as by barcode × feature and row."""
        if self._matrix is None:
            self._matrix = SparseRows(self._group, self.shown, "X", self._max_bytes, shape=self._shape)
        return self._matrix

    def _refuse_genomes(self) -> None:
        """Refuse features of several genomes in one matrix: cells of two species are matched with each other."""
        if "features/genome" in self._group:
            found = [each for each in dict.fromkeys(self._texts("features/genome")) if each.strip()]
            if len(found) > 1:
                raise self._refused(f"holds {plural(len(found), 'genome')} ({name_list(found)})", "Keep one genome")

    def _warn_about_types(self) -> None:
        if "features/feature_type" not in self._group:
            return
        counts = Counter(self._texts("features/feature_type"))
        if len(counts) > 1:
            kinds = name_list((f"{name} {count:,}" for name, count in counts.most_common()), 3)
            problem = f"{self.shown} holds {plural(len(counts), 'type')} of features in one matrix: {kinds}."
            self.findings.append(
                warning("PM-F37", problem, "They are used together; to choose one, save it as its own file.")
            )

    def _refused(self, what: str, way: str) -> PsmatchError:
        hint = f"{way}, for instance with scanpy's read_10x_h5(genome=…), and save it with write_h5ad."
        return PsmatchError(f"{self.shown} {what} in one 10x (Cell Ranger) file.", hint=hint, code="PM-F35")

    def _values(self, part: str) -> Any:
        return checked(self._group[part], self.shown, max_bytes=self._max_bytes)[...]

    def _texts(self, part: str) -> list[str]:
        values = np.atleast_1d(self._values(part))
        if values.ndim != 1:
            raise damaged(self.shown, f"{part} of its 10x matrix is not a list")
        return [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values.tolist()]
