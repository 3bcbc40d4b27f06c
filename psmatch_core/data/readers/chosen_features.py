"""The features of a file that a recipe uses: without those left out by name, and without bad values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.bad_values import BAD_REASON, REFUSE, mend
from psmatch_core.data.checks import display
from psmatch_core.data.readers.base import MatrixHeader, Source, WrappedSource
from psmatch_core.data.readers.data_spec import ANNOTATION_ROLE, IGNORED_ROLE, DataSpec

if TYPE_CHECKING:
    import pandas as pd


class ChosenFeatures(WrappedSource):
    """A file whose main matrix lacks the features that are ignored, and its missing values as the recipe says.

    The matrix is read as a whole as soon as something is to be done to it. Cells that are left out are so in every
    matrix.
    """

    def __init__(self, inner: Source, spec: DataSpec) -> None:
        super().__init__(inner)
        roles = spec.role_of
        self._ignored = {name for name, role in roles.items() if role == IGNORED_ROLE}
        header = next((each for each in inner.headers if each.key == spec.matrix), None)
        self._key, self._header, self._X = spec.matrix, header, None
        self._cells = np.ones(len(inner.obs_names), dtype=bool)
        if header is None or len(header.shape) != 2 or header.image_shape is not None:
            return
        names = inner.var_names(spec.matrix)
        unused = {name for name, role in roles.items() if role in (IGNORED_ROLE, ANNOTATION_ROLE)}
        self._features = np.array([each not in unused for each in names], dtype=bool)
        is_cut = not self._features.all()
        if is_cut and not self._features.any():
            raise PsmatchError(
                f"{self.shown}, matrix {display(spec.matrix)}: no feature is left; all are ignored.",
                hint="Change the roles of some features.",
                code="PM-M16",
            )
        if not is_cut and spec.bad_values == REFUSE:
            return
        if np.dtype(header.dtype).kind not in "biuf" or header.shape != (self._cells.size, len(names)):
            return  # refused later, with its reason
        X = inner.whole(spec.matrix)
        X = X[:, np.flatnonzero(self._features)] if is_cut else X
        mended = mend(X, spec.bad_values, spec.most_missing) if spec.bad_values != REFUSE else None
        if mended is not None:
            kept = [name for name, is_used in zip(names, self._features, strict=True) if is_used]
            where = f"{self.shown}, matrix {display(spec.matrix)}"
            self.findings.append(mended.finding(where, kept))
            if not mended.features.any() or not mended.cells.any():
                what = "feature" if not mended.features.any() else "cell"
                raise PsmatchError(
                    f"{where}: no {what} is left without missing or infinite values.",
                    hint="Fill missing values instead, or allow a larger share of them (most_missing).",
                    code="PM-M01",
                )
            X, self._cells = mended.X, mended.cells
            self._features[np.flatnonzero(self._features)[~mended.features]] = False
            out = np.flatnonzero(~mended.cells)
            self.excluded += [(inner.obs_names[at], BAD_REASON) for at in out]
        self._X = X

    @property
    def obs_names(self) -> list[str]:
        return [name for name, kept in zip(self._inner.obs_names, self._cells, strict=True) if kept]

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        n_cells, n_kept = self._cells.size, int(self._cells.sum())
        return tuple(
            replace(each, shape=self._X.shape)
            if each.key == self._key and self._X is not None
            else replace(each, shape=(n_kept, *each.shape[1:]))
            if each.shape[:1] == (n_cells,)
            else each
            for each in self._inner.headers
        )

    def var_names(self, key: str) -> list[str]:
        names = self._inner.var_names(key)
        if key != self._key or self._X is None:
            return names
        return [name for name, kept in zip(names, self._features, strict=True) if kept]

    def feature_ids(self, key: str) -> list[str] | None:
        ids = self._inner.feature_ids(key)
        if ids is None or key != self._key or self._X is None:
            return ids
        return [each for each, kept in zip(ids, self._features, strict=True) if kept]

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

    def whole(self, key: str) -> Any:
        if key == self._key and self._X is not None:
            return self._X
        found = self._inner.whole(key)
        return found if self._cells.all() else found[self._cells]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(each for each in self._inner.column_names if each not in self._ignored)

    def column(self, name: str) -> pd.Series:
        found = self._inner.column(name)
        return found if self._cells.all() else found[self._cells].reset_index(drop=True)
