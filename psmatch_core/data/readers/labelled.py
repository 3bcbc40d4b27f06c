"""A data file joined with a second table that holds the labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import named
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import MatrixHeader, Source
from psmatch_core.data.readers.delimited import DelimitedReader
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.formats import prepare
from psmatch_core.data.readers.label_table import read_annotations

if TYPE_CHECKING:
    import pandas as pd


class LabelledSource(Source):
    """A source with the columns of a label table added; of two columns with one name the table's is taken."""

    def __init__(self, inner: Source, labels_path: Path, memory_mb: int) -> None:
        shown = shown_name(str(labels_path))
        opening = prepare(labels_path, shown, text_columns=(), memory_mb=memory_mb)
        if not DelimitedReader().accepts(opening.signature):
            raise PsmatchError(
                f"{shown} is not a text table; labels in a second file come as csv or tsv.",
                hint="Export cell names and labels as csv.",
                code="PM-F17",
            )
        table = read_annotations(opening)
        self.path, self.shown, self._inner = inner.path, inner.shown, inner
        self.findings = [*inner.findings, *table.findings]
        self._rows = [table.rows.get(name, -1) for name in inner.obs_names]
        self._columns = table.columns
        self._report(shown, n_table=len(table.rows))

    def _report(self, shown: str, n_table: int) -> None:
        missing = [name for name, row in zip(self.obs_names, self._rows, strict=True) if row < 0]
        if len(missing) == len(self._rows):
            example = named(self.obs_names, 2)
            raise PsmatchError(
                f"No cell name of {self.shown} (such as {example}) is in the first column of {shown}.",
                hint="Use the same cell names in both files, prefixes and endings such as -1 included.",
                code="PM-L08",
            )
        if missing:
            problem = (
                f"{plural(len(missing), 'cell')} of {self.shown} not in {shown}, so without label: {named(missing)}."
            )
            self.findings.append(warning("PM-L08", problem, "Choose to drop these cells, or add them to the table."))
        extra = n_table - (len(self._rows) - len(missing))
        if extra > 0:
            rows = f"{extra:,} rows of {shown} name cells" if extra > 1 else f"1 row of {shown} names a cell"
            problem = f"{rows} that {self.shown} does not have."
            self.findings.append(
                warning("PM-L08", problem, "They are not used; check that both files belong together.")
            )

    @property
    def obs_names(self) -> list[str]:
        return self._inner.obs_names

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return self._inner.headers

    def var_names(self, key: str) -> list[str]:
        return self._inner.var_names(key)

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        return self._inner.rows(key, limit)

    def whole(self, key: str) -> Any:
        return self._inner.whole(key)

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

    def is_canonical(self, key: str) -> bool:
        return self._inner.is_canonical(key)

    def close(self) -> None:
        self._inner.close()
