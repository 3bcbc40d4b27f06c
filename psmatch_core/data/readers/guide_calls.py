"""Guides called from their counts by one written rule: most UMIs, at least so many, so many times those of the second.

No mixture model is fitted here: the calls of crispat, pertpy or Cell Ranger come in as columns of a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display
from psmatch_core.data.checks.findings import warning

if TYPE_CHECKING:
    import pandas as pd

CALLED = "guide"  # the column that a table of counts gets
FEWEST_COLUMNS = 3  # of counts, so that two measurements of a cell are not taken for guides
_COUNTS = re.compile(r"\d+(\|\d+)*")


@dataclass(frozen=True)
class GuideRule:
    """When the guide with most UMIs is the guide of a cell; a rule of zeros leaves calls as they are.

    Parameters
    ----------
    least
        Fewest UMIs of the guide [UMIs].
    ratio
        Fewest UMIs of the guide for each UMI of the second guide.
    """

    least: int = 0
    ratio: float = 0.0

    @property
    def is_off(self) -> bool:
        """Whether calls stay as the table has them."""
        return not self.least and not self.ratio

    def call(self, counts: Mapping[str, int]) -> str | None:
        """The guide of a cell with these UMIs of each guide; None if no guide is clearly first."""
        first, *others = sorted(counts.items(), key=lambda each: -each[1]) or [("", 0)]
        second = others[0][1] if others else 0
        is_clear = first[1] > second and first[1] >= max(self.least, 1) and first[1] >= self.ratio * second
        return first[0] if is_clear else None

    def __str__(self) -> str:
        return f"most UMIs, at least {max(self.least, 1):,}, at least {self.ratio:g} times those of the second guide"


def with_called_guides(
    columns: Mapping[str, pd.Series], rule: GuideRule, shown: str
) -> tuple[dict[str, pd.Series], tuple[Finding, ...]]:
    """The columns of a table with guides called by the rule, and what that did.

    A table of calls (Cell Ranger's ``protospacer_calls_per_cell.csv``: ``A|B`` and ``5|7``) keeps the name of its
    column; a table of counts with a column for each guide gets the column ``guide``.

    Raises
    ------
    PsmatchError
        If the table holds neither.
    """
    if rule.is_off:
        return dict(columns), ()
    joined = _joined_columns(columns)
    counted = [] if joined else [name for name, values in columns.items() if _is_counts(values)]
    if not joined and len(counted) < FEWEST_COLUMNS:
        raise PsmatchError(
            f"{shown} holds no UMIs of guides, so that guide_umis and guide_ratio cannot be used.",
            hint="Give a table with guides and UMIs of each cell (A|B and 5|7), or a column of counts for each guide.",
            code="PM-L34",
        )
    import pandas as pd

    name = joined[0] if joined else CALLED
    cells = list(_of_calls(columns, *joined) if joined else _of_counts(columns, counted))
    called = [rule.call(counts) for counts in cells]
    n_called = sum(each is not None for each in called)
    n_several = sum(sum(n > 0 for n in counts.values()) > 1 for counts in cells)
    problem = (
        f"{shown}: guides in {display(name)} are called by a rule ({rule}): {plural(n_called, 'cell')} with a guide, "
        f"{len(called) - n_called:,} without; {n_several:,} of all cells had several."
    )
    finding = warning("PM-L35", problem, "Change guide_umis and guide_ratio, or set both to 0 for the table's calls.")
    return {**columns, name: pd.Series(called, dtype=object)}, (finding,)


def _joined_columns(columns: Mapping[str, pd.Series]) -> tuple[str, str] | None:
    """The column of guides ``A|B`` and that of their UMIs ``5|7``; None if the table has no such two."""
    texts = {name: [str(each) for each in values] for name, values in columns.items()}
    counts = [name for name, values in texts.items() if all(_COUNTS.fullmatch(each) for each in values)]
    for name, values in texts.items():
        parts = [each.count("|") for each in values]
        if name in counts or not any(parts):
            continue
        for other in counts:
            if [each.count("|") for each in texts[other]] == parts:
                return name, other
    return None


def _is_counts(values: pd.Series) -> bool:
    return values.dtype.kind in "iu" and bool((values >= 0).all())


def _of_calls(columns: Mapping[str, pd.Series], guides: str, umis: str) -> Iterator[dict[str, int]]:
    for names, counts in zip(columns[guides], columns[umis], strict=True):
        found: dict[str, int] = {}
        for name, n in zip(str(names).split("|"), str(counts).split("|"), strict=True):
            found[name] = found.get(name, 0) + int(n)
        yield found


def _of_counts(columns: Mapping[str, pd.Series], guides: list[str]) -> Iterator[dict[str, int]]:
    rows: Iterator[tuple[Any, ...]] = zip(*(columns[name].tolist() for name in guides), strict=True)
    for row in rows:
        yield dict(zip(guides, row, strict=True))
