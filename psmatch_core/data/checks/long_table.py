"""Long tables: a row for each cell and feature, which must be spread before they are cells × features."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks.findings import display

MOST_NUMBERS = 3  # columns of numbers of a long table: a value, perhaps its error and a count
FEWEST_FEATURES = 3
MOST_NUMBER_COLUMNS = 8  # of numbers, with those that describe the feature or the sample, such as a limit of detection
FULL = 0.8  # of the pairs of a sample and a feature have a row
_FEATURE = re.compile(
    r"(?i)(.*[_ .])?(gene|feature|assay|marker|protein|analyte|probe|antibody|olink|uniprot|variable|channel|peak"
    r"|measurement|metric|symbol)s?([_ .]?(symbol|name|id)s?)?"
)


def refuse_long_table(
    cells: Sequence[Sequence[str | None]], columns: Mapping[str, Sequence[str | None]], *, name: str
) -> None:
    """Refuse a table of which one column names the cell of each row and another one the feature.

    Parameters
    ----------
    cells
        What may name the cell of each row: the names of the rows, and columns called like cell names.
    columns
        What may name the feature of each row.
    name
        The name of the table in messages.

    Raises
    ------
    PsmatchError
        If cells have several rows, and a column has another value in each of them.
    """
    for names in cells:
        counts = Counter(names)
        most = max(counts.values(), default=0)
        if most < FEWEST_FEATURES or len(counts) * 2 > len(names):
            continue
        for column, values in columns.items():
            n_distinct = len(set(values))
            if n_distinct >= most and len(set(zip(names, values, strict=True))) == len(names):
                raise _long(name, column, n_distinct)


def refuse_measured_pairs(
    columns: Mapping[str, Sequence[str | None]], numbers: Mapping[str, np.ndarray], *, name: str
) -> None:
    """Refuse a table with a row for nearly each pair of two columns, the second of which is called like features.

    There is one column of numbers that neither of the two tells: the value. A table of plates and genes that measures
    several things in each is none.

    Parameters
    ----------
    columns
        The columns of texts ``(n_rows,)``.
    numbers
        The columns of numbers ``(n_rows,)``.
    name
        The name of the table in messages.

    Raises
    ------
    PsmatchError
        If the table is such a one.
    """
    for feature in filter(is_called_feature, columns):
        for sample in [each for each in columns if each != feature]:
            n_samples, n_features = len(set(columns[sample])), len(set(columns[feature]))
            n_pairs, n_rows = n_samples * n_features, len(columns[sample])
            if min(n_samples, n_features) < FEWEST_FEATURES or not FULL * n_pairs <= n_rows <= n_pairs:
                continue
            if len(set(zip(columns[sample], columns[feature], strict=True))) < n_rows:
                continue
            values = [
                each for each in numbers.values() if not any(_is_told(each, columns[by]) for by in (sample, feature))
            ]
            if len(values) == 1:
                raise _long(name, feature, n_features)


def is_called_feature(name: str) -> bool:
    """Whether a column is called like the features of a long table, such as ``gene`` or ``UniProt``."""
    return _FEATURE.fullmatch(name.strip()) is not None


def _is_told(values: np.ndarray, texts: Sequence[str | None]) -> bool:
    """Whether all rows of one text have one number."""
    return len(set(zip(texts, values.tolist(), strict=True))) == len(set(texts))


def _long(name: str, column: str, n_distinct: int) -> PsmatchError:
    feature = display(column, 30)
    return PsmatchError(
        f"{display(name, 40)} has a row for each cell and each of {n_distinct:,} values of {feature}, not "
        "one for each cell.",
        hint=f"Spread it, so that each {feature} is a column (pivot in pandas, pivot_wider in R).",
        code="PM-F76",
    )
