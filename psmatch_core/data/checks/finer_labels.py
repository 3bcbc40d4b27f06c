"""Columns that split the labels further in both files: the dose of a drug, the stimulation of a cell type."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from psmatch_core.base.errors import some
from psmatch_core.data.checks.file_facts import ColumnFacts, FileFacts
from psmatch_core.data.checks.findings import Finding, display, warning
from psmatch_core.data.names.doses import dose_of, without_unit

FEWEST_CELLS = 3  # of a value, or it does not split a label
LEAST_SPLIT = 0.3  # of the labels: one control may have several doses of nothing
_CONDITIONS = re.compile(
    r"(?i)(.*[_ .])?(doses?|conc(entrations?)?|time|time[_ ]?points?|hours?|hrs?|days?|duration|stim(ul(us|ation))?"
    r"|treatments?|conditions?|cell[_ .]?types?|cell[_ .]?lines?|tissues?|genotypes?|perturbations?|labels?"
    r"|annotations?|sub[_ ]?types?|drugs?|compounds?|cytokines?)([_ .].*)?"
)


def is_condition(name: str) -> bool:
    """Whether a column is called like a part of an experiment's design, not like its batches."""
    return _CONDITIONS.fullmatch(name.strip()) is not None


@dataclass(frozen=True)
class FinerColumn:
    """A column of both files that splits their labels further.

    Parameters
    ----------
    name, target_name
        The column of the source and that of the target; they may differ by a unit, as dose_uM and dose_nM do.
    is_label
        Whether each of its values belongs to one label, so that it can be the label itself.
    label, values
        A label that it splits, and the values it has there.
    """

    name: str
    is_label: bool
    label: str
    values: tuple[str, ...]
    target_name: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """The column of the source and that of the target."""
        return self.name, self.target_name or self.name

    def finding(self) -> Finding:
        """What is said of it."""
        name = display(self.name)
        example = f"{display(self.label, 24)} has {some([display(each, 16) for each in self.values], 3)}"
        hint = f"Make the label of both columns (label_with), or cells of different {name} are matched with each other."
        if self.is_label:
            hint = f"Choose {name} as the label column, if both files mean the same by it."
        if self.name != self.names[1]:
            both = f"Columns {name} and {display(self.names[1])} split the labels further: {example}."
            return warning("PM-L33", both, hint)
        return warning("PM-L33", f"Column {name} splits the labels further in both files: {example}.", hint)


def finer_columns(source: FileFacts, target: FileFacts, label_keys: tuple[str, str]) -> list[FinerColumn]:
    """The columns by which the labels of both files are split further."""
    labels = [_column(side, key) for side, key in zip((source, target), label_keys, strict=True)]
    if labels[0] is None or labels[1] is None:
        return []
    found = []
    for column in source.columns:
        other = _column(target, column.name) or _named_alike(target, column.name)
        if column.name in label_keys or other is None or not column.listed or not is_condition(column.name):
            continue
        both = [(label, each) for label, each in zip(labels, (column, other), strict=True) if label is not None]
        split = [_split(label, each) for label, each in both]
        if all(split) and _have_common_values(column, other):
            label, values = max(split[0].items(), key=lambda each: len(each[1]))
            are_amounts = all(map(_is_amount, {*column.listed, *other.listed} - {""}))  # a dose is of something
            is_label = not are_amounts and all(_is_nested(label, each) for label, each in both)
            found.append(FinerColumn(column.name, is_label, label, tuple(sorted(values)), other.name))
    return found


def _named_alike(side: FileFacts, name: str) -> ColumnFacts | None:
    """The column with the same name but for its unit: ``dose_nM`` for ``dose_uM`` or ``dose``."""
    plain = without_unit(name)[0]
    return next((each for each in side.columns if each.listed and without_unit(each.name)[0] == plain), None)


def _have_common_values(column: ColumnFacts, other: ColumnFacts) -> bool:
    """Whether both have some of the same values, or nothing but doses or times, which may differ in their units."""
    values = [set(each.listed) - {""} for each in (column, other)]
    return len(values[0] & values[1]) > 1 or all(map(_is_amount, values[0] | values[1]))


def _is_amount(text: str) -> bool:
    dose = dose_of(text)
    return dose is not None and not dose.name


def _column(side: FileFacts, name: str) -> ColumnFacts | None:
    return next((each for each in side.columns if each.name == name and each.listed), None)


def _split(label: ColumnFacts, column: ColumnFacts) -> dict[str, set[str]]:
    """The labels with several values of a column, and these values; empty if too few labels are split."""
    counts = Counter(zip(label.listed, column.listed, strict=True))
    values: dict[str, set[str]] = defaultdict(set)
    for (name, value), cells in counts.items():
        if name and value and cells >= FEWEST_CELLS:
            values[name].add(value)
    split = {name: found for name, found in values.items() if len(found) > 1}
    return split if len(split) >= max(1.0, LEAST_SPLIT * len(values)) else {}


def _is_nested(label: ColumnFacts, column: ColumnFacts) -> bool:
    """Whether each value of a column belongs to one label."""
    owners: dict[str, set[str]] = defaultdict(set)
    for name, value in zip(label.listed, column.listed, strict=True):
        if name and value:
            owners[value].add(name)
    return all(len(each) == 1 for each in owners.values())
