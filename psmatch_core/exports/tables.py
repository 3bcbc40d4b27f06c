"""Tables as files: csv, tsv and parquet; no text of a csv or tsv file can run as a formula in a spreadsheet."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from psmatch_core.base import disk

# A spreadsheet reads a text with one of these first characters as a formula. Source: OWASP, "CSV Injection".
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_formulas(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The table with an apostrophe before each text and header that a spreadsheet would run as a formula; how many."""
    out, n_changed = table.copy(deep=False), 0
    for place, dtype in enumerate(out.dtypes):
        if pd.api.types.is_numeric_dtype(dtype):
            continue
        column = out.iloc[:, place].astype(object)
        risky = [each for each in column.unique() if _escaped(each) is not each]  # most texts stand in many rows
        if risky:
            is_risky = column.isin(risky)
            n_changed += int(is_risky.sum())
            out.isetitem(place, column.where(~is_risky, column.map(_escaped)))
    headers = [_escaped(name) for name in out.columns]
    n_changed += sum(new is not old for new, old in zip(headers, out.columns, strict=True))
    out.columns = pd.Index(headers, name=out.columns.name)
    return out, n_changed


def _escaped(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def table_bytes(table: pd.DataFrame, kind: str) -> bytes:
    """A table as the bytes of a ``csv``, ``tsv`` or ``parquet`` file."""
    if kind == "parquet":
        stream = BytesIO()
        table.to_parquet(stream, index=False)
        return stream.getvalue()
    return bytes(escape_formulas(table)[0].to_csv(index=False, sep="\t" if kind == "tsv" else ",").encode())


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as csv, completely or not at all."""
    return disk.write_whole(path, lambda stream: stream.write(table_bytes(table, "csv")))
