"""The features of a file that a recipe uses: by the role of each column and feature, and without bad values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.bad_values import BAD_REASON, REFUSE, mend
from psmatch_core.data.checks import display, label_texts
from psmatch_core.data.readers.base import MatrixHeader, Source, WrappedSource
from psmatch_core.data.readers.column_roles import as_feature
from psmatch_core.data.readers.data_spec import ANNOTATION_ROLE, FEATURE_ROLE, IGNORED_ROLE, DataSpec

if TYPE_CHECKING:
    import pandas as pd


class ChosenFeatures(WrappedSource):
    """A file whose chosen matrix has the features that their roles say, and its missing values mended.

    A column of the cells with the role feature becomes a feature, and a feature with the role annotation a column.
    The matrix is read as a whole as soon as something is to be done to it. Cells that are left out are so in every
    matrix.
    """

    def __init__(self, inner: Source, spec: DataSpec) -> None:
        super().__init__(inner)
        self._ignored = {name for name, role in spec.role_of.items() if role == IGNORED_ROLE}
        self._key = spec.matrix
        self._X: Any = None  # the chosen matrix, where something was done to it
        self._names: list[str] = []
        self._ids: list[str] | None = None
        self._annotations: dict[str, pd.Series] = {}
        self._cells = np.ones(len(inner.obs_names), dtype=bool)
        header = next((each for each in inner.headers if each.key == spec.matrix), None)
        if header is None or len(header.shape) != 2 or header.image_shape is not None:
            return
        if np.dtype(header.dtype).kind not in "biuf":
            return  # refused later, with its reason
        self._names, self._ids = inner.var_names(spec.matrix), inner.feature_ids(spec.matrix)
        if header.shape != (self._cells.size, len(self._names)):
            return
        self._take_roles(spec)
        if spec.bad_values != REFUSE:
            self._mend(self._inner.whole(self._key) if self._X is None else self._X, spec)

    def _take_roles(self, spec: DataSpec) -> None:
        """Move columns and features to where their roles say."""
        roles = spec.role_of
        unused = np.array([roles.get(each) in (IGNORED_ROLE, ANNOTATION_ROLE) for each in self._names], dtype=bool)
        added = [
            name
            for name, role in roles.items()
            if role == FEATURE_ROLE and name in self._inner.column_names and name not in self._names
        ]
        if not unused.any() and not added:
            return
        if unused.all() and not added:
            raise PsmatchError(
                f"{self.shown}, matrix {display(spec.matrix)}: no feature is left; all are ignored.",
                hint="Change the roles of some features.",
                code="PM-M16",
            )
        X = self._inner.whole(spec.matrix)
        for at in np.flatnonzero(unused):
            name = self._names[at]
            if roles[name] == ANNOTATION_ROLE and name not in (*self._annotations, *self._inner.column_names):
                self._annotations[name] = _as_column(X[:, [at]])
        self._keep_features(~unused)
        self._X = _with_columns(X[:, np.flatnonzero(~unused)], [self._feature(each) for each in added])
        self._names = [*self._names, *added]
        self._ids = None if self._ids is None else [*self._ids, *("" for _ in added)]
        self._ignored |= set(added)

    def _feature(self, name: str) -> np.ndarray:
        """A column of the cells as a feature ``(n_cells,)``."""
        column = self._inner.column(name)
        is_numeric = getattr(column.dtype, "kind", "O") in "biuf"
        numbers = column.astype(float) if is_numeric else as_feature(_texts(label_texts(column)))
        if numbers is None:
            raise PsmatchError(
                f"{self.shown}: column {display(name)} has the role feature, but not all of its values are numbers.",
                hint="Give the column the role annotation (roles).",
                code="PM-F26",
            )
        return np.asarray(numbers, dtype=float)

    def _mend(self, X: Any, spec: DataSpec) -> None:
        """Leave out or fill the missing values of matrix ``X``."""
        mended = mend(X, spec.bad_values, spec.most_missing)
        if mended is None:
            return
        where = f"{self.shown}, matrix {display(spec.matrix)}"
        self.findings.append(mended.finding(where, self._names))
        if not mended.features.any() or not mended.cells.any():
            what = "feature" if not mended.features.any() else "cell"
            raise PsmatchError(
                f"{where}: no {what} is left without missing or infinite values.",
                hint="Fill missing values instead, or allow a larger share of them (most_missing).",
                code="PM-M01",
            )
        self._X, self._cells = mended.X, mended.cells
        self._keep_features(mended.features)
        self.excluded += [(self._inner.obs_names[at], BAD_REASON) for at in np.flatnonzero(~mended.cells)]

    def _keep_features(self, keep: np.ndarray) -> None:
        self._names = [name for name, kept in zip(self._names, keep, strict=True) if kept]
        if self._ids is not None:
            self._ids = [each for each, kept in zip(self._ids, keep, strict=True) if kept]

    @property
    def obs_names(self) -> list[str]:
        return [name for name, kept in zip(self._inner.obs_names, self._cells, strict=True) if kept]

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        n_cells, n_kept = self._cells.size, int(self._cells.sum())
        return tuple(
            replace(each, shape=self._X.shape, dtype=self._X.dtype)
            if each.key == self._key and self._X is not None
            else replace(each, shape=(n_kept, *each.shape[1:]))
            if each.shape[:1] == (n_cells,)
            else each
            for each in self._inner.headers
        )

    def var_names(self, key: str) -> list[str]:
        return self._inner.var_names(key) if key != self._key or self._X is None else self._names

    def feature_ids(self, key: str) -> list[str] | None:
        return self._inner.feature_ids(key) if key != self._key or self._X is None else self._ids

    def n_stored(self, key: str) -> int:
        return 0  # which cells are left is known only in order

    def n_streamed(self, key: str) -> int:
        return 0 if key == self._key and self._X is not None else self._inner.n_streamed(key)

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        if key == self._key and self._X is not None:
            per_row = max(1, self._X.nnz // self._X.shape[0]) if hasattr(self._X, "tocsr") else self._X.shape[1]
            for start, stop in row_chunks(self._X.shape[0], per_row, limit):
                yield self._X[start:stop]
            return
        start = 0
        for rows in self._inner.rows(key, limit):
            keep = self._cells[start : start + rows.shape[0]]
            start += rows.shape[0]
            if keep.any():
                yield rows if keep.all() else rows[keep]

    def embeddings(self, used: str) -> dict[str, np.ndarray]:
        return {name: xy[self._cells] for name, xy in self._inner.embeddings(used).items()}

    def whole(self, key: str) -> Any:
        if key == self._key and self._X is not None:
            return self._X
        found = self._inner.whole(key)
        return found if self._cells.all() else found[self._cells]

    @property
    def column_names(self) -> tuple[str, ...]:
        known = (*self._inner.column_names, *self._annotations)
        return tuple(each for each in known if each not in self._ignored)

    def column(self, name: str) -> pd.Series:
        found = self._annotations[name] if name in self._annotations else self._inner.column(name)
        return found if self._cells.all() else found[self._cells].reset_index(drop=True)


def _as_column(X: Any) -> pd.Series:
    """One column of a matrix ``(n_cells, 1)`` as annotation."""
    import pandas as pd

    return pd.Series(np.asarray(X.toarray() if hasattr(X, "toarray") else X).ravel())


def _with_columns(X: Any, columns: list[np.ndarray]) -> Any:
    """A matrix ``(n_cells, n_features)`` and further columns ``(n_cells,)`` of it."""
    if not columns:
        return X
    if hasattr(X, "tocsr"):
        from scipy import sparse

        return sparse.hstack([X, np.column_stack(columns)], format="csr")
    return np.column_stack([X, *columns])


def _texts(values: np.ndarray) -> pd.Series:
    import pandas as pd

    return pd.Series(["" if each is None else each for each in values.tolist()], dtype=object)
