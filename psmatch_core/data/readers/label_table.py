"""A second table with the labels of the cells, and a data file joined with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import Opening, Source, WrappedSource
from psmatch_core.data.readers.data_spec import DataSpec
from psmatch_core.data.readers.delimited import DelimitedReader
from psmatch_core.data.readers.delimited_rows import as_numbers, free_name, read_table, repeated_column
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.formats import checked_opening
from psmatch_core.data.readers.guide_calls import GuideRule, with_called_guides

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LabelTable:
    """A table of labels: the row of each cell name, the columns, and the findings."""

    rows: dict[str, int]
    columns: dict[str, Any]
    findings: tuple[Finding, ...]


def read_label_table(opening: Opening) -> LabelTable:
    """Read a table of labels; cell names come first, then columns.

    Raises
    ------
    PsmatchError
        If it cannot be read or has a cell name twice.
    """
    findings: list[Finding] = []
    layout, frame = read_table(opening, findings, as_text=True)
    if not layout.has_names or layout.n_columns < 2:
        raise PsmatchError(
            f"{opening.shown} needs at least two columns: cell names first, then labels.",
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
        free = free_name(names[i], columns)
        if free != names[i]:
            findings.append(repeated_column(opening.shown, names[i], free))
        columns[free] = as_numbers(frame[i])
    return LabelTable(rows, columns, tuple(findings))


class LabelledSource(WrappedSource):
    """A data file with the columns of a label table added; they replace columns of the same name."""

    def __init__(self, inner: Source, spec: DataSpec, memory_mb: int) -> None:
        labels_path = Path(spec.labels_path)
        shown = shown_name(str(labels_path))
        opening = checked_opening(labels_path, shown, text_columns=(), memory_mb=memory_mb)
        if not DelimitedReader().accepts(opening.signature):
            raise PsmatchError(
                f"{shown} is not a text table; labels in a second file must be csv or tsv.",
                hint="Export cell names and labels as csv.",
                code="PM-F17",
            )
        table = read_label_table(opening)
        super().__init__(inner)
        self.findings += table.findings
        self._columns, called = with_called_guides(table.columns, GuideRule(spec.guide_umis, spec.guide_ratio), shown)
        self.findings += called
        self._names = self._names_in_order(table, shown) if inner.names_are_made else inner.obs_names
        self._rows = [table.rows.get(name, -1) for name in self._names]
        self._compare_names(shown, n_rows=len(table.rows))

    @property
    def obs_names(self) -> list[str]:
        return self._names

    @property
    def names_are_made(self) -> bool:
        return False

    def _names_in_order(self, table: LabelTable, shown: str) -> list[str]:
        """The names of the table for the cells of a file without names, row by row."""
        names, n_cells = list(table.rows), len(self._inner.obs_names)
        if not set(names).isdisjoint(self._inner.obs_names):
            return self._inner.obs_names
        if len(names) != n_cells:
            raise PsmatchError(
                f"{self.shown} has {plural(n_cells, 'cell')} without names, and {shown} {plural(len(names), 'row')}.",
                hint="Give a table with one row for each cell, in the same order.",
                code="PM-L08",
            )
        problem = f"{self.shown} has no cell names: the rows of {shown} name its cells, in the same order."
        self.findings.append(warning("PM-F72", problem, "Check that both have the same order: nothing shows it."))
        return names

    def _compare_names(self, shown: str, n_rows: int) -> None:
        missing = [name for name, row in zip(self.obs_names, self._rows, strict=True) if row < 0]
        if len(missing) == len(self._rows):
            example = name_list(self.obs_names, 2)
            raise PsmatchError(
                f"No cell name of {self.shown} (such as {example}) is in the first column of {shown}.",
                hint="Use the same cell names in both files, including prefixes and endings such as -1.",
                code="PM-L08",
            )
        if missing:
            cells = plural(len(missing), "cell")
            problem = f"{cells} of {self.shown} not in {shown}, so without a label: {name_list(missing)}."
            self.findings.append(warning("PM-L08", problem, "Choose to drop these cells, or add them to the table."))
        extra = n_rows - (len(self._rows) - len(missing))
        if extra > 0:
            rows = f"{extra:,} rows of {shown} are for cells" if extra > 1 else f"1 row of {shown} is for a cell"
            problem = f"{rows} that {self.shown} does not have."
            self.findings.append(warning("PM-L08", problem, "They are ignored; check that both files belong together."))

    @property
    def column_names(self) -> tuple[str, ...]:
        return (*self._columns, *(each for each in self._inner.column_names if each not in self._columns))

    def column(self, name: str) -> pd.Series:
        if name not in self._columns:
            return self._inner.column(name)
        import pandas as pd
        from pandas.api.extensions import take

        values = self._columns[name].to_numpy()
        return pd.Series(take(values, self._rows, allow_fill=True), name=name)
