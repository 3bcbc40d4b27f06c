"""The reader of parquet and feather (Arrow) tables: cells in rows; pycytominer, CellProfiler, pandas, polars and R.

It accepts flat columns of numbers, text, true or false, and dates, in any number of row groups. Columns of lists are
left out and named, except vectors (as many numbers for each cell, as embeddings are stored) where nothing else can be
the features. Tables larger than the memory limit are refused. What the columns are, ``table_source``
decides; the index that pandas stores is the cell names unless it only counts the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.checks.findings import Finding, warning
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, Opening, Reader, Source
from psmatch_core.data.readers.column_roles import names_cells
from psmatch_core.data.readers.signature import Signature
from psmatch_core.data.readers.table_source import NO_FEATURES_CODE, TableSource

if TYPE_CHECKING:
    import numpy as np
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
        table = _table(opening)
        try:
            self._take(opening, table, uses_vectors=False)
        except PsmatchError as error:
            if error.code != NO_FEATURES_CODE or not _vectors(table):
                raise
            self._take(opening, table, uses_vectors=True)

    def _take(self, opening: Opening, table: Any, *, uses_vectors: bool) -> None:
        findings: list[Finding] = []
        names, columns, has_names = _read(opening, table, findings, uses_vectors=uses_vectors)
        super().__init__(opening, names, columns, has_names=has_names)
        self.findings = [*self.without_doubts_about_names(findings), *self.findings]


def _read(
    opening: Opening, table: Any, findings: list[Finding], *, uses_vectors: bool
) -> tuple[list[str], list[pd.Series], bool]:
    """Names and values of the columns, cell names first if there are some."""
    import pandas as pd
    import pyarrow as pa

    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    vectors = _vectors(table) if uses_vectors else {}
    left_out = [each for each in nested if each not in vectors]
    try:
        index = (table.schema.pandas_metadata or {}).get("index_columns", [])
        frame = table.drop_columns(nested).to_pandas(ignore_metadata=True, date_as_object=True)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        raise _damaged(opening) from None
    if left_out:
        problem = f"{opening.shown}: {plural(len(left_out), 'column')} of lists left out: {name_list(left_out)}."
        findings.append(warning("PM-F59", problem, "Save one value per cell if you need them."))
    for name, values in vectors.items():
        wide = pd.DataFrame(values, columns=[f"{name}_{i + 1}" for i in range(values.shape[1])])
        frame = pd.concat([frame, wide.set_index(frame.index)], axis=1)
        size = plural(values.shape[1], "number")
        problem = f"{opening.shown}: column {display(name)} holds {size} for each cell, which are the features."
        findings.append(warning("PM-F77", problem, "Save them in columns of their own to give them names."))
    if not frame.shape[0] or not frame.shape[1]:
        raise PsmatchError(f"{opening.shown} is empty: it has no rows.", hint="Export the table again.", code="PM-F01")
    levels = [each for each in index if isinstance(each, str) and each in frame.columns]
    # of several levels (plate, well, cell) the one that names each cell once
    stored = levels if len(levels) == 1 else [each for each in levels if frame[each].is_unique][:1]
    order = [*stored, *(each for each in frame.columns if each not in stored)]
    columns = [_plain(frame[each]) for each in order]
    names = ["" if each.startswith("__index_level_") else each for each in order]
    first = columns[0]
    has_names = first.dtype == object and (bool(stored) or names_cells(names[0], list(first[:50])))
    if not has_names:
        problem = f"{opening.shown} has no cell names; cells were named cell_1, cell_2 …"
        findings.append(warning("PM-F29", problem, "Give the column of cell names the role cell name (roles)."))
    return names, [pd.Series(each.to_numpy(), name=i) for i, each in enumerate(columns)], has_names


def _vectors(table: Any) -> dict[str, np.ndarray]:
    """The columns that hold equally many numbers for each cell, as matrices ``(n_cells, n_numbers)``."""
    import pyarrow as pa

    found = {}
    for field in table.schema:
        is_list = pa.types.is_list(field.type) or pa.types.is_large_list(field.type)
        if not (is_list or pa.types.is_fixed_size_list(field.type)):
            continue
        kind, column = field.type.value_type, table[field.name].combine_chunks()
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)) or column.null_count:
            continue
        values = column.flatten()
        lengths = {len(values) // max(1, len(column))} if not is_list else set(column.value_lengths().to_pylist())
        if len(lengths) == 1 and (length := lengths.pop()) > 1:
            found[field.name] = values.to_numpy(zero_copy_only=False).reshape(len(column), length)
    return found


def _table(opening: Opening) -> Any:
    """The table, once its size is known to fit into memory."""
    import pyarrow as pa

    try:
        return _opened_table(opening)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        raise _damaged(opening) from None


def _opened_table(opening: Opening) -> Any:
    limit = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
    if opening.signature.content == "parquet":
        from pyarrow import parquet

        file = parquet.ParquetFile(opening.path)
        groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
        n_values = sum(group.column(at).num_values for group in groups for at in range(group.num_columns))
        if 8 * n_values > limit:
            raise _too_large(opening, 8 * n_values)
        return file.read()
    from pyarrow import feather

    table = feather.read_table(opening.path, memory_map=True)
    if max(table.nbytes, table.num_rows * table.num_columns * 8) > limit:
        raise _too_large(opening, max(table.nbytes, table.num_rows * table.num_columns * 8))
    return table


def _damaged(opening: Opening) -> PsmatchError:
    problem = f"{opening.shown} is damaged: its table cannot be read."
    return PsmatchError(problem, hint="Download or copy it again.", code="PM-F30")


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
