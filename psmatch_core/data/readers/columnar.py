"""The reader of parquet and feather (Arrow) tables: cells in rows; pycytominer, CellProfiler, pandas, polars and R.

It accepts flat columns of numbers, text, true or false, and dates, in any number of row groups. It leaves out columns
of lists and names them, and refuses tables larger than the memory limit. What the columns are, ``table_source``
decides; the index that pandas stores is the cell names unless it only counts the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import name_list
from psmatch_core.data.checks.findings import Finding, warning
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, Opening, Reader, Source
from psmatch_core.data.readers.column_roles import names_cells
from psmatch_core.data.readers.signature import Signature
from psmatch_core.data.readers.table_source import TableSource

if TYPE_CHECKING:
    import pandas as pd


class ColumnarReader(Reader):
    """Reads parquet and feather files."""

    name = "parquet/feather"

    def accepts(self, signature: Signature) -> bool:
        return signature.content in ("parquet", "arrow") and not signature.is_gzipped

    def open(self, opening: Opening) -> Source:
        return ColumnarSource(opening)


class ColumnarSource(TableSource):
    """An opened parquet or feather table, read as a whole."""

    def __init__(self, opening: Opening) -> None:
        findings: list[Finding] = []
        names, columns, has_names = _read(opening, findings)
        super().__init__(opening, names, columns, has_names=has_names)
        self.findings = [*self.without_doubts_about_names(findings), *self.findings]


def _read(opening: Opening, findings: list[Finding]) -> tuple[list[str], list[pd.Series], bool]:
    """Names and values of the columns, cell names first if there are some."""
    import pandas as pd
    import pyarrow as pa

    try:
        table = _table(opening)
        nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
        index = (table.schema.pandas_metadata or {}).get("index_columns", [])
        frame = table.drop_columns(nested).to_pandas(ignore_metadata=True, date_as_object=True)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        raise PsmatchError(
            f"{opening.shown} is damaged: its table cannot be read.", hint="Download or copy it again.", code="PM-F30"
        ) from None
    if nested:
        problem = f"{opening.shown}: {plural(len(nested), 'column')} of lists left out: {name_list(nested)}."
        findings.append(warning("PM-F59", problem, "Save one value per cell if you need them."))
    if not frame.shape[0] or not frame.shape[1]:
        raise PsmatchError(f"{opening.shown} is empty: it has no rows.", hint="Export the table again.", code="PM-F01")
    stored = [each for each in index if isinstance(each, str) and each in frame.columns]
    order = [*stored, *(each for each in frame.columns if each not in stored)]
    columns = [_plain(frame[each]) for each in order]
    names = ["" if each.startswith("__index_level_") else each for each in order]
    first = columns[0]
    has_names = first.dtype == object and (bool(stored) or names_cells(names[0], list(first[:50])))
    if not has_names:
        problem = f"{opening.shown} has no cell names; cells were named cell_1, cell_2 …"
        findings.append(warning("PM-F29", problem, "Give the column of cell names the role cell name (roles)."))
    return names, [pd.Series(each.to_numpy(), name=i) for i, each in enumerate(columns)], has_names


def _table(opening: Opening) -> Any:
    """The table, once its size is known to fit into memory."""
    limit = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
    if opening.signature.content == "parquet":
        from pyarrow import parquet

        file = parquet.ParquetFile(opening.path)
        needed = file.metadata.num_rows * len(file.schema_arrow) * 8
        if needed > limit:
            raise _too_large(opening, needed)
        return file.read()
    from pyarrow import feather

    table = feather.read_table(opening.path, memory_map=True)
    if table.num_rows * table.num_columns * 8 > limit:
        raise _too_large(opening, table.num_rows * table.num_columns * 8)
    return table


def _too_large(opening: Opening, needed: int) -> PsmatchError:
    return PsmatchError(
        f"{opening.shown} needs {needed / 2**30:.1f} GB in memory, more than is allowed for reading a file.",
        hint="Keep fewer cells or features, or save a sparse matrix as h5ad.",
        code="PM-F63",
    )


def _plain(column: pd.Series) -> pd.Series:
    """Numbers and truth values as they are, all else as text, empty where a value is missing."""
    if column.dtype.kind in "biuf":
        return column
    if column.dtype == object and column.map(lambda each: each is None or isinstance(each, bool)).all():
        column = column.map(lambda each: "" if each is None else str(each))
    is_missing = column.isna()
    return column.astype(object).map(str).where(~is_missing, "")
