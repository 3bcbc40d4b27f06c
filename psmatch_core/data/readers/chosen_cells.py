"""The cells of a file that a recipe uses, their names, and a label made of several columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.cell_rules import parse_rule
from psmatch_core.data.checks import display, label_texts, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.names.doses import without_unit
from psmatch_core.data.readers.base import MatrixHeader, Source, WrappedSource
from psmatch_core.data.readers.data_spec import DataSpec
from psmatch_core.data.readers.number_texts import is_number

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
    """A file with one more column: the label, made of several columns.

    A cell needs a value in the first of them. A further column may be empty for all cells of a label, such as the dose
    of a control, which then goes without it. Where other cells of the label have a value, a cell without one has no
    label: it would be a label of its own, made of unknown doses.
    """

    def __init__(self, inner: Source, spec: DataSpec) -> None:
        super().__init__(inner)
        self._name, keys = spec.label_name, (spec.label_key, *spec.label_with)
        for key in keys:
            if key not in inner.column_names:
                raise PsmatchError(
                    f"{self.shown} has no label column {display(key)}; available: "
                    f"{name_list(inner.column_names, 5) or 'none'}.",
                    hint="Choose columns that the file has.",
                    code="PM-L01",
                )
        columns = [_number_texts(label_texts(inner.column(key)).tolist()) for key in keys]
        columns[1:] = [_with_unit(each, key) for each, key in zip(columns[1:], keys[1:], strict=True)]
        first, further = columns[0], dict(zip(spec.label_with, columns[1:], strict=True))
        lacking = [at for key, values in further.items() for at in self._lacking(key, first, values)]
        joined = np.array(
            [
                JOINED_LABEL.join(each for each in values if each) if values[0] else None
                for values in zip(*columns, strict=True)
            ],
            dtype=object,
        )  # (n_cells,)
        joined[lacking] = None
        self._joined = joined

    def _lacking(self, key: str, first: list[str | None], values: list[str | None]) -> list[int]:
        """The cells without a value in a further column of which other cells of their label have one; both are said."""
        empty = [at for at, (label, value) in enumerate(zip(first, values, strict=True)) if label and not value]
        known = {label for label, value in zip(first, values, strict=True) if label and value}
        lacking = [at for at in empty if first[at] in known]
        if empty:
            unlabelled = _counts_text(first[at] for at in lacking)
            kept = _counts_text(first[at] for at in empty if first[at] not in known)
            said = [f"{unlabelled} have no label, since others of their label have it"] if lacking else []
            said += [f"{kept} keep their label, since none of it has one"] if kept else []
            problem = f"{self.shown}: of cells without {display(key)}, {'; '.join(said)}."
            hint = (
                "Fill in the column, or drop the cells without a label."
                if lacking
                else "Nothing, if these are controls."
            )
            self.findings.append(warning("PM-C09", problem, hint))
        return lacking

    @property
    def column_names(self) -> tuple[str, ...]:
        return (self._name, *self._inner.column_names)

    def column(self, name: str) -> pd.Series:
        import pandas as pd

        return pd.Series(self._joined, name=name, dtype=object) if name == self._name else self._inner.column(name)


def _counts_text(labels: Iterable[str | None]) -> str:
    """Cells and their labels with numbers: ``12 (SAHA 8, Trametinib 4)``; empty if there are none."""
    counts = Counter(labels)
    shown = some([f"{display(label, 20)} {n:,}" for label, n in counts.most_common()], 3)
    return f"{sum(counts.values()):,} ({shown})" if counts else ""


def _number_texts(texts: list[str | None]) -> list[str | None]:
    """The texts of a column; where all are numbers, the same text for the same number: 10.0 and 10."""
    try:
        numbers = {each: f"{float(each):g}" for each in set(texts) if each}
    except ValueError:
        return texts
    if len(set(numbers.values())) < len({float(each) for each in numbers}):  # more digits than are written
        return texts
    return [numbers[each] if each else each for each in texts]


def _with_unit(texts: list[str | None], column: str) -> list[str | None]:
    """The numbers of a column with the unit by which it is called, so that 10 of dose_uM is not 10 of dose_nM."""
    unit = without_unit(column)[1]
    if not unit or not all(is_number(each) for each in texts if each):
        return texts
    return [f"{each} {unit}" if each else each for each in texts]


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
        main = next((each.key for each in inner.headers if len(each.shape) == 2), None)
        features = frozenset(inner.var_names(main)) if main is not None else ()
        for text in rules:
            rule = parse_rule(text, inner.column_names, features)
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

    def n_stored(self, key: str) -> int:
        return 0  # which cells are left is known only in order

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        start = 0
        for rows in self._inner.rows(key, limit):
            keep = self._keep[start : start + rows.shape[0]]
            start += rows.shape[0]
            if keep.any():
                yield rows[keep]

    def embeddings(self, used: str) -> dict[str, np.ndarray]:
        return {name: xy[self._keep] for name, xy in self._inner.embeddings(used).items()}

    def whole(self, key: str) -> Any:
        return self._inner.whole(key)[self._keep]

    def column(self, name: str) -> pd.Series:
        return self._inner.column(name)[self._keep].reset_index(drop=True)
