"""An AnnData object in memory, read by the same rules as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.data.chosen_matrix import chosen_matrix, feature_columns
from psmatch_core.data.embedding_names import is_embedding
from psmatch_core.data.feature_names import left_out_columns
from psmatch_core.data.feature_types import types_of_features
from psmatch_core.data.readers.base import MatrixHeader, Source, computable, first_two
from psmatch_core.data.readers.delimited_rows import free_name, repeated_column
from psmatch_core.data.sparse_faults import check_sparse

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_CONTAINERS = (list, tuple, set, dict, np.ndarray)  # in a column of cells they count as their text


class AnnDataSource(Source):
    """One matrix of an AnnData object, with the columns of its cells.

    Parameters
    ----------
    matrix
        ``X``, ``raw``, ``layers/NAME`` or ``obsm/NAME``.
    shown
        Name of the object in messages.

    Raises
    ------
    PsmatchError
        If the object has no such matrix, or its sparse matrix contradicts itself.
    """

    def __init__(self, adata: AnnData, matrix: str, *, shown: str) -> None:
        self.path, self.shown = Path(), shown
        self.findings, self.excluded = [], []
        self._adata, self._key = adata, matrix
        self._X, self._features, self._image_shape = chosen_matrix(adata, matrix, shown)
        if isinstance(self._X, np.ndarray):
            self._X = computable(self._X)
        check_sparse(self._X, shown=shown, matrix=matrix)
        if self._features.left_out:
            self.findings.append(left_out_columns(shown, matrix, self._features.left_out))
        self._places: dict[str, int] = {}
        for at, name in enumerate(map(str, adata.obs.columns)):
            free = free_name(name, self._places)
            if free != name:
                self.findings.append(repeated_column(shown, name, free))
            self._places[free] = at

    @property
    def obs_names(self) -> list[str]:
        return [str(each) for each in self._adata.obs_names]

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        is_sparse = hasattr(self._X, "tocsr")
        return (MatrixHeader(self._key, self._X.shape, self._X.dtype, is_sparse, self._image_shape),)

    def var_names(self, key: str) -> list[str]:
        return [str(each) for each in self._features.names]

    def feature_ids(self, key: str) -> list[str] | None:
        return self._features.ids

    def feature_table(self, key: str) -> pd.DataFrame | None:
        return feature_columns(self._adata, key, np.asarray(self._features.names, dtype=str))

    def feature_types(self, key: str) -> list[str] | None:
        if key.startswith("obsm/"):
            return None
        var = self._adata.raw.var if key == "raw" else self._adata.var
        return types_of_features({str(each): var[each] for each in var.columns})

    def embeddings(self, used: str) -> dict[str, np.ndarray]:
        found = {}
        for name, values in self._adata.obsm.items():
            kind = getattr(getattr(values, "dtype", None), "kind", "O")  # a table has no dtype of its own
            if f"obsm/{name}" != used and kind in "biuf" and is_embedding(str(name), _n_columns(values.shape)):
                found[str(name)] = first_two(values)
        return found

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        for start, stop in row_chunks(self._X.shape[0], self._X.shape[1], limit):
            yield self._X[start:stop]

    def whole(self, key: str) -> Any:
        return self._X

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self._places)

    def column(self, name: str) -> pd.Series:
        values = self._adata.obs.iloc[:, self._places[name]].reset_index(drop=True)
        if values.dtype == object and any(isinstance(each, _CONTAINERS) for each in values):
            return values.map(lambda each: str(each) if isinstance(each, _CONTAINERS) else each)
        return values

    def close(self) -> None:
        """Nothing to do: the object is in memory."""


def _n_columns(shape: tuple[int, ...]) -> int:
    return shape[1] if len(shape) == 2 else 0
