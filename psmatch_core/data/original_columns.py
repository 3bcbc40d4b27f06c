"""The columns of cells and features as they came, in a form that h5ad holds, beside the columns of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.data.checks import label_texts

ORIGINAL = " (original)"  # behind a column of the user's whose name a result needs


def writable_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with texts and mixed columns as categories, and names that HDF5 allows; no column is left out."""
    columns: dict[str, Any] = {}
    for at, name in enumerate(table.columns):
        column = table.iloc[:, at].infer_objects()
        is_text = column.dtype == object  # of texts, or of anything else that h5ad holds only as text
        free = _free(str(name).replace("/", "_") or "_", columns)
        columns[free] = pd.Categorical(label_texts(column).astype(object)) if is_text else column.array
    return pd.DataFrame(columns, index=table.index)


def plain_columns(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The columns as arrays without objects: numbers as they are, all else as text, empty where it is missing."""
    columns = {name: column.to_numpy() for name, column in writable_columns(table).items()}
    return {
        str(name): values if values.dtype.kind in "biuf" else np.array([each or "" for each in label_texts(values)])
        for name, values in columns.items()
    }


def with_originals(table: pd.DataFrame | None, names: np.ndarray, results: Mapping[str, Any]) -> pd.DataFrame:
    """The columns that came, then those of a result ``(n,)`` each, under the names ``(n,)`` of cells or features.

    Parameters
    ----------
    table
        The columns as they came, in the same order; None if there are none.
    results
        A column that came with one of these names stands as ``NAME (original)``.
    """
    index = pd.Index(names)
    came = pd.DataFrame(index=index) if table is None else writable_columns(table).set_axis(index, axis=0)
    came.columns = [f"{name}{ORIGINAL}" if name in results else name for name in came.columns]
    return came.assign(**results)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """The name, numbered if another column has it."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
