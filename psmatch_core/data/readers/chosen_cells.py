"""The cells of a file that a recipe uses, their names, and a label made of several columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.cell_rules import parse_rule
from psmatch_core.data.checks import display, label_texts, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import MatrixHeader, Source, WrappedSource
from psmatch_core.data.readers.data_spec import DataSpec

if TYPE_CHECKING:
    import pandas as pd

JOINED_LABEL = " | "  # between the values of a label of several columns


class NamedCells(WrappedSource):
    """A file whose cells are called by one of its columns."""

    def __init__(self, inner: Source, column: str) -> None:
        super().__init__(inner)
        self._column = column
        self._names = [each or "" for each in label_texts(inner.column(column)).tolist()]

    @property
    def obs_names(self) -> list[str]:
        return self._names

    @property
    def names_are_made(self) -> bool:
        return False

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(each for each in self._inner.column_names if each != self._column)


class JoinedLabelSource(WrappedSource):
    """A file with one more column: the label, made of several columns; a cell needs a value in the first of them."""

    def __init__(self, inner: Source, spec: DataSpec) -> None:
        super().__init__(inner)
        self._name, self._keys = spec.label_name, (spec.label_key, *spec.label_with)
        for key in self._keys:
            if key not in inner.column_names:
                raise PsmatchError(
                    f"{self.shown} has no label column {display(key)}; available: "
                    f"{name_list(inner.column_names, 5) or 'none'}.",
                    hint="Choose columns that the file has.",
                    code="PM-L01",
                )

    @property
    def column_names(self) -> tuple[str, ...]:
        return (self._name, *self._inner.column_names)

    def column(self, name: str) -> pd.Series:
        import pandas as pd

        if name != self._name:
            return self._inner.column(name)
        columns = [_number_texts(label_texts(self._inner.column(key)).tolist()) for key in self._keys]
        joined = [
            None if not values[0] else JOINED_LABEL.join(each for each in values if each)
            for values in zip(*columns, strict=True)
        ]
        return pd.Series(joined, name=name, dtype=object)


def _number_texts(texts: list[str | None]) -> list[str | None]:
    """The texts of a column; where all are numbers, the same text for the same number: 10.0 and 10."""
    try:
        numbers = {each: f"{float(each):g}" for each in set(texts) if each}
    except ValueError:
        return texts
    if len(set(numbers.values())) < len({float(each) for each in numbers}):  # more digits than are written
        return texts
    return [numbers[each] if each else each for each in texts]


class ChosenCells(WrappedSource):
    """The cells of a file that meet every rule; the others are listed with the rule that they miss.

    Raises
    ------
    PsmatchError
        If a rule cannot be read or applied, or no cell meets all rules.
    """

    def __init__(self, inner: Source, rules: tuple[str, ...]) -> None:
        super().__init__(inner)
        names = inner.obs_names
        self._keep = np.ones(len(names), dtype=bool)  # (n_cells,)
        said = []
        for text in rules:
            rule = parse_rule(text, inner.column_names)
            is_met = rule.met_by(inner.column(rule.column))
            missed = self._keep & ~is_met
            self.excluded += [(names[at], f"it does not meet the rule {rule.text}") for at in np.flatnonzero(missed)]
            said.append(f"{int(missed.sum()):,} by {display(rule.text, 60)}")
            self._keep &= is_met
        if not self._keep.any():
            raise PsmatchError(
                f"{self.shown}: no cell meets the rules on cells ({'; '.join(said)} of {len(names):,} left out).",
                hint="Check the values of these columns, or remove a rule.",
                code="PM-C03",
            )
        n_out = int((~self._keep).sum())
        if n_out:
            problem = f"{self.shown}: {plural(n_out, 'cell')} of {len(names):,} left out by rule: {'; '.join(said)}."
            self.findings.append(warning("PM-C04", problem, "They are listed in excluded_cells.csv of a run."))

    @property
    def obs_names(self) -> list[str]:
        return [name for name, kept in zip(self._inner.obs_names, self._keep, strict=True) if kept]

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        n_cells, n_kept = self._keep.size, int(self._keep.sum())
        return tuple(
            replace(each, shape=(n_kept, *each.shape[1:])) if each.shape[:1] == (n_cells,) else each
            for each in self._inner.headers
        )

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        start = 0
        for rows in self._inner.rows(key, limit):
            keep = self._keep[start : start + rows.shape[0]]
            start += rows.shape[0]
            if keep.any():
                yield rows[keep]

    def whole(self, key: str) -> Any:
        return self._inner.whole(key)[self._keep]

    def column(self, name: str) -> pd.Series:
        return self._inner.column(name)[self._keep].reset_index(drop=True)
