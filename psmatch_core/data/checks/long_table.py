"""Long tables: a row for each cell and feature, which must be spread before they are cells × features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks.findings import display

MOST_NUMBERS = 3  # columns of numbers of a long table: a value, perhaps its error and a count
FEWEST_FEATURES = 3


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
                feature = display(column, 30)
                raise PsmatchError(
                    f"{display(name, 40)} has a row for each cell and each of {n_distinct:,} values of {feature}, not "
                    "one for each cell.",
                    hint=f"Spread it, so that each {feature} is a column (pivot in pandas, pivot_wider in R).",
                    code="PM-F76",
                )
