"""Wells of plates: one text for all ways to write one, tables with a row for each well, and maps drawn as a plate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psmatch_core.data.checks import label_texts
from psmatch_core.data.readers.base import Source

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS, MOST_COLUMNS = 32, 48  # of a plate with 1,536 wells
FEWEST_ROWS, FEWEST_COLUMNS = 2, 3  # of a map that is drawn: a plate with 6 wells
FEWEST_WELLS = 3
MOSTLY = 0.9  # of the values of a column are wells
WELL, CONDITION = "Well", "condition"
_LETTERED = re.compile(r"([A-Pa-p]|[Aa][A-Fa-f])\s*[-_:.]?\s*0{0,2}([1-9]|[1-4]\d)")
_NUMBERED = re.compile(r"(?i)r(?:ow)?0{0,2}(\d{1,2})[-_ ]?c(?:ol(?:umn)?)?0{0,2}(\d{1,2})")
_ROW = re.compile(r"(?i)(metadata_)?(well[_ ]?|plate[_ ]?)?row")
_COLUMN = re.compile(r"(?i)(metadata_)?(well[_ ]?|plate[_ ]?)?col(umn)?")
_PLATE = re.compile(r"(?i)(metadata_)?(assay[_ ]?)?plate([_ ]?(id|name|number|no|nr|barcode))?")
_CORNER = re.compile(r"(?i)|column_0|rows?|unnamed.*|\W*|wells?|plates?.*")


@dataclass(frozen=True)
class Wells:
    """The wells that one column, or a row and a column, of a table hold.

    Parameters
    ----------
    columns
        The columns that say it.
    texts
        The well of each row of the table, such as ``B07``; None where there is none.
    """

    columns: tuple[str, ...]
    texts: Sequence[str | None]


def well_of(text: str) -> str | None:
    """The well that a text names, such as B07 for ``b7``, ``B - 7``, ``B007`` and ``r02c07``; None if it names none."""
    plain = text.strip()
    if len(plain) > 20:
        return None
    if found := _LETTERED.fullmatch(plain):
        return _well(_row_number(found[1]), int(found[2]))
    if found := _NUMBERED.fullmatch(plain):
        return _well(int(found[1]), int(found[2]))
    return None


def wells_among(columns: Mapping[str, Sequence[str | None]]) -> Wells | None:
    """The wells of the rows of a table ``column → texts (n_rows,)``: of one column, or of a row and a column."""
    for name, texts in columns.items():
        known = {each: well_of(each) for each in set(texts) if each}
        filled = [each for each in texts if each]
        n_wells = sum(known[each] is not None for each in filled)
        if len(set(known.values()) - {None}) >= FEWEST_WELLS and n_wells >= MOSTLY * len(filled):
            return Wells((name,), [known.get(each) if each else None for each in texts])
    rows = next((each for each in columns if _ROW.fullmatch(each.strip())), None)
    across = next((each for each in columns if _COLUMN.fullmatch(each.strip())), None)
    if rows is None or across is None:
        return None
    found = [_joined(row, column) for row, column in zip(columns[rows], columns[across], strict=True)]
    return Wells((rows, across), found) if sum(each is not None for each in found) >= MOSTLY * len(found) else None


def plates_among(columns: Mapping[str, Sequence[str | None]]) -> tuple[str, Sequence[str | None]] | None:
    """The column that names the plate of each row, and its texts; None if there is none."""
    name = next((each for each in columns if _PLATE.fullmatch(each.strip())), None)
    return None if name is None else (name, columns[name])


def well_texts(source: Source) -> dict[str, list[str | None]]:
    """The columns of a file as texts of its cells ``(n_cells,)``; only those that may name wells or plates."""
    found: dict[str, list[str | None]] = {}
    for name in source.column_names:
        texts = label_texts(source.column(name)).tolist()
        first = next((each for each in texts if each), "")
        is_called_so = any(each.fullmatch(name.strip()) for each in (_ROW, _COLUMN, _PLATE))
        if is_called_so or well_of(first):
            found[name] = texts
    return found


def drawn_plate(texts: Mapping[str, pd.Series]) -> dict[str, list[str]] | None:
    """A table that is drawn as a plate as one with a row for each well; None if it is not drawn so.

    Its first column holds A, B, C … and its columns are called 1, 2, 3 …; a well without an entry has no row.
    """
    names = list(texts)
    rows = [[str(each).strip() for each in texts[name]] for name in names]  # by column
    corner, numbers = names[0], names[1:]
    if rows and rows[0] and not _count(numbers) and all(name == f"column_{i}" for i, name in enumerate(names)):
        corner, numbers = rows[0][0], [each[0] for each in rows[1:]]  # the line of numbers was taken for data
        rows = [each[1:] for each in rows]
    letters = [_row_number(each) if re.fullmatch(r"[A-Za-z]{1,2}", each) else 0 for each in rows[0]]
    are_rows = FEWEST_ROWS <= len(letters) <= MOST_ROWS and letters == [*range(1, len(letters) + 1)]
    if not are_rows or not FEWEST_COLUMNS <= len(numbers) <= MOST_COLUMNS or not _count(numbers):
        return None
    wells, entries = [], []
    for row in range(len(letters)):
        for at, column in enumerate(rows[1:]):
            if column[row]:
                wells.append(f"{_letters(row + 1)}{at + 1:02d}")
                entries.append(column[row])
    return {WELL: wells, CONDITION if _CORNER.fullmatch(corner) else corner: entries}


def is_nearly_drawn(texts: Sequence[str]) -> bool:
    """Whether a first column holds the letters of the rows of plates, perhaps of several, one below the other."""
    return [each.strip().upper() for each in texts if re.fullmatch(r"[A-Pa-p]", each.strip())][:3] == ["A", "B", "C"]


def _count(names: Sequence[str]) -> bool:
    return [each.strip().removesuffix(".0").lstrip("0") for each in names] == [str(i + 1) for i in range(len(names))]


def _joined(row: str | None, column: str | None) -> str | None:
    if not row or not column or not re.fullmatch(r"\d{1,2}(\.0)?", column.strip()):
        return None
    if re.fullmatch(r"\d{1,2}(\.0)?", row.strip()):
        return _well(int(float(row)), int(float(column)))
    return _well(_row_number(row.strip()), int(float(column))) if re.fullmatch(r"[A-Za-z]{1,2}", row.strip()) else None


def _well(row: int, column: int) -> str | None:
    return f"{_letters(row)}{column:02d}" if 1 <= row <= MOST_ROWS and 1 <= column <= MOST_COLUMNS else None


def _row_number(letters: str) -> int:
    number = 0
    for each in letters.upper():
        number = 26 * number + ord(each) - ord("A") + 1
    return number


def _letters(row: int) -> str:
    return chr(ord("A") + row - 1) if row <= 26 else "A" + chr(ord("A") + row - 27)


def keys_by_plate(wells: Wells, plates: Sequence[str | None]) -> Iterator[str | None]:
    """Plate and well of each row in one text."""
    for well, plate in zip(wells.texts, plates, strict=True):
        yield None if well is None or plate is None else f"{plate.strip()} {well}"
