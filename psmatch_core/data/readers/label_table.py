"""A second table that brings the labels: cell names first, then columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, display
from psmatch_core.data.readers.base import Opening
from psmatch_core.data.readers.delimited_rows import as_numbers, free_name, read_table


@dataclass(frozen=True)
class Annotations:
    """A table of labels: the row of each cell name, the columns, and what is to say of the table."""

    rows: dict[str, int]
    columns: dict[str, Any]
    findings: tuple[Finding, ...]


def read_annotations(opening: Opening) -> Annotations:
    """A table of labels, read as text.

    Raises
    ------
    PsmatchError
        When it cannot be read, or names a cell twice.
    """
    findings: list[Finding] = []
    layout, frame = read_table(opening, findings, as_text=True)
    if not layout.has_names or layout.n_columns < 2:
        raise PsmatchError(
            f"{opening.shown} needs two columns at least: cell names first, then labels.",
            hint="Add a first column with the cell names of the data file.",
            code="PM-F29",
        )
    rows: dict[str, int] = {}
    for i, name in enumerate(frame[0]):
        if name in rows:
            raise PsmatchError(
                f"{opening.shown}: cell name {display(name)} is used twice.",
                hint="Keep one row for each cell.",
                code="PM-F20",
            )
        rows[name] = i
    names = layout.header or tuple(f"column_{i}" for i in range(layout.n_columns))
    columns: dict[str, Any] = {}
    for i in range(1, layout.n_columns):
        columns[free_name(names[i], columns)] = as_numbers(frame[i])
    return Annotations(rows, columns, tuple(findings))
