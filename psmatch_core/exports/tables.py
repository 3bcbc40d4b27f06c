"""Tables as files: csv, tsv and parquet; no text of a csv or tsv file can run as a formula in a spreadsheet."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pandas as pd

# A spreadsheet reads a text with one of these first characters as a formula. Source: OWASP, "CSV Injection".
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_formulas(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The table with an apostrophe before each text that a spreadsheet would run as a formula, and their number."""
    out, n_changed = table.copy(deep=False), 0
    for name in out.columns:
        if pd.api.types.is_numeric_dtype(out[name]):
            continue
        column = out[name].astype(object)
        risky = np.array([isinstance(each, str) and each.startswith(FORMULA_STARTS) for each in column], dtype=bool)
        if risky.any():
            n_changed += int(risky.sum())
            out[name] = [f"'{each}" if is_risky else each for each, is_risky in zip(column, risky, strict=True)]
    return out, n_changed


def table_bytes(table: pd.DataFrame, kind: str) -> bytes:
    """A table as the bytes of a ``csv``, ``tsv`` or ``parquet`` file."""
    if kind == "parquet":
        stream = BytesIO()
        table.to_parquet(stream, index=False)
        return stream.getvalue()
    return bytes(escape_formulas(table)[0].to_csv(index=False, sep="\t" if kind == "tsv" else ",").encode())
