"""A second table with the labels of the cells, and a data file joined with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import Opening, Source, WrappedSource
from psmatch_core.data.readers.data_spec import DataSpec
from psmatch_core.data.readers.delimited import DelimitedReader
from psmatch_core.data.readers.delimited_layout import ONE_COLUMN
from psmatch_core.data.readers.delimited_rows import as_numbers, free_name, read_table, repeated_column
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.formats import checked_opening
from psmatch_core.data.readers.guide_calls import GuideRule, with_called_guides
from psmatch_core.data.readers.label_rows import LabelRows, find_label_rows, not_joined
from psmatch_core.data.readers.repeated_rows import has_rows_of_guides, one_row_each
from psmatch_core.data.readers.turned import TurnedSource, has_cells_in_columns
from psmatch_core.data.readers.wells import WELL, drawn_plate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LabelTable:
    """A table of labels: its columns, as text and with numbers as numbers, and the findings."""

    texts: dict[str, pd.Series]
    columns: dict[str, Any]
    findings: tuple[Finding, ...]


def read_label_table(opening: Opening) -> LabelTable:
    """Read a table of labels, which has a column of cell names and others.

    Raises
    ------
    PsmatchError
        If it cannot be read or has one column only.
    """
    findings: list[Finding] = []
    try:
        layout, frame = read_table(opening, findings, as_text=True)
    except PsmatchError as error:
        if error.code == ONE_COLUMN:
            problem = f"{opening.shown} has only one column; a table of labels needs two: cell names, then labels."
            hint = "Add a first column with the cell names of the data file."
            raise PsmatchError(problem, hint=hint, code="PM-F29") from None
        raise
    names = layout.header or tuple(f"column_{i}" for i in range(layout.n_columns))
    texts: dict[str, pd.Series] = {}
    for i in range(layout.n_columns):
        name = names[i] or f"column_{i}"  # pandas writes the numbers of its rows without a name
        free = free_name(name, texts)
        if free != name:
            findings.append(repeated_column(opening.shown, name, free))
        texts[free] = frame[i].astype(str)
    if (drawn := drawn_plate(texts)) is not None:
        import pandas as pd

        n_wells, condition = len(drawn[WELL]), next(each for each in drawn if each != WELL)
        problem = (
            f"{opening.shown} is drawn as a plate: {plural(n_wells, 'well')}, read as column {display(condition)}."
        )
        findings.append(warning("PM-L36", problem, "Check that rows are A, B, C … and columns 1, 2, 3 …"))
        texts = {name: pd.Series(each, dtype=object) for name, each in drawn.items()}
        findings = [each for each in findings if each.code != "PM-F28"]
    # Which column names the cells is decided beside the data file.
    said = tuple(each for each in findings if each.code != "PM-F29")
    return LabelTable(texts, _with_numbers(texts), said)


def _with_numbers(texts: Mapping[str, pd.Series]) -> dict[str, Any]:
    return {name: as_numbers(each) for name, each in texts.items()}


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
        joined = find_label_rows(table.texts, inner, shown)
        if joined is None and not inner.names_are_made and has_cells_in_columns(inner, table.texts):
            inner = TurnedSource(inner, shown)
            joined = find_label_rows(table.texts, inner, shown)
        super().__init__(inner)
        self.findings += table.findings
        if joined is None and not inner.names_are_made:
            raise not_joined(table.texts, inner, shown)
        self._names = inner.obs_names if joined else self._names_in_order(table, shown)
        self._are_made = joined is not None and inner.names_are_made
        joined = joined or LabelRows(next(iter(table.texts)), self._names, self._names)
        self.findings += joined.findings
        if joined.by_cell and has_rows_of_guides(joined.names):
            texts, names, finding = one_row_each(table.texts, joined.names, shown)
            table, joined = LabelTable(texts, _with_numbers(texts), ()), replace(joined, names=names)
            self.findings.append(finding)
        columns = {name: each for name, each in table.columns.items() if name != joined.column}
        self._columns, called = with_called_guides(columns, GuideRule(spec.guide_umis, spec.guide_ratio), shown)
        self.findings += called
        self._rows = joined.of_each_cell(shown)
        self._compare_names(shown, set(range(len(joined.names))) - set(self._rows) if joined.by_cell else set())

    @property
    def obs_names(self) -> list[str]:
        return self._names

    @property
    def names_are_made(self) -> bool:
        return self._are_made

    def _names_in_order(self, table: LabelTable, shown: str) -> list[str]:
        """The names of the table for the cells of a file without names, row by row."""
        names, n_cells = table.texts[next(iter(table.texts))].tolist(), len(self._inner.obs_names)
        if len(names) != n_cells:
            raise PsmatchError(
                f"{self.shown} has {plural(n_cells, 'cell')} without names, and {shown} {plural(len(names), 'row')}.",
                hint="Give a table with one row for each cell, in the same order.",
                code="PM-L08",
            )
        problem = f"{self.shown} has no cell names: the rows of {shown} name its cells, in the same order."
        self.findings.append(warning("PM-F72", problem, "Check that both have the same order: nothing shows it."))
        return names

    def _compare_names(self, shown: str, unused: set[int]) -> None:
        missing = [name for name, row in zip(self.obs_names, self._rows, strict=True) if row < 0]
        if missing:
            cells = plural(len(missing), "cell")
            problem = f"{cells} of {self.shown} not in {shown}, so without a label: {name_list(missing)}."
            self.findings.append(warning("PM-L08", problem, "Choose to drop these cells, or add them to the table."))
        if unused:
            rows = (
                f"{len(unused):,} rows of {shown} are for cells"
                if len(unused) > 1
                else f"1 row of {shown} is for a cell"
            )
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
