"""The reader of text tables (csv, tsv, with or without gzip): cells in rows, features in columns, cell names first.

Rows of different length and unclosed quotation marks are refused; nothing is filled in, dropped or renamed without a
warning. What the columns are, ``table_source`` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, display
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import Opening, Reader, Source
from psmatch_core.data.readers.delimited_rows import read_table, refuse_parted_thousands
from psmatch_core.data.readers.signature import Signature
from psmatch_core.data.readers.table_source import TableSource

if TYPE_CHECKING:
    import pandas as pd


class DelimitedReader(Reader):
    """Reads csv and tsv files."""

    name = "csv/tsv"

    def accepts(self, signature: Signature) -> bool:
        return signature.content == "text"

    def open(self, opening: Opening) -> Source:
        return DelimitedSource(opening)


class DelimitedSource(TableSource):
    """An opened text table, read as a whole, since finding a row means reading all rows before it."""

    def __init__(self, opening: Opening) -> None:
        findings: list[Finding] = []
        layout, frame = read_table(opening, findings)
        is_named_gz = opening.shown.lower().endswith(".gz")
        if opening.signature.is_gzipped and not is_named_gz:
            problem = f"{opening.shown} is compressed with gzip, although its name does not say so."
            findings.append(warning("PM-F31", problem, "It was unpacked; add .gz to its name."))
        if is_named_gz and not opening.signature.is_gzipped:
            problem = f"{opening.shown} is plain text, although its name says that it is compressed with gzip."
            findings.append(warning("PM-F31", problem, "It was read as plain text; rename it without .gz."))
        names = layout.header or tuple(f"feature_{i + 1 - layout.has_names}" for i in range(layout.n_columns))
        cells = list(frame[0]) if layout.has_names else [f"cell_{i + 1}" for i in range(len(frame))]
        refuse_parted_thousands(opening, layout, frame)
        _refuse_swallowed_rows(frame, cells, layout.separator, opening.shown)
        super().__init__(opening, names, [frame[i] for i in range(layout.n_columns)], has_names=layout.has_names)
        self.findings = [*self.without_doubts_about_names(findings), *self.findings]


def _refuse_swallowed_rows(frame: pd.DataFrame, names: list[str], separator: str, shown: str) -> None:
    """Refuse a cell name of several lines, and a field of several lines that holds the fields of other rows."""
    for i, name in enumerate(names):
        if "\n" in name or "\r" in name:
            raise _misplaced_quote(f"the cell name in row {i + 1:,}", shown)
    for at in frame:
        if frame[at].dtype == object:
            for i, entry in enumerate(frame[at]):
                if separator in str(entry) and ("\n" in entry or "\r" in entry):
                    raise _misplaced_quote(f"field {int(at) + 1:,} of row {i + 1:,} ({display(names[i], 20)})", shown)


def _misplaced_quote(where: str, shown: str) -> PsmatchError:
    return PsmatchError(
        f"{shown}: {where} spans several lines; a quotation mark is misplaced.",
        hint="Remove the quotation mark in that row, or export the table again.",
        code="PM-F22",
    )
