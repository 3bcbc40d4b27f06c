"""The reader of text tables (csv, tsv, with or without gzip): cells in rows, features in columns, cell names first.

Columns of text are annotations, columns of numbers are features. Rows of different length, unclosed quotation marks and
features with entries other than numbers are refused; nothing is filled in, dropped or renamed without a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import MatrixHeader, Opening, Reader, Source
from psmatch_core.data.readers.delimited_layout import is_grouped_number, is_number, is_signed_number
from psmatch_core.data.readers.delimited_rows import as_numbers, free_name, read_table, repeated_column
from psmatch_core.data.readers.signature import Signature

if TYPE_CHECKING:
    import pandas as pd

# A text column with at least this share of numbers is meant as a feature.
NUMERIC_SHARE = 0.5
# Columns with these names hold annotations even if they hold numbers.
_ANNOTATIONS = re.compile(
    r"(?i)labels?|(.*[_ .])?(cell[_ .]?types?|clusters?|leiden|louvain|conditions?|perturbations?|treatments?|targets?"
    r"|batch|donor|sample|replicate|guide|grna|pair[_ .]?id|pair|plate|well|group|dose)"
)


class DelimitedReader(Reader):
    """Reads csv and tsv files."""

    name = "csv/tsv"

    def accepts(self, signature: Signature) -> bool:
        return signature.content == "text"

    def open(self, opening: Opening) -> Source:
        return DelimitedSource(opening)


class DelimitedSource(Source):
    """An opened text table, read as a whole, since finding a row means reading all rows before it."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        layout, frame = read_table(opening, self.findings)
        is_named_gz = opening.shown.lower().endswith(".gz")
        if opening.signature.is_gzipped and not is_named_gz:
            problem = f"{self.shown} is compressed with gzip, although its name does not say so."
            self.findings.append(warning("PM-F31", problem, "It was unpacked; add .gz to its name."))
        if is_named_gz and not opening.signature.is_gzipped:
            problem = f"{self.shown} is plain text, although its name says that it is compressed with gzip."
            self.findings.append(warning("PM-F31", problem, "It was read as plain text; rename it without .gz."))
        names = layout.header or tuple(f"feature_{i + 1 - layout.has_names}" for i in range(layout.n_columns))
        first = 1 if layout.has_names else 0
        self._obs_names = list(frame[0]) if layout.has_names else [f"cell_{i + 1}" for i in range(len(frame))]
        _refuse_swallowed_rows(frame, self._obs_names, layout.separator, self.shown)
        self._columns: dict[str, Any] = {}
        features = []
        for i in range(first, layout.n_columns):
            if _is_feature(names[i], frame[i], opening, self._obs_names, self.findings):
                features.append(i)
            else:
                free = free_name(names[i], self._columns)
                if free != names[i]:
                    self.findings.append(repeated_column(self.shown, names[i], free))
                self._columns[free] = frame[i]
        self._var_names = [names[i] for i in features]
        if not features:
            problem = f"{self.shown} has no features: no column after the cell names holds numbers."
            raise PsmatchError(
                problem, hint="Load the table of measurements; labels can come from a second file.", code="PM-M16"
            )
        for i in features:
            if frame[i].dtype == object:  # whole numbers too long for 64 bits
                frame[i] = frame[i].astype(float)
        self._X = frame[features].to_numpy()

    @property
    def obs_names(self) -> list[str]:
        return self._obs_names

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return (MatrixHeader("X", self._X.shape, self._X.dtype, False),)

    def var_names(self, key: str) -> list[str]:
        return self._var_names

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        for start, stop in row_chunks(self._X.shape[0], self._X.shape[1], limit):
            yield self._X[start:stop]

    def whole(self, key: str) -> Any:
        return self._X

    def close(self) -> None:
        """Nothing to do: the table was read as a whole."""

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def column(self, name: str) -> pd.Series:
        return as_numbers(self._columns[name])


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


def _is_feature(name: str, column: pd.Series, opening: Opening, cells: list[str], findings: list[Finding]) -> bool:
    """Whether a column is a feature; a feature with entries other than numbers is refused."""
    if name in opening.text_columns:
        return False
    if column.dtype != object:
        if column.dtype.kind == "b":
            return False
        if column.dtype.kind in "iu" and _ANNOTATIONS.fullmatch(name.strip()):
            problem = (
                f"{opening.shown}: column {display(name)} holds numbers but counts as annotation because of its name."
            )
            findings.append(warning("PM-F26", problem, "Rename it if it is a feature."))
            return False
        return True
    is_numeric = [is_number(str(each)) for each in column]
    if all(is_numeric):
        return True
    grouped = [str(each) for each in column if is_grouped_number(str(each))]
    if _ANNOTATIONS.fullmatch(name.strip()):
        return False
    if grouped and len(grouped) + sum(is_numeric) >= NUMERIC_SHARE * len(column):
        raise PsmatchError(
            f"{opening.shown}: column {display(name)} holds numbers written with commas or other marks, such as "
            f"{display(grouped[0], 20)}.",
            hint="Export decimals with a point, and thousands without a separator.",
            code="PM-F16",
        )
    if sum(is_numeric) < NUMERIC_SHARE * len(column):
        signed = [str(each) for each in column if is_signed_number(str(each))]
        if len(signed) >= NUMERIC_SHARE * len(column):
            problem = (
                f"{opening.shown}: column {display(name)} holds numbers with a sign, such as {display(signed[0], 20)}, "
                "and counts as annotation, not as a feature."
            )
            findings.append(warning("PM-F26", problem, "Remove the sign if it is a feature."))
        return False
    first = is_numeric.index(False)
    entry = str(column.iloc[first])
    shown_entry = f"the text {display(entry, 20)}" if entry.strip() else "an empty field"
    raise PsmatchError(
        f"{opening.shown}: column {display(name)}, cell {display(cells[first])}: {shown_entry} is not a number "
        f"({plural(is_numeric.count(False), 'such entry', 'such entries')} in this column).",
        hint="Replace missing values and error codes by numbers, or drop these rows or the column.",
        code="PM-F26",
    )
