"""The layout of a text table, detected from its first lines: encoding, separator, decimal mark, header, names."""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import Opening
from psmatch_core.data.readers.column_roles import is_group, names_cells
from psmatch_core.data.readers.line_forms import LineForm, find_form, refuse_uneven_spaces
from psmatch_core.data.readers.number_texts import is_number

ONE_COLUMN = "PM-F13"
FEWEST_NAMES = 4  # columns, from which a second line of names is told from data
NUMBERS_OF_OBJECTS = ("ImageNumber", "ObjectNumber")
SAMPLE_LINES = 50
MOST_JOINED = 5000  # line breaks inside the names of a header
MOST_PADDED = 0.5  # more of the column names than this have spaces around them: they belong to the separators
MOSTLY_NUMBERS = 0.5  # more of the first line's fields than this are numbers: it is data
SAMPLE_CHARACTERS = 2**22  # enough for a header of 30,000 gene names and some rows
csv.field_size_limit(SAMPLE_CHARACTERS)  # read with another separator, a whole line is one field
# Usual headers of the column of cell names.
_NAME_HEADERS = frozenset(
    {"", "cell", "cells", "cell_id", "cellid", "cell id", "cell_name", "barcode", "barcodes", "id", "index", "name"}
    | {"sample", "sample_id", "obs", "obs_names", "unnamed: 0", "rownames", "row.names", "well", "spot"}
)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
_COMMENTS = ("#", "%", "//")
_RULE = re.compile(r":?[-=]{2,}[-+=]*:?")


@dataclass(frozen=True)
class Layout:
    """How to read a text table.

    Parameters
    ----------
    encoding, separator, decimal
        As the parser expects them.
    n_skipped
        Lines before the first data row, including the header.
    header
        The fields of the header, one for each column; empty if there is no header.
    has_names
        Whether the first column holds cell names.
    n_columns
        Fields of a data row.
    findings
        Warnings about the layout.
    is_padded
        Whether spaces stand around most column names, so that they belong to the separators.
    form
        How the fields of its lines are parted; all other parts of the layout are of lines in plain form.
    """

    encoding: str
    separator: str
    decimal: str
    n_skipped: int
    header: tuple[str, ...]
    has_names: bool
    n_columns: int
    findings: tuple[Finding, ...]
    is_padded: bool = False
    form: LineForm = LineForm.PLAIN


def open_text(path: Path, *, is_gzipped: bool, encoding: str) -> IO[str]:
    """Open the file as text; the caller closes it."""
    raw = gzip.open(path, "rb") if is_gzipped else open(path, "rb")  # noqa: SIM115
    return io.TextIOWrapper(raw, encoding=encoding, errors="replace" if encoding == "cp1252" else "strict", newline="")


def open_rows(opening: Opening, layout: Layout) -> IO[str]:
    """Open the table below its header as text in plain form; the caller closes it."""
    file = open_text(opening.path, is_gzipped=opening.signature.is_gzipped, encoding=layout.encoding)
    if layout.form is not LineForm.PLAIN:
        with file:
            file = layout.form.rewritten(re.split(r"\r\n|\n|\r", file.read().removesuffix("\n")))
    for _ in range(layout.n_skipped):
        file.readline()
    return file


def find_layout(opening: Opening, encoding: str) -> Layout:
    """Detect the layout of the table from its first lines, read as ``encoding``."""
    with open_text(opening.path, is_gzipped=opening.signature.is_gzipped, encoding=encoding) as file:
        text = file.read(SAMPLE_CHARACTERS)
    lines = re.split(r"\r\n|\n|\r", text)
    if len(text) == SAMPLE_CHARACTERS and len(lines) > 1:
        lines.pop()  # the last line is incomplete
    findings: list[Finding] = []
    n_skipped = _count_preamble(lines, opening.shown, findings)
    form = find_form(lines[n_skipped : n_skipped + SAMPLE_LINES])
    lines, n_joined = _with_whole_header(lines[n_skipped:], opening.shown, findings)
    lines = lines[:SAMPLE_LINES]
    if not any(line.strip() for line in lines):
        raise PsmatchError(f"{opening.shown} is empty: it has no rows.", hint="Export the table again.", code="PM-F01")
    lines = [form.plain(line) for line in lines]
    separator = _separator(lines, opening.shown, n_skipped)
    lines = [line for line in lines if line.strip()]
    if (unusual := form.finding(opening.shown)) is not None:
        findings.append(unusual)
    fields = [next(csv.reader([line], delimiter=separator), []) for line in lines]
    decimal = "."
    if separator != "," and any(_COMMA_NUMBER.fullmatch(each.strip()) for row in fields[1:] for each in row):
        decimal = ","
        problem = f"{opening.shown}: commas in numbers (0,5) were read as decimal commas."
        findings.append(warning("PM-F16", problem, "Check a value; to be safe, export decimals with a point."))
        fields = [fields[0], *([each.replace(",", ".") for each in row] for row in fields[1:])]
    fields = _without_trailing(fields)
    n_lines = len(fields)
    if len(fields) > 2 and _is_rule(fields[1]):
        problem = f"{opening.shown}: the line of dashes below the column names was left out."
        findings.append(warning("PM-F24", problem, "To be safe, export the table without it."))
        fields = [fields[0], *fields[2:]]
    fields = _with_one_header(fields, opening.shown, findings)
    padded = [each != each.strip() for each in fields[0]]
    is_padded = sum(padded) > MOST_PADDED * len(padded) and any(
        each != each.strip() for row in fields[1:] for each in row
    )
    if any(padded):
        problem = f"{opening.shown}: spaces around column names{' and entries' * is_padded} were removed."
        findings.append(warning("PM-F24", problem, "To be safe, export separators without spaces."))
        fields = [[each.strip() for each in fields[0]], *fields[1:]]
    header, has_names = _header(fields, opening.shown, findings)
    n_columns = len(header) or len(fields[0])
    if not form.has_spaces:
        _warn_about_name(opening.shown, separator, findings)
    n_skipped += n_joined + n_lines - len(fields) + bool(header)
    return Layout(
        encoding, separator, decimal, n_skipped, header, has_names, n_columns, tuple(findings), is_padded, form
    )


