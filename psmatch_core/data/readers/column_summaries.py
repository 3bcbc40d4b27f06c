"""Summaries of the columns of a file: what each holds, which can be the label, and which most likely is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import CellNames, Severity, count_labels, label_texts
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.checks.label_column import check_label_counts, counts_what_a_cell_has
from psmatch_core.data.names.usual_labels import usual_label
from psmatch_core.data.readers.base import Source
from psmatch_core.data.readers.summary import ColumnSummary

MOST_COUNTS = 1000
MOST_COLUMNS = 2000
MOST_LISTED_COLUMNS = 50  # whose values the summary gives cell by cell, if they can be the label


@dataclass(frozen=True, eq=False)
class ColumnSummaries:
    """The columns of a file, each read and counted once.

    Parameters
    ----------
    found
        The summary of each.
    cells
        The names of the cells.
    listed
        The positions of the cells whose values are given ``(n_listed,)``.
    """

    found: tuple[ColumnSummary, ...]
    cells: CellNames
    listed: np.ndarray

    @classmethod
    def of(cls, source: Source, label_key: str = "") -> ColumnSummaries:
        """The columns of an opened file, of which ``label_key`` is chosen as label if it is not empty."""
        cells, listed = CellNames.of(source.obs_names)
        found = tuple(
            _column_summary(source, name, label_key, listed if at < MOST_LISTED_COLUMNS or name == label_key else None)
            for at, name in enumerate(source.column_names[:MOST_COLUMNS])
        )
        return cls(found, cells, listed)

    def with_label(self, source: Source, label_key: str) -> ColumnSummaries:
        """The same after column ``label_key`` was chosen as label: only it is read again."""
        found = tuple(
            _column_summary(source, label_key, label_key, self.listed) if each.name == label_key else each
            for each in self.found
        )
        return replace(self, found=found)

    def proposed_label(self, preferred: Sequence[str]) -> ColumnSummary | None:
        """The column that most likely is the label, one that is called like those of other files first."""
        candidates = {each.name: each for each in self.found if each.is_label_candidate}
        return candidates.get(usual_label(list(candidates), preferred))


def _column_summary(source: Source, name: str, label_key: str, listed: np.ndarray | None) -> ColumnSummary:
    """One column; its values in the cells ``listed`` are given if it can be the label."""
    try:
        column = source.column(name)
        counted = count_labels(column)
    except PsmatchError as error:
        if name == label_key or error.code == "PM-X20":  # a decompression bomb is refused in any column
            raise
        source.findings.append(warning(error.code, f"{error.problem} The column is left out.", error.hint))
        return ColumnSummary(name, "text", 0, 0, {}, False, error.problem)
    findings = check_label_counts(counted, name=source.shown, label_key=name)
    rejected = [each for each in findings if each.severity is Severity.REJECT]
    note = (rejected or findings)[0].problem.partition(": ")[2] if findings else ""
    if is_count := name != label_key and counts_what_a_cell_has(name, counted):
        note = "counts what a cell has, which is no condition"
    n_distinct = len(counted.counts)
    keeps_counts = not rejected or n_distinct <= MOST_COUNTS // 10
    most = None if name == label_key else MOST_COUNTS  # all chosen labels are needed to compare the files
    counts = dict(list(counted.counts.items())[:most]) if keeps_counts else {}
    values: tuple[str, ...] = ()
    if listed is not None and not rejected:
        values = tuple(each or "" for each in label_texts(column)[listed].tolist())
    return ColumnSummary(
        name, counted.kind, n_distinct, counted.n_missing, counts, not (rejected or is_count), note, values
    )
