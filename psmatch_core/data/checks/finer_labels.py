"""Columns that split the labels further in both files: the dose of a drug, the stimulation of a cell type."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from psmatch_core.base.errors import some
from psmatch_core.data.checks.file_facts import ColumnFacts, FileFacts
from psmatch_core.data.checks.findings import Finding, display, warning

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


def check_finer(source: FileFacts, target: FileFacts, label_keys: tuple[str, str]) -> list[Finding]:
    """The columns by which the labels of both files are split further, one finding each."""
    labels = [_column(side, key) for side, key in zip((source, target), label_keys, strict=True)]
    if labels[0] is None or labels[1] is None:
        return []
    findings = []
    for column in source.columns:
        other = _column(target, column.name)
        if column.name in label_keys or other is None or not is_condition(column.name):
            continue
        split = [_split(label, each) for label, each in zip(labels, (column, other), strict=True) if label is not None]
        if not all(split) or len(set(column.listed) & set(other.listed) - {""}) < 2:
            continue
        label, values = max(split[0].items(), key=lambda each: len(each[1]))
        example = f"{display(label, 24)} has {some([display(each, 16) for each in sorted(values)], 3)}"
        name = display(column.name)
        problem = f"Column {name} splits the labels further in both files: {example}."
        hint = f"Make the label of both columns (label_with), or cells of different {name} are matched with each other."
        if all(_is_nested(label, each) for label, each in zip(labels, (column, other), strict=True) if label):
            hint = f"Choose {name} as the label column, if both files mean the same by it."
        findings.append(warning("PM-L33", problem, hint))
    return findings


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