def _is_rule(fields: list[str]) -> bool:
    """Whether a line only draws a line below the column names, as in tables of Markdown and of databases."""
    filled = [each.strip() for each in fields if each.strip()]
    return bool(filled) and all(_RULE.fullmatch(each) for each in filled)


def _with_whole_header(lines: list[str], shown: str, findings: list[Finding]) -> tuple[list[str], int]:
    """The same lines with a header that has line breaks inside its quotation marks in one, and how many were joined.

    It is one only if it has as many fields as the line below it.
    """
    header, n_joined = lines[0] if lines else "", 0
    while header.count('"') % 2 and n_joined < min(len(lines) - 1, MOST_JOINED):
        n_joined += 1
        header = f"{header} {lines[n_joined].lstrip()}"
    if not n_joined or header.count('"') % 2 or n_joined + 1 >= len(lines):
        return lines, 0
    below = lines[n_joined + 1]
    widths = [
        [len(next(csv.reader([line], delimiter=separator), [])) for line in (header, below)]
        for separator in _SEPARATORS
    ]
    if not any(above == under > 1 for above, under in widths):
        return lines, 0
    problem = f"{shown}: line breaks in column names became spaces."
    findings.append(warning("PM-F24", problem, "Check the names of the columns."))
    return [header, *lines[n_joined + 1 :]], n_joined


def _count_preamble(lines: list[str], shown: str, findings: list[Finding]) -> int:
    """Number of lines before the table; comment lines are reported."""
    count = 0
    while count < len(lines) and (
        not lines[count].strip() or lines[count].startswith(_COMMENTS) or _is_excel_hint(lines[count])
    ):
        count += 1
    comments = sum(line.startswith(_COMMENTS) for line in lines[:count])
    # "#cell,GENE1": a header that begins with a comment mark
    if comments and count < len(lines) and max(lines[count - 1].count(each) for each in _SEPARATORS) > 0:
        marks = [each for each in _SEPARATORS if lines[count - 1].count(each) == lines[count].count(each) > 0]
        if marks:
            count, comments = count - 1, comments - 1
    if comments:
        first = display(lines[0].strip(), 30)
        problem = f"{shown}: skipped {comments} comment line{'s' * (comments > 1)} before the header ({first})."
        findings.append(warning("PM-F34", problem, "Check the column names; to be safe, delete the comments."))
    return count


def _is_excel_hint(line: str) -> bool:
    return line.strip().lower() in ("sep=,", "sep=;", "sep=\t", '"sep=,"', '"sep=;"')


def _separator(lines: list[str], shown: str, n_before: int) -> str:
    """The separator by which most of the sampled lines have the same number of fields; ``n_before`` lines precede."""
    every, lines = lines, [line for line in lines if line.strip()]
    best, best_score = "", (0.0, 0)
    for separator in _SEPARATORS:
        widths = [len(next(csv.reader([line], delimiter=separator), [])) for line in lines]
        usual = max(set(widths), key=widths.count)
        if usual > 1:
            # the header of a table from R has one field fewer
            fitting = sum(width == usual or (i == 0 and width == usual - 1) for i, width in enumerate(widths))
            best, best_score = max(
                (best, best_score), (separator, (fitting / len(widths), usual)), key=lambda each: each[1]
            )
    if not best:
        refuse_uneven_spaces(every, shown, n_before)
        raise PsmatchError(
            f"{shown} has only one column: no commas, tabs or semicolons separate its fields.",
            hint="Export it as csv: cells in rows, features in columns, cell names first.",
            code=ONE_COLUMN,
        )
    return best


