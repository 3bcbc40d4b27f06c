"""Tables in ``obsm`` of an h5ad file (such as obsm/protein_expression): their columns of numbers are a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.data.feature_names import left_out_columns
from psmatch_core.data.readers.base import MatrixHeader
from psmatch_core.data.readers.h5_safety import attribute_text, refuse_size
from psmatch_core.data.readers.h5_tables import Table


def is_table(item: Any) -> bool:
    """Whether a part of the file is a table: a group with row names, or an array of records."""
    if hasattr(item, "keys"):
        return attribute_text(item, "encoding-type") == "dataframe" or "_index" in item.attrs
    return item.dtype.names is not None


class ObsmTable:
    """One table, whose columns of numbers are the features.

    Parameters
    ----------
    table
        The table; it gets a finding if columns of text are left out.
    key
        The matrix's name, such as ``obsm/protein_expression``.
    max_bytes
        Largest size of the matrix [bytes].
    """

    def __init__(self, table: Table, key: str, max_bytes: int) -> None:
        self._table, self._key, self._max_bytes = table, key, max_bytes
        self._rows = table.names()
        self.names = [each for each in table.columns if table.is_numeric(each)]
        left_out = [each for each in table.columns if each not in set(self.names)]
        if left_out:
            table.findings.append(left_out_columns(table.shown, key, left_out))

    @property
    def header(self) -> MatrixHeader:
        """Its size and its values, decimal numbers of double precision."""
        return MatrixHeader(self._key, (len(self._rows), len(self.names)), np.dtype("f8"), False)

    def whole(self, obs_names: list[str]) -> npt.NDArray[np.float64]:
        """The values ``(n_cells, n_features)``; a missing one is NaN.

        Raises
        ------
        PsmatchError
            If the rows are not the cells of the file, or the table is too large.
        """
        if self._rows != obs_names:
            problem = f"{self._table.shown}, {display(self._key)}: its rows are not named like the cells in obs."
            raise PsmatchError(problem, hint="Save the file again from the original object.", code="PM-F45")
        refuse_size(8 * len(self._rows) * len(self.names), display(self._key), self._table.shown, self._max_bytes)
        X = np.empty((len(self._rows), len(self.names)))
        for at, name in enumerate(self.names):
            X[:, at] = self._table.column(name, len(self._rows)).to_numpy(dtype="f8", na_value=np.nan)
        return X

    def rows(self, obs_names: list[str], limit: int) -> Iterator[npt.NDArray[np.float64]]:
        """The rows in chunks of about ``limit`` values."""
        X = self.whole(obs_names)  # stored by column
        for start, stop in row_chunks(X.shape[0], max(1, X.shape[1]), limit):
            yield X[start:stop]
