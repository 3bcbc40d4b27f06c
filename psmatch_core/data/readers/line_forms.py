"""Forms of a table's lines that no usual separator parts: fields between spaces, or whole lines in quotation marks."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.number_texts import is_number

USUAL_SEPARATORS = (",", "\t", ";", "|")
FEWEST_FIELDS = 3  # two words a line may be a list of names with a space in each
FEWEST_ROWS = 2
_GAP = re.compile(r" {2,}")


class LineForm(Enum):
    """How the fields of a line are parted."""

    PLAIN = "by a usual separator"
    SPACES = "by spaces"
    WIDE_SPACES = "by two spaces or more"
    QUOTED = "by a usual separator, and each line stands in quotation marks"

    @property
    def has_spaces(self) -> bool:
        return self in (LineForm.SPACES, LineForm.WIDE_SPACES)

    def plain(self, line: str) -> str:
        """The same line with a usual separator; a tab in place of spaces."""
        if self is LineForm.PLAIN or not line.strip():
            return line
        if self is LineForm.QUOTED:
            return _only_field(line) or line
        out = io.StringIO()
        csv.writer(out, delimiter="\t", lineterminator="").writerow(self.fields(line))
        return out.getvalue()

    def fields(self, line: str) -> list[str]:
        """The fields of a line between spaces; a space within quotation marks parts none."""
        if self is LineForm.WIDE_SPACES:
            return [each.strip('"') for each in _GAP.split(line.strip())]
        return next(csv.reader([line.strip()], delimiter=" ", skipinitialspace=True), [])

    def rewritten(self, lines: Iterable[str]) -> io.StringIO:
        """All lines in plain form, one for each, as a file."""
        return io.StringIO("\n".join(self.plain(line.rstrip("\r\n")) for line in lines) + "\n")

    def finding(self, shown: str) -> Finding | None:
        """The warning that the lines were read in this form; None for plain ones."""
        if self.has_spaces:
            what = "spaces" if self is LineForm.SPACES else "two or more spaces"
            problem = f"{shown}: columns are separated by {what}, not by commas or tabs."
            return warning("PM-F81", problem, "Check the names of the columns; to be safe, export the table as csv.")
        if self is LineForm.QUOTED:
            problem = f"{shown}: each line stands in quotation marks as a whole; these marks were left out."
            return warning("PM-F81", problem, "Check the names of the columns; to be safe, export the table again.")
        return None


def find_form(lines: Sequence[str]) -> LineForm:
    """The form of the first lines of a table, header first.

    Spaces part the fields only where there is no doubt: no other separator does, each line has as many fields (the
    header may have one fewer, as R writes it), and there are numbers, or a name in each row and a column of groups.
    """
    filled = [line for line in lines if line.strip()]
    if len(filled) <= FEWEST_ROWS:
        return LineForm.PLAIN
    if all(_only_field(line) for line in filled):
        return LineForm.QUOTED
    if any("\t" in line for line in filled) or _has_usual_header(filled):
        return LineForm.PLAIN
    fitting: dict[LineForm, int] = {}
    for form in (LineForm.SPACES, LineForm.WIDE_SPACES):
        header, *rows = [form.fields(line) for line in filled]
        width = len(rows[0])
        if len(header) in (width, width - 1) and all(len(row) == width for row in rows) and _is_table(rows):
            fitting[form] = width
    if len({*fitting.values()}) > 1:  # T cell between wide gaps: one field or two
        return LineForm.PLAIN
    return next(iter(fitting), LineForm.PLAIN)


def refuse_uneven_spaces(lines: Sequence[str], shown: str, n_before: int) -> None:
    """Refuse a table whose fields spaces part, but not the same number in each line; name the first such line.

    Parameters
    ----------
    lines
        The first lines of the table, with blank ones.
    n_before
        Lines of the file before these.

    Raises
    ------
    PsmatchError
        If most of the lines have the same number of fields between spaces, and others another.
    """
    rows = [(at, LineForm.SPACES.fields(line)) for at, line in enumerate(lines) if line.strip()]
    widths = Counter(len(row) for _, row in rows[1:])
    width, times = widths.most_common(1)[0] if widths else (0, 0)
    if width < FEWEST_FIELDS or 2 * times < len(rows) - 1:
        return
    if not _is_table([row for _, row in rows[1:] if len(row) == width]):
        return
    for at, row in rows:
        if len(row) != width and (at != rows[0][0] or len(row) != width - 1):
            raise PsmatchError(
                f"{shown}: columns seem to be separated by spaces, but line {n_before + at + 1:,} has "
                f"{plural(len(row), 'field')} ({display(' '.join(row[:3]), 40)} …), most lines have {width:,}.",
                hint="Put names with spaces in quotation marks, or export the table as csv, with commas.",
                code="PM-F21",
            )


def _is_table(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows hold numbers, or a name of their own and a group, as prose does not."""
    if len(rows) < FEWEST_ROWS:
        return False
    columns = list(zip(*rows, strict=True))
    if len(columns) >= FEWEST_FIELDS and any(all(map(is_number, column)) for column in columns):
        return True
    first, *others = columns
    return len(set(first)) == len(first) and any(len(set(each)) < len(each) for each in others)


def _has_usual_header(lines: Sequence[str]) -> bool:
    """Whether a usual separator parts the header as it does the line below."""
    for separator in USUAL_SEPARATORS:
        widths = [len(next(csv.reader([line], delimiter=separator), [])) for line in lines[:2]]
        if widths[0] > 1 and widths[0] in (widths[1], widths[1] - 1):
            return True
    return False


def _only_field(line: str) -> str:
    """What a line holds in one pair of quotation marks, if that has fields of its own; else an empty text."""
    text = line.strip()
    if len(text) < 3 or text[0] != '"' or text[-1] != '"':
        return ""
    found: list[str] = next(csv.reader([text]), [])
    return found[0] if len(found) == 1 and any(each in found[0] for each in USUAL_SEPARATORS) else ""
