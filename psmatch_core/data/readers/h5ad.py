"""The h5ad reader: files of anndata 0.6 and later with one AnnData object.

It reads with h5py instead of anndata, whose import takes a second: as long as the first look at a file may take.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.images import SHAPE_KEY, fitting_shape, flattened, pixel_names
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, MatrixHeader, Opening, Reader, Source, computable
from psmatch_core.data.readers.h5_safety import checked, open_scanned
from psmatch_core.data.readers.h5_sparse import SparseRows, is_sparse_group, sparse_shape
from psmatch_core.data.readers.h5_tables import Table
from psmatch_core.data.readers.signature import Signature
from psmatch_core.data.readers.tenx import TenxSource, tenx_groups

if TYPE_CHECKING:
    import pandas as pd


class H5adReader(Reader):
    """Reads h5ad files, and 10x matrices, which are HDF5 too."""

    name = "h5ad"

    def accepts(self, signature: Signature) -> bool:
        return signature.content == "hdf5" and not signature.is_gzipped

    def open(self, opening: Opening) -> Source:
        file = open_scanned(opening.path, opening.shown)
        try:
            return TenxSource(opening, file) if tenx_groups(file) else H5adSource(opening, file)
        except BaseException:
            file.close()
            raise


class H5adSource(Source):
    """An opened h5ad file."""

    def __init__(self, opening: Opening, file: Any) -> None:
        super().__init__(opening)
        self._max_bytes = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
        self._file = file
        _refuse_other_layouts(self._file, self.shown)
        self._obs = self._table("obs", "cell names")
        self._var = self._table("var", "feature names")
        self._obs_names = self._obs.names()
        self._sparse: dict[str, SparseRows] = {}
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
    def _main_var_names(self) -> list[str]:
        return self._var.names()

    @cached_property
    def headers(self) -> tuple[MatrixHeader, ...]:
        places = [("X", "X")] if "X" in self._file else []
        for kind in ("layers", "obsm"):
            group = self._file.get(kind)
            places += [(f"{kind}/{name}", f"{kind}/{name}") for name in group] if hasattr(group, "keys") else []
        places += [("raw", place) for place in ("raw/X", "raw.X") if place in self._file][:1]
        headers = []
        for key, place in places:
            item = self._file[place]
            if is_sparse_group(item):
                values = item.get("data")
                headers.append(MatrixHeader(key, sparse_shape(item, self.shown), getattr(values, "dtype", "O"), True))
            elif hasattr(item, "shape") and item.shape is not None:  # a group here is a table or a missing value
                headers.append(self._dense_header(key, item))
        return tuple(headers)

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
        n_features = header.shape[1]
        if key.startswith("obsm/"):
            return [f"{key.removeprefix('obsm/')}_{i + 1}" for i in range(n_features)]
        if key == "raw":
            place = "raw/var" if "raw/var" in self._file else "raw.var"
            return self._table(place, "feature names of raw").names()
        return self._main_var_names

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        item = self._item(key)
        if is_sparse_group(item):
            yield from self._sparse_rows(key).rows(limit)
            return
        values = checked(item, self.shown, max_bytes=self._max_bytes)
        step = max(1, limit // max(1, math.prod(values.shape[1:])))
        if values.chunks:  # whole stored chunks, or each would be decompressed several times
            step = max(values.chunks[0], step // values.chunks[0] * values.chunks[0])
        for start in range(0, values.shape[0], step):
            yield _flat(computable(values[start : start + step]))

    def whole(self, key: str) -> Any:
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
        return Table(item, self.shown, self._max_bytes, self._file.get("uns"))


def _flat(values: Any) -> Any:
    return flattened(values)[0] if values.ndim == 4 else values


def _refuse_other_layouts(file: Any, shown: str) -> None:
    """Refuse other formats that are stored in HDF5, each by its name."""
    names = set(file)
    kind = file.attrs.get("encoding-type", "")
    hint = "Convert it to h5ad: read it with scanpy and save it with write_h5ad."
    if "mod" in names or str(kind).lower() == "mudata":
        mods = ", ".join(display(each, 16) for each in list(file.get("mod", ()))[:4])
        problem = f"{shown} is an h5mu file with several modalities ({mods}), which is not read yet."
        raise PsmatchError(
            problem, hint="Save each modality as its own h5ad: mdata['NAME'].write_h5ad(…).", code="PM-F41"
        )
    if "obs" in names or kind == "anndata":
        return
    if {"row_attrs", "col_attrs"} <= names:
        raise PsmatchError(f"{shown} is a loom file, which is not read yet.", hint=hint, code="PM-F38")
    raise PsmatchError(
        f"{shown} is an HDF5 file but not an AnnData (h5ad) file: it has no cell table (obs).",
        hint="Save it as h5ad from the program that wrote it.",
        code="PM-F43",
    )
