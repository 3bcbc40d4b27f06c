"""Rules on the annotation of cells: a column, a comparison and a value, such as ``grna_frac > 0.8``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display, label_texts, name_list

if TYPE_CHECKING:
    import pandas as pd

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_SAME = ("==", "=", "!=", "in", "not in")
_COMPARISON = re.compile(r"\s*(>=|<=|==|!=|=|>|<|(?<=\s)not\s+in(?=\s)|(?<=\s)in(?=\s))\s*(.*)", re.DOTALL)
_EXAMPLES = "grna_frac > 0.8, donor = D1, or plate in P1, P2"


@dataclass(frozen=True)
class CellRule:
    """One rule: cells whose ``column`` compares so with one of ``values`` are used.

    Parameters
    ----------
    text
        The rule as it was written.
    """

    text: str
    column: str
    comparison: str
    values: tuple[str, ...]

    def met_by(self, column: pd.Series) -> np.ndarray:
        """Whether each cell meets the rule ``(n_cells,)``; a cell without a value does not.

        Raises
        ------
        PsmatchError
            If numbers are to be compared, but the column or the value holds text.
        """
        texts = label_texts(column)
        is_there = np.array([each is not None and each != "" for each in texts], dtype=bool)
        if self.comparison in _ORDER:
            numbers = np.array([_number(each) for each in texts], dtype=np.float64)
            limit = _number(self.values[0])
            wrong = next((each for each, number in zip(texts, numbers, strict=True) if each and np.isnan(number)), "")
            if np.isnan(limit) or wrong:
                what = f"{display(self.values[0])} is" if np.isnan(limit) else f"its column holds {display(wrong)},"
                raise PsmatchError(
                    f"The rule {display(self.text, 60)} compares numbers, but {what} no number.",
                    hint="Compare texts with = or in.",
                    code="PM-C01",
                )
            with np.errstate(invalid="ignore"):
                return np.asarray(_ORDER[self.comparison](numbers, limit) & is_there)
        wanted = {_canonical(each) for each in self.values}
        is_in = np.array([each is not None and _canonical(each) in wanted for each in texts], dtype=bool)
        return np.asarray((~is_in if self.comparison in ("!=", "not in") else is_in) & is_there)


def parse_rule(text: str, columns: Sequence[str], features: Collection[str] = ()) -> CellRule:
    """The rule that a text describes.

    Parameters
    ----------
    columns
        The columns of the file; the longest that the text begins with is meant.
    features
        The features of the file, by which no cells are chosen.

    Raises
    ------
    PsmatchError
        If the text is no rule, or the file has no such column.
    """
    plain = text.strip()
    for name in sorted(columns, key=len, reverse=True):
        for start in (name, f'"{name}"', f"'{name}'"):
            found = _COMPARISON.fullmatch(plain[len(start) :]) if plain.startswith(start) else None
            if found is not None and found[2].strip():
                comparison = " ".join(found[1].split())
                values = found[2].split(",") if comparison.endswith("in") else [found[2]]
                return CellRule(plain, name, comparison, tuple(each.strip().strip("\"'") for each in values))
    found = _COMPARISON.search(plain)
    if found is None or not found[2].strip() or not plain[: found.start()].strip():
        raise PsmatchError(
            f"{display(plain, 60) or 'An empty text'} is no rule on cells.",
            hint=f"Write a column, a comparison (>, >=, <, <=, =, !=, in, not in) and a value: {_EXAMPLES}.",
            code="PM-C01",
        )
    asked = plain[: found.start()].strip().strip("\"'")
    if asked in features:
        raise PsmatchError(
            f"The rule {display(plain, 60)}: {display(asked)} is a feature, and cells are chosen by annotation.",
            hint=f"Give {display(asked)} the role annotation (roles), if the assay did not measure it.",
            code="PM-C02",
        )
    raise PsmatchError(
        f"The rule {display(plain, 60)}: there is no column {display(asked)}.",
        hint=f"Use one of the columns: {name_list(columns, 12) or 'the file has none'}.",
        code="PM-C02",
    )


def _number(text: str | None) -> float:
    try:
        return float(text) if text else float("nan")
    except ValueError:
        return float("nan")


def _canonical(text: str) -> str:
    """The same text for the same number: 10.0 and 10."""
    number = _number(text.strip())
    return text.strip() if np.isnan(number) else repr(number)
