"""Whether a table that was opened has a row for each cell and feature, by its columns of texts and its few features."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import label_texts
from psmatch_core.data.checks.long_table import (
    MOST_NUMBERS,
    is_called_feature,
    refuse_long_table,
    refuse_measured_pairs,
)
from psmatch_core.data.readers.base import Source
from psmatch_core.data.readers.column_roles import is_called_cell
from psmatch_core.data.readers.column_summaries import MOST_LISTED_COLUMNS


def refuse_long(source: Source, key: str, var_names: Sequence[str]) -> None:
    """Refuse a table with a row for each cell and feature.

    Parameters
    ----------
    key
        Its matrix, of few features.
    var_names
        The names of these.

    Raises
    ------
    PsmatchError
        If it is such a table.
    """
    texts: dict[str, list[str | None]] = {}
    for name in source.column_names[:MOST_LISTED_COLUMNS]:
        with suppress(PsmatchError):  # a broken column is said where columns are summarised
            texts[name] = label_texts(source.column(name)).tolist()
    if any(map(is_called_feature, texts)):
        numbers: dict[str, np.ndarray] = {}
        with suppress(PsmatchError):  # and so is a broken matrix
            X = source.whole(key)
            values = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
            numbers = {name: values[:, i] for i, name in enumerate(var_names)} if values.ndim == 2 else {}
        refuse_measured_pairs(texts, numbers, name=source.shown)
    if len(var_names) > MOST_NUMBERS:
        return
    cells: list[Sequence[str | None]] = [
        source.obs_names,
        *(values for name, values in texts.items() if is_called_cell(name)),
    ]
    refuse_long_table(cells, texts, name=source.shown)
