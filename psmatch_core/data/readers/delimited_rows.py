"""The rows of a text table: parsed; uneven rows, unclosed quotation marks and truncated files are refused by line."""

from __future__ import annotations

import csv
import re
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import Opening
from psmatch_core.data.readers.delimited_layout import Layout, find_layout, open_rows
from psmatch_core.data.readers.number_texts import has_other_decimals, is_number, parts_thousands
from psmatch_core.data.readers.signature import text_encoding

if TYPE_CHECKING:
    import pandas as pd

LARGEST_MARKED = 1000.0  # a number whose point or comma stands between thousands is read as less than this
MISSING_AMONG_NUMBERS = frozenset({"NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null"})


def read_table(opening: Opening, findings: list[Finding], *, as_text: bool = False) -> tuple[Layout, pd.DataFrame]:
    """The layout and the table, with one column for each field, including the names."""
    encoding = text_encoding(opening.signature.head)
    try:
        found = _parse(opening, encoding, as_text=as_text)
    except UnicodeDecodeError:
        if encoding != "utf-8-sig":
            raise _truncated(opening.shown) from None
        found = _parse(opening, "cp1252", as_text=as_text)
        problem = (
            f"{opening.shown} is not encoded as UTF-8; its special characters were read as Windows (Latin-1) text."
        )
        findings.append(warning("PM-F33", problem, "Check names such as α or é, or save the file with UTF-8 encoding."))
    if encoding != "utf-8-sig":
        problem = f"{opening.shown} was read as {encoding.upper()[:6]} (Excel's 'Unicode text')."
        findings.append(warning("PM-F18", problem, "Check the names; to be safe, save it with UTF-8 encoding."))
    findings.extend(found[0].findings)
    layout, frame = found
    if layout.is_padded:
        for i in frame:
            if frame[i].dtype == object:
                frame[i] = [each.strip(" ") if isinstance(each, str) else each for each in frame[i]]
    return layout, frame


def _parse(opening: Opening, encoding: str, *, as_text: bool) -> tuple[Layout, pd.DataFrame]:
    import pandas as pd

    shown = opening.shown
    try:
        layout = find_layout(opening, encoding)
        text = [i for i, name in enumerate(layout.header) if name in opening.text_columns]
        text += [0] if layout.has_names else []
        with (
            warnings.catch_warnings(),
            open_rows(opening, layout) as file,
        ):
            warnings.simplefilter(
                "error", pd.errors.ParserWarning
            )  # raised when the parser would drop fields of long rows
            frame = pd.read_csv(
                file,
                sep=layout.separator,
                decimal=layout.decimal,
                header=None,
                # one column more than the header: a longer row fills it instead of shifting the others
                names=range(layout.n_columns + 1),
                index_col=False,
                dtype=str if as_text else dict.fromkeys(text, str),
                na_filter=False,
                low_memory=False,
                float_precision="round_trip",
            )
    except EOFError:
        raise _truncated(shown) from None
    except (zlib.error, OSError):
        problem = f"{shown} is damaged: its gzip content cannot be decompressed."
        raise PsmatchError(problem, hint="Download or copy it again.", code="PM-F30") from None
    except pd.errors.EmptyDataError:
        raise PsmatchError(
            f"{shown} is empty: no row follows the header.", hint="Export the table again.", code="PM-F01"
        ) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise _unparsed(str(error), opening, layout) from None
    if not frame.shape[0]:
        raise PsmatchError(
            f"{shown} is empty: no row follows the header.", hint="Export the table again.", code="PM-F01"
        )
    if (frame[layout.n_columns] != "").any() or (frame[layout.n_columns - 1].astype(str) == "").any():
        _refuse_uneven(opening, layout)
    return layout, frame


def _refuse_uneven(opening: Opening, layout: Layout) -> None:
    """Refuse the first row with another number of fields; the parser would fill or shift it."""
    with open_rows(opening, layout) as file:
        table = csv.reader(file, delimiter=layout.separator)
        for row in table:
            is_trailing = len(row) == layout.n_columns + 1 and not row[-1]
            if row and len(row) != layout.n_columns and not is_trailing:
                line = layout.n_skipped + table.line_num
                raise PsmatchError(
                    f"{opening.shown}: line {line:,} has {plural(len(row), 'field')}, "
                    f"the other rows have {layout.n_columns:,}.",
                    hint="Correct that line, or export the table again; it may be truncated.",
                    code="PM-F21",
                )


