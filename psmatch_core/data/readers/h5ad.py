"""The h5ad reader: files of anndata 0.6 and later with one AnnData object, whether Python or R wrote them.

Offered are X, the layers, raw, and what lies in obsm: arrays, sparse matrices, stacks of images, and tables, whose
columns of numbers are features. A part of these places that is no matrix is named. Matrices of cells × cells (obsp)
and of features (varm, varp) are not cells × features and are not offered.

Features are called by a column of ``var`` where its index holds ids (``feature_names.py``), and columns of a plain
array in obsm by a list of ``uns`` such as ``protein_names``. The reader uses h5py instead of anndata, whose import
takes a second: as long as the first look at a file may take.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.feature_names import (
    ID_COLUMNS,
    NAME_COLUMNS,
    FeatureNames,
    choose_names,
    naming_list,
    numbered_names,
)
from psmatch_core.data.feature_types import TYPE_COLUMNS, types_of_features
from psmatch_core.data.images import SHAPE_KEY, fitting_shape, flattened, pixel_names
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, MatrixHeader, Opening, Source, computable
from psmatch_core.data.readers.h5_obsm import ObsmTable, is_table
from psmatch_core.data.readers.h5_safety import attribute_text, checked
from psmatch_core.data.readers.h5_sparse import SparseRows, is_sparse_group, sparse_shape
from psmatch_core.data.readers.h5_tables import Table, texts_of

if TYPE_CHECKING:
    import pandas as pd


class H5adSource(Source):
    """An opened h5ad file, or a group that holds what such a file does."""

    def __init__(self, opening: Opening, file: Any) -> None:
        super().__init__(opening)
        self._max_bytes = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
        self._file = file
        self._obs = self._table("obs", "cell names")
        self._var = self._table("var", "feature names")
        self._obs_names = self._obs.names()
        self._sparse: dict[str, SparseRows] = {}
        self._tables: dict[str, ObsmTable] = {}
        self._headers = tuple(self._found_headers())
        if self._obs.is_compound or "encoding-type" not in self._file["obs"].attrs:
            problem = (
                f"{self.shown} was written by an old version of anndata; labels and names were decoded from its layout."
            )
            self.findings.append(
                warning("PM-F42", problem, "Check the labels; save the file again with a current version.")
            )

    @property
    def obs_names(self) -> list[str]:
        return self._obs_names

    @cached_property
    def _features(self) -> FeatureNames:
        return self._named(self._var)

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return self._headers

    def _found_headers(self) -> Iterator[MatrixHeader]:
        places = [("X", "X")] if "X" in self._file else []
        unread: list[str] = []
        for kind in ("layers", "obsm"):
            group = self._file.get(kind)
            if hasattr(group, "keys"):
                places += [(f"{kind}/{name}", f"{kind}/{name}") for name in group]
            elif group is not None:  # before anndata 0.7: one array with a field for each matrix
                unread += [f"{kind}/{name}" for name in group.dtype.names or ()]
        places += [("raw", place) for place in ("raw/X", "raw.X") if place in self._file][:1]
        for key, place in places:
            item = self._file[place]
            if is_sparse_group(item):
                values = item.get("data")
                yield MatrixHeader(key, sparse_shape(item, self.shown), getattr(values, "dtype", "O"), True)
            elif key.startswith("obsm/") and is_table(item):
                try:
                    self._tables[key] = ObsmTable(self._table(place, "names"), key, self._max_bytes)
                except PsmatchError as error:
                    problem = f"{error.problem} It cannot be chosen as a matrix."
                    self.findings.append(warning(error.code, problem, error.hint))
                else:
                    yield self._tables[key].header
            elif hasattr(item, "keys"):
                unread.append(key)
            elif item.shape is not None and attribute_text(item, "encoding-type") != "null":
                yield self._dense_header(key, item)
        if unread:
            problem = f"{self.shown}: {name_list(unread)} cannot be read as a matrix and cannot be chosen."
            self.findings.append(
                warning("PM-F70", problem, "Nothing, if you do not need it; otherwise save it as an array or a table.")
            )

    def _dense_header(self, key: str, item: Any) -> MatrixHeader:
        shape = tuple(item.shape)
        if key.startswith("obsm/") and len(shape) == 4:
            flat = (shape[0], math.prod(shape[1:]))
            return MatrixHeader(key, flat, item.dtype, False, (shape[1], shape[2], shape[3]))
        declared = self._file.get(f"uns/{SHAPE_KEY}")
        is_declared = key == "X" and len(shape) == 2 and declared is not None and getattr(declared, "shape", ()) == (3,)
        image_shape = fitting_shape(declared[...], shape[1]) if is_declared and declared is not None else None
        return MatrixHeader(key, shape, item.dtype, False, image_shape)

    def var_names(self, key: str) -> list[str]:
        header = next(each for each in self.headers if each.key == key)
        if key.startswith("obsm/") and header.image_shape is not None:
            return pixel_names(header.image_shape, key.removeprefix("obsm/"))
        if key in self._tables:
            return self._tables[key].names
        if key.startswith("obsm/"):
            return self._names_of_array(key, header.shape[1] if len(header.shape) == 2 else 0)
        return self._features_of(key).names

    def feature_ids(self, key: str) -> list[str] | None:
        return None if key.startswith("obsm/") else self._features_of(key).ids

    def feature_table(self, key: str) -> pd.DataFrame | None:
        if key.startswith("obsm/"):
            return None
        import pandas as pd

        table, columns, names = self._var_of(key), {}, self.var_names(key)
        for column in table.columns:
            with suppress(PsmatchError):  # one that cannot be read is not needed for anything
                columns[column] = table.column(column, len(names)).array
        return pd.DataFrame(columns, index=pd.Index(names))

    def feature_types(self, key: str) -> list[str] | None:
        if key.startswith("obsm/"):
            return None
        table, columns = self._var_of(key), {}
        for column in TYPE_COLUMNS:
            if column in table.columns:
                with suppress(PsmatchError):
                    columns[column] = table.column(column, len(table.names()))
        return types_of_features(columns)

    def _var_of(self, key: str) -> Table:
        if key == "raw":
            return self._table("raw/var" if "raw/var" in self._file else "raw.var", "feature names of raw")
        return self._var

    def _features_of(self, key: str) -> FeatureNames:
        return self._named(self._var_of(key)) if key == "raw" else self._features

    def _named(self, table: Table) -> FeatureNames:
        """Names and ids of a table of features; a column that cannot be read names nothing."""
        names, columns = table.names(), {}
        for column in (*NAME_COLUMNS, *ID_COLUMNS):
            if column in table.columns:
                with suppress(PsmatchError):
                    columns[column] = table.column(column, len(names)).tolist()
        return choose_names(names, columns)

    def _names_of_array(self, key: str, n_features: int) -> list[str]:
        name, uns = key.removeprefix("obsm/"), self._file.get("uns")
        lists = {}
        for each in uns if hasattr(uns, "keys") else ():
            item = uns.get(each)
            if len(getattr(item, "shape", None) or ()) == 1 and item.dtype.kind in "OSUT":
                lists[str(each)] = int(item.shape[0])
        naming = naming_list(name, n_features, lists)
        if naming is None:
            return numbered_names(name, n_features)
        return texts_of(uns[naming], self.shown, self._max_bytes, self.findings)

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        if key in self._tables:
            yield from self._tables[key].rows(self._obs_names, limit)
            return
        item = self._item(key)
        if is_sparse_group(item):
            yield from self._sparse_rows(key).rows(limit)
            return
        yield from self._run_of_array(item, 0, item.shape[0], limit)

    def n_stored(self, key: str) -> int:
        if key in self._tables:
            return 0  # stored by column
        item = self._item(key)
        return self._sparse_rows(key).n_stored if is_sparse_group(item) else math.prod(item.shape)

    def run(self, key: str, start: int, stop: int, limit: int) -> Iterator[Any]:
        item = self._item(key)
        if is_sparse_group(item):
            return self._sparse_rows(key).run(start, stop, limit)
        return self._run_of_array(item, start, stop, limit)

    def _run_of_array(self, item: Any, start: int, stop: int, limit: int) -> Iterator[Any]:
        """Rows of an array; of images each as one row."""
        values = checked(item, self.shown, max_bytes=self._max_bytes)
        step = max(1, limit // max(1, math.prod(values.shape[1:])))
        if values.chunks:  # whole stored chunks, or each would be decompressed several times
            step = max(values.chunks[0], step // values.chunks[0] * values.chunks[0])
        for at in range(start, stop, step):
            yield _flat(computable(values[at : min(at + step, stop)]))

    def whole(self, key: str) -> Any:
        if key in self._tables:
            return self._tables[key].whole(self._obs_names)
        item = self._item(key)
        if is_sparse_group(item):
            return self._sparse_rows(key).whole()
        return _flat(computable(checked(item, self.shown, max_bytes=self._max_bytes)[...]))

    def is_canonical(self, key: str) -> bool:
        return key not in self._sparse or self._sparse[key].is_canonical

    @property
    def column_names(self) -> tuple[str, ...]:
        return self._obs.columns

    def column(self, name: str) -> pd.Series:
        return self._obs.column(name, len(self._obs_names))

    def close(self) -> None:
        self._file.close()

    def _item(self, key: str) -> Any:
        if key == "raw":
            return self._file["raw/X" if "raw/X" in self._file else "raw.X"]
        return self._file[key]

    def _sparse_rows(self, key: str) -> SparseRows:
        if key not in self._sparse:
            self._sparse[key] = SparseRows(self._item(key), self.shown, key, self._max_bytes)
        return self._sparse[key]

    def _table(self, place: str, what: str) -> Table:
        item = self._file.get(place)
        if item is None:
            raise PsmatchError(
                f"{self.shown} has no {display(place)}: the {what} are missing.",
                hint="Save the file again from the original object.",
                code="PM-F44",
            )
        uns = self._file.get("uns")
        return Table(item, self.shown, self._max_bytes, category_texts=uns, findings=self.findings)


def _flat(values: Any) -> Any:
    return flattened(values)[0] if values.ndim == 4 else values
