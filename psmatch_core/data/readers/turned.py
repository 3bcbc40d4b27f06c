"""A file with features in its rows and cells in its columns, as many tables of counts are, seen as all others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.data.checks import name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.checks.names import looks_transposed
from psmatch_core.data.names.core_names import core_names
from psmatch_core.data.readers.base import MatrixHeader, Source, WrappedSource
from psmatch_core.data.readers.label_rows import JOINED_SHARE

if TYPE_CHECKING:
    import pandas as pd


class TurnedSource(WrappedSource):
    """A file whose columns are the cells of a table of labels.

    Parameters
    ----------
    shown
        The name of the table in messages.
    """

    def __init__(self, inner: Source, shown: str) -> None:
        super().__init__(inner)
        self._matrix = cache(self._turned)
        cells, features = name_list(self.obs_names, 2), name_list(inner.obs_names, 2)
        problem = (
            f"{self.shown} has features in its rows ({features}) and cells in its columns, since the cells of {shown} "
            f"are its columns ({cells}): it is read turned."
        )
        self.findings.append(warning("PM-F79", problem, "Check that the rows are the features."))

    @property
    def obs_names(self) -> list[str]:
        return self._inner.var_names(self._inner.headers[0].key)

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        [header] = self._inner.headers
        return (replace(header, shape=header.shape[::-1]),)

    def var_names(self, key: str) -> list[str]:
        return self._inner.obs_names

    def feature_ids(self, key: str) -> list[str] | None:
        return None

    def feature_table(self, key: str) -> pd.DataFrame | None:
        import pandas as pd

        columns = {name: self._inner.column(name).array for name in self._inner.column_names}
        return pd.DataFrame(columns, index=pd.Index(self._inner.obs_names)) if columns else None

    def embeddings(self, used: str) -> dict[str, np.ndarray]:
        return {}

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        X = self._matrix(key)
        stored = -(-X.nnz // max(1, X.shape[0])) if hasattr(X, "nnz") else X.shape[1]
        for start, stop in row_chunks(X.shape[0], stored, limit):
            yield X[start:stop]

    def n_stored(self, key: str) -> int:
        return 0

    def whole(self, key: str) -> Any:
        return self._matrix(key)

    def _turned(self, key: str) -> Any:
        X = self._inner.whole(key).T
        return X.tocsr() if hasattr(X, "tocsr") else np.ascontiguousarray(X)

    @property
    def column_names(self) -> tuple[str, ...]:
        return ()

    def column(self, name: str) -> pd.Series:
        raise KeyError(name)


def has_cells_in_columns(source: Source, columns: Mapping[str, Collection[str]]) -> bool:
    """Whether a column of a table of labels names most columns of the only matrix of a file, which look like cells.

    A table of genes names the columns of a file that has its cells in rows: it turns nothing.
    """
    if len(source.headers) != 1 or len(source.headers[0].shape) != 2 or source.headers[0].image_shape is not None:
        return False
    names = source.var_names(source.headers[0].key)
    if looks_transposed(names, source.obs_names):
        return False
    return any(_n_shared(names, list(dict.fromkeys(values))) > JOINED_SHARE * len(names) for values in columns.values())


def _n_shared(names: list[str], others: list[str]) -> int:
    """How many names are in both, also but for an ending or prefix."""
    keys, cores = core_names(names, others)
    return max(len(set(names) & set(others)), len(set(keys) & set(cores)))