def refuse_parted_thousands(opening: Opening, layout: Layout, frame: pd.DataFrame) -> None:
    """Refuse a table whose numbers have a point or comma that may stand between thousands, in any of its columns.

    Raises
    ------
    PsmatchError
        If there are 12.345 and 617, say, and no number with another decimal.
    """
    floats = [i for i in frame if frame[i].dtype.kind == "f"]
    n_decimals = 0
    for i in floats:
        values = np.abs(frame[i].to_numpy())
        values = values[np.isfinite(values)]
        decimals = values[values % 1 != 0]
        if decimals.size and (decimals.min() < 1 or decimals.max() >= LARGEST_MARKED or not _have_three(decimals)):
            return
        n_decimals += decimals.size
    if not n_decimals:
        return
    texts: dict[int, list[str]] = {i: [] for i in floats}
    with open_rows(opening, layout) as file:
        for row in csv.reader(file, delimiter=layout.separator):
            for i in floats:
                texts[i].append(row[i] if i < len(row) else "")
    written = {i: [each for each in column if each.strip()] for i, column in texts.items()}
    doubtful = [i for i, column in written.items() if parts_thousands(column)]
    decided = [i for i, column in written.items() if has_other_decimals(column)]
    if doubtful and not decided:
        name = layout.header[doubtful[0]] if layout.header else f"column_{doubtful[0] + 1}"
        example = next(each for each in written[doubtful[0]] if layout.decimal in each)
        raise marked_numbers(f"{opening.shown}: column {display(name)}", example)


def _have_three(values: np.ndarray) -> bool:
    """Whether no value has more than three decimals."""
    return bool(np.allclose(np.round(values * 1000), values * 1000, rtol=0, atol=1e-6))


def marked_numbers(where: str, example: str) -> PsmatchError:
    """The error of numbers whose thousands and decimals cannot be told apart."""
    return PsmatchError(
        f"{where} holds numbers written with commas or other marks, such as {display(example, 20)}, that may mean "
        "thousands or decimals.",
        hint="Export decimals with a point, and thousands without a separator.",
        code="PM-F16",
    )


def _unparsed(message: str, opening: Opening, layout: Layout) -> PsmatchError:
    if "EOF inside string" in message:
        row = re.search(r"starting at row (\d+)", message)
        line = int(row[1]) + layout.n_skipped + 1 if row else layout.n_skipped + 1
        return PsmatchError(
            f"{opening.shown}: the quotation mark in line {line:,} is never closed.",
            hint="Remove that quotation mark, or export the table again.",
            code="PM-F22",
        )
    try:
        _refuse_uneven(opening, layout)
    except PsmatchError as error:
        return error
    except csv.Error:
        pass
    return PsmatchError(
        f"{opening.shown}: the rows cannot be separated; the table is damaged.",
        hint="Export the table again.",
        code="PM-F21",
    )


def _truncated(shown: str) -> PsmatchError:
    return PsmatchError(
        f"{shown} is incomplete (truncated).",
        hint="Download or copy it again.",
        code="PM-F30",
    )


def free_name(name: str, taken: dict[str, Any]) -> str:
    """The name, with a number added if another annotation column has it."""
    free, i = name, 1
    while free in taken:
        free, i = f"{name}-{i}", i + 1
    return free


def repeated_column(shown: str, name: str, free: str) -> Finding:
    """The finding that a column of annotations has a name twice and got another."""
    problem = f"{shown}: two columns are called {display(name)} (repeated); the later one is called {display(free)}."
    return warning("PM-F19", problem, "Check which of both is meant, and rename or drop the other.")


def as_numbers(column: pd.Series) -> pd.Series:
    """The column as numbers if all entries are numbers and none is a code such as 007; otherwise unchanged.

    NA among numbers is what R writes for a number that is missing.
    """
    if column.dtype != object:
        return column
    texts = [text if (text := str(each).strip()) not in MISSING_AMONG_NUMBERS else "" for each in column]
    filled = [each for each in texts if each]
    if not filled or not all(is_number(each) and not re.match(r"[+-]?0\d", each) for each in filled):
        return column
    import pandas as pd

    try:
        return pd.to_numeric(pd.Series([each or None for each in texts], dtype=object))
    except ValueError:  # pandas reads no number beyond the largest double
        return pd.Series([float(each) if each else None for each in texts], dtype=float)