def _without_trailing(fields: list[list[str]]) -> list[list[str]]:
    """The same rows without the empty last field that a separator at the end of each row creates."""
    ends = [not row[-1] for row in fields[1:] if row]
    if not ends or not all(ends):
        return fields
    # the header may lack that separator; a name in its place means that the column is really empty
    header = fields[0][:-1] if not fields[0][-1] else fields[0]
    if len(header) != len(fields[1]) - 1:
        return fields
    return [header, *(row[:-1] for row in fields[1:])]


def _with_one_header(fields: list[list[str]], shown: str, findings: list[Finding]) -> list[list[str]]:
    """The same rows with one line of column names, where an object stands above each name as CellProfiler writes it."""
    if len(fields) < 3 or not len(fields[0]) == len(fields[1]) == len(fields[2]) >= FEWEST_NAMES:
        return fields
    above, names, first = ([each.strip() for each in row] for row in fields[:3])
    is_filled = all(above[1:]) and all(names[1:])  # a title above the table is filled up with empty fields
    are_names = is_filled and not any(map(is_number, (*above, *names))) and any(map(is_number, first))
    if not are_names or not 1 < len(set(above[1:])) <= len(above) / 2:
        return fields
    joined = [
        name if not top or name.startswith("Metadata_") or name in NUMBERS_OF_OBJECTS else f"{top}_{name}"
        for top, name in zip(above, names, strict=True)
    ]
    at = next((i for i, name in enumerate(joined) if name != names[i]), 0)
    problem = (
        f"{shown} has two lines of column names; they were joined: {display(above[at], 24)} above "
        f"{display(names[at], 24)} is {display(joined[at], 48)}."
    )
    findings.append(warning("PM-F80", problem, "Check the column names."))
    return [joined, *fields[2:]]


def _header(fields: list[list[str]], shown: str, findings: list[Finding]) -> tuple[tuple[str, ...], bool]:
    """The fields of the header (empty if there is none), and whether the first column holds cell names."""
    first, rows = fields[0], fields[1:]
    values = [each.strip() for each in first[1:]]
    numbers = [each for each in values if is_number(each)]
    # data with a label column have numbers in most fields; a header may hold a few numbered names
    if len(numbers) > MOSTLY_NUMBERS * len(values) and not _are_ids(first[0], numbers):
        problem = f"{shown} has no header: its first line holds numbers, so columns were named feature_1, feature_2 …"
        findings.append(warning("PM-F28", problem, "Add a first line with the column names."))
        return (), not is_number(first[0])
    width = max((len(row) for row in rows), key=[len(row) for row in rows].count, default=len(first))
    n_filled = sum(bool(each.strip()) for each in first)  # spreadsheets fill a title up with separators
    if n_filled < width - 1 and n_filled <= width / 2:
        raise PsmatchError(
            f"{shown}: line 1 of the table has {plural(n_filled, 'field')}, the other lines have {width:,}: "
            "it is no header.",
            hint="Delete the lines before the column names, or mark them with #.",
            code="PM-F21",
        )
    if len(first) == width - 1:
        return ("", *first), True  # R writes no name above the row names
    head = first[0].strip().lower()
    starts = [row[0].strip() for row in rows if row]
    are_values = starts and all(is_number(each) for each in starts)
    if head not in _NAME_HEADERS and are_values and not _are_ids("", starts):
        what = "groups cells" if is_group(head) else "holds numbers and names no cells"
        problem = (
            f"{shown} has no cell names: its first column, {display(first[0])}, {what}; cells were named cell_1, "
            "cell_2 …"
        )
        findings.append(warning("PM-F29", problem, "Add a first column with the cell names."))
        return tuple(first), False
    if not names_cells(head, starts):
        problem = (
            f"{shown} has no cell names: its first column, {display(first[0])}, does not name single cells and is "
            "annotation; cells were named cell_1, cell_2 …"
        )
        findings.append(warning("PM-F29", problem, "Give the column of cell names the role cell name (roles)."))
        return tuple(first), False
    return tuple(first), True


def _are_ids(corner: str, values: list[str]) -> bool:
    """Whether a line of numbers can be a header: different whole numbers after a usual name of the first column."""
    if not all(each.isdigit() for each in values) or len(set(values)) < len(values):
        return False
    return corner.strip().lower() in _NAME_HEADERS


def _warn_about_name(shown: str, separator: str, findings: list[Finding]) -> None:
    name = shown.lower().removesuffix(".gz")
    expected = "\t" if name.endswith(".tsv") else "," if name.endswith(".csv") else separator
    if separator != expected:
        found, named = _SEPARATORS[separator], _SEPARATORS[expected]
        problem = f"{shown}: columns are separated by {found}, not by {named} as its name says."
        findings.append(warning("PM-F14", problem, "The table was read with this separator; you may rename the file."))
